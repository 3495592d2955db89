# /// sample
# title: C types, structures and callbacks
# tier: realworld
# requires: module:ctypes, module:uuid
# ///
"""What ctypes does without loading a library: memory laid out as C has it, functions of ours called through C pointers."""

import ctypes
import uuid


class Point(ctypes.Structure):
    _fields_ = [("x", ctypes.c_int32), ("y", ctypes.c_int32)]


class Flags(ctypes.Structure):
    _fields_ = [("kind", ctypes.c_uint8, 3), ("level", ctypes.c_uint8, 5)]


class Either(ctypes.Union):
    _fields_ = [("number", ctypes.c_uint32), ("bytes", ctypes.c_uint8 * 4)]


class Big(ctypes.BigEndianStructure):
    _fields_ = [("number", ctypes.c_uint32)]


points = (Point * 3)(Point(1, 2), Point(3, 4), Point(-5, 6))
print([(point.x, point.y) for point in points], ctypes.sizeof(points))
print(bytes(Big(0x01020304)).hex(), Flags(5, 17).level, len(bytes(Either(number=7))))

Adder = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.c_double, ctypes.POINTER(Point))


@Adder
def add(count, factor, first):
    return factor * sum(first[i].x + first[i].y for i in range(count))


# Through the address, as C code would call it.
again = Adder(ctypes.cast(add, ctypes.c_void_p).value)
print(again(3, 0.5, points))

buffer = ctypes.create_string_buffer(b"seven", 16)
print(ctypes.string_at(buffer), buffer.raw[:7], ctypes.sizeof(buffer))
pointer = ctypes.cast(buffer, ctypes.POINTER(ctypes.c_char))
pointer[0] = b"S"
print(buffer.value, ctypes.addressof(buffer) == ctypes.addressof(pointer.contents))
try:
    add("one", 2.0, points)
except ctypes.ArgumentError as error:
    print(error)

print(uuid.uuid5(uuid.NAMESPACE_DNS, "example.org"), uuid.uuid1().version, len({uuid.uuid4() for _ in range(50)}))
