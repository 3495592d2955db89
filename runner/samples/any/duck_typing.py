# /// sample
# title: Duck typing and the protocols behind the syntax
# tier: any
# ///
"""Functions that ask for behaviour, not for classes, and the objects that offer just enough of it."""

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable, Mapping, MutableSequence, Sized
from typing import Protocol, SupportsIndex, runtime_checkable


@runtime_checkable
class Closeable(Protocol):
    def close(self) -> None: ...


class Countdown:
    """Iterable by the old protocol only: __getitem__ from 0 until IndexError."""

    def __init__(self, start):
        self.start = start

    def __getitem__(self, index):
        if index > self.start:
            raise IndexError(index)
        return self.start - index


class Shelf(MutableSequence):
    """Five methods; the rest of a list comes from the abstract base."""

    def __init__(self, *items):
        self._items = list(items)

    def __len__(self):
        return len(self._items)

    def __getitem__(self, index):
        return self._items[index]

    def __setitem__(self, index, value):
        self._items[index] = value

    def __delitem__(self, index):
        del self._items[index]

    def insert(self, index, value):
        self._items.insert(index, value)

    def __repr__(self):
        return f"Shelf({', '.join(map(repr, self._items))})"


class Roman:
    VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}

    def __init__(self, text):
        self.text = text

    def __index__(self):
        total = 0
        for here, after in zip(self.text, self.text[1:] + "I"):
            value = self.VALUES[here]
            total += -value if value < self.VALUES[after] else value
        return total


class Document:
    def __init__(self, name):
        self.name = name

    def __fspath__(self):
        return f"docs/{self.name}.txt"

    def close(self):
        print("closed", self.name)


class Upper(io.TextIOBase):
    """A file that print() can write to."""

    def __init__(self):
        self.parts = []

    def write(self, text):
        self.parts.append(text.upper())
        return len(text)


class Shape(ABC):
    @property
    @abstractmethod
    def area(self): ...

    @classmethod
    def __subclasshook__(cls, other):
        if cls is Shape and any("area" in vars(base) for base in other.__mro__):
            return True
        return NotImplemented


class Square:
    def __init__(self, side):
        self.side = side

    @property
    def area(self):
        return self.side**2


print("== old iteration protocol")
countdown = Countdown(3)
print(list(countdown), 2 in countdown, 9 in countdown, max(countdown), [*reversed([*countdown])])
print(isinstance(countdown, Iterable), isinstance(countdown, Sized))
first, *rest = countdown
print(first, rest, dict(zip("abcd", countdown)))

print("== mixin methods")
shelf = Shelf("b", "a")
shelf += ["d", "c"]
shelf.reverse()
shelf.remove("d")
print(shelf, shelf.index("a"), shelf.count("a"), shelf.pop(), "b" in shelf, list(reversed(shelf)))
shelf.extend(shelf)
print(shelf, sorted(shelf), shelf[0:2])
try:
    shelf.remove("nothing")
except ValueError as error:
    print("ValueError", error)

print("== __index__")
four = Roman("IV")
print("abcdefgh"[four], [0] * Roman("III"), hex(Roman("XIV")), range(Roman("X"))[-1], "abcdefghij"[Roman("II") : four])
print(isinstance(four, SupportsIndex), b"x" * four, int(Roman("XLII")), f"{int(four):03d}")
try:
    four + 1
except TypeError as error:
    print(error)

print("== paths and files")
document = Document("report")
print(os.fspath(document), os.path.basename(document), os.path.splitext(document))
print(isinstance(document, Closeable), isinstance(io.StringIO(), Closeable), isinstance(3, Closeable))
sink = Upper()
print("to a", "duck", sep="-", end="!\n", file=sink)
print(sink.parts, sink.readable(), sink.closed)
try:
    os.fspath(3.5)
except TypeError as error:
    print(error)

print("== structural and virtual subclasses")
print(isinstance(Square(3), Shape), issubclass(int, Shape), Square(3).area)
try:
    Shape()
except TypeError as error:
    print(error)


class Registered:
    def __len__(self):
        return 0

    __hash__ = None


Mapping.register(Registered)
print(isinstance(Registered(), Mapping), isinstance(Registered(), Hashable), isinstance([], Hashable), bool(Registered()))

print("== call anything")
for callee in (str.upper, len, Roman, lambda text: text[::-1], "{0:>6}|".format, {"viii": 8}.get, [].append):
    result = callee("viii") if callee is not Roman else int(callee("VIII"))
    print(type(callee).__name__, result)
