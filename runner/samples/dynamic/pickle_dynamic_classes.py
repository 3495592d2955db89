# /// sample
# title: Pickling dynamic classes, reducers and persistent objects
# tier: dynamic
# ///
"""What pickle can do with classes made at run time, and every hook with which an object may help it."""

import copy
import copyreg
import io
import pickle
import pickletools
import sys
from collections import namedtuple
from decimal import Decimal
from functools import partial

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
MADE = {}


def make(name, fields):
    """A record class that can be made again from its recipe."""
    key = (name, tuple(fields))
    if key not in MADE:
        MADE[key] = type(
            name,
            (Recorded,),
            {"__slots__": tuple(fields), "_recipe": key, "__reduce__": lambda self: (remake, (*key, [getattr(self, f) for f in fields]))},
        )
    return MADE[key]


def remake(name, fields, values):
    return make(name, fields)(*values)


class Recorded:
    __slots__ = ()

    def __init__(self, *values):
        for field, value in zip(self.__slots__, values, strict=True):
            setattr(self, field, value)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(repr(getattr(self, f)) for f in self.__slots__)})"


class Stateful:
    version = 2

    def __init__(self, path):
        self.path, self.handle = path, (line for line in [path])

    def __getstate__(self):
        return {"path": self.path, "version": self.version}

    def __setstate__(self, state):
        if state.pop("version", 1) < 2:
            state["path"] = "old:" + state["path"]
        self.__init__(state["path"])


class NewArgs(str):
    def __new__(cls, text, *, mark):
        self = super().__new__(cls, text + mark)
        self.parts = (text, mark)
        return self

    def __getnewargs_ex__(self):
        return (self.parts[0],), {"mark": self.parts[1]}


class Bag(dict):
    def __init__(self, owner):
        self.owner = owner

    def __reduce__(self):
        return type(self), (self.owner,), {"seen": True}, None, iter(self.items())


class Singleton:
    def __reduce__(self):
        return "THE_ONE"


class Base:
    __slots__ = ("a",)


class Mixed(Base):
    __slots__ = ("b", "__dict__")


THE_ONE = Singleton()
Coordinates = namedtuple("Coordinates", "lat lon")


def round_trip(value, protocol=pickle.HIGHEST_PROTOCOL):
    return pickle.loads(pickle.dumps(value, protocol))


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {str(error).split(' at 0x')[0]}")


print("== classes made at run time")
point = make("Point", ["x", "y"])(1, [2])
again = round_trip({"p": point, "same": point})
print(again, again["p"] is again["same"], type(again["p"]) is type(point))
anonymous = type("Anonymous", (), {"x": 1})
attempt("not importable", lambda: round_trip(anonymous()))
globals()["Anonymous"] = anonymous
attempt("findable now", lambda: round_trip(anonymous()).x)
Anonymous = type("Anonymous", (), {})
attempt("another of that name", lambda: round_trip(anonymous()))


def local():
    class Inner:
        pass

    return Inner()


attempt("local class", lambda: round_trip(local()))
attempt("lambda", lambda: round_trip(lambda: 1))
attempt("generator", lambda: round_trip(x for x in "ab"))
attempt("nested class", lambda: round_trip(Coordinates(1, 2)))
attempt("bound method and partial", lambda: round_trip([point.__repr__, partial(pow, 2)])[1](5))

print("== protocols")
values = [None, -1, 2**65, 1.5, 1j, "é", b"\x00", bytearray(b"x"), (1,), {"k": {1}}, frozenset("a"), Decimal("1.10"), range(3), slice(1, 2), Ellipsis, int]
for protocol in PROTOCOLS:
    print(protocol, round_trip(values, protocol) == values, len(pickle.dumps(values[:6], protocol)), pickle.dumps((1, "a"), protocol).hex())

print("== hooks")
print(round_trip(Stateful("p")).path, vars(pickle.loads(pickle.dumps(Stateful("q")).replace(b"version", b"verzion")))["path"])
text = round_trip(NewArgs("abc", mark="!"))
print(text, text.parts, type(text).__name__)
bag = Bag("me")
bag.update(a=1, b=[2])
print(round_trip(bag), vars(round_trip(bag)), round_trip(THE_ONE) is THE_ONE, copy.deepcopy(THE_ONE) is THE_ONE)
mixed = Mixed()
mixed.a, mixed.b, mixed.c = 1, 2, 3
print([getattr(round_trip(mixed), name) for name in "abc"], Mixed.__reduce_ex__(mixed, 2)[2])
attempt("slots in protocol 0", lambda: round_trip(mixed, 0))
copyreg.pickle(type(sys), lambda module: (__import__, (module.__name__,)))
print(round_trip(sys) is sys)
loop = make("Loop", ["me"])(None)
loop.me = {"list": [loop]}
attempt("a cycle through __reduce__ arguments", lambda: round_trip(loop))
cycle = Bag("cycle")
cycle["me"] = cycle
print(round_trip(cycle)["me"]["me"].owner)

print("== persistent objects, trusted names and buffers")
DATABASE = {"row:1": make("Row", ["id"])(1)}


class Store(pickle.Pickler):
    def persistent_id(self, value):
        return f"row:{value.id}" if type(value).__name__ == "Row" else None

    def reducer_override(self, value):
        return (str.upper, (value.__name__,)) if value is len else NotImplemented


class Load(pickle.Unpickler):
    def persistent_load(self, key):
        return DATABASE[key]

    def find_class(self, module, name):
        if (module, name) not in {("builtins", "getattr"), ("builtins", "str")}:
            raise pickle.UnpicklingError(f"{module}.{name} is forbidden")
        return super().find_class(module, name)


stream = io.BytesIO()
Store(stream, 4).dump([DATABASE["row:1"], len, "end"])
stream.seek(0)
loaded = Load(stream).load()
print(loaded, loaded[0] is DATABASE["row:1"])
attempt("forbidden", lambda: Load(io.BytesIO(pickle.dumps(Decimal(1)))).load())
buffers = []
data = pickle.dumps(pickle.PickleBuffer(bytearray(b"large")), 5, buffer_callback=buffers.append)
print(len(data), buffers[0].raw().tobytes(), pickle.loads(data, buffers=[b"other"]))
attempt("truncated", lambda: pickle.loads(pickle.dumps([1, 2, 3])[:-4]))
attempt("no pickle", lambda: pickle.loads(b"garbage"))
print([op.name for op, argument, position in pickletools.genops(pickletools.optimize(pickle.dumps({"k": (1, 2)}, 4)))])
