# /// sample
# title: Identity, equality, hashing and order
# tier: any
# ///
"""What `is`, `==`, `in`, dict keys and sort do with values that make their own rules."""

import functools
import math
from fractions import Fraction
from operator import attrgetter, itemgetter

NAN = float("nan")


class Cents:
    """Equal to other Cents and to plain numbers; hash agrees with both."""

    def __init__(self, amount):
        self.amount = amount

    def __eq__(self, other):
        if isinstance(other, Cents):
            return self.amount == other.amount
        if isinstance(other, (int, float)):
            return self.amount == other * 100
        return NotImplemented

    def __hash__(self):
        return hash(Fraction(self.amount, 100))

    def __repr__(self):
        return f"Cents({self.amount})"


class EqualOnly:
    def __eq__(self, other):
        return isinstance(other, EqualOnly)


class Everything:
    """Equal to all, as mock.ANY."""

    def __eq__(self, other):
        return True

    def __ne__(self, other):
        return False

    def __repr__(self):
        return "<everything>"

    __hash__ = None


@functools.total_ordering
class Version:
    def __init__(self, text):
        self.parts = tuple(int(part) for part in text.split("."))

    def __eq__(self, other):
        return self.parts == other.parts if isinstance(other, Version) else NotImplemented

    def __lt__(self, other):
        return self.parts < other.parts if isinstance(other, Version) else NotImplemented

    def __hash__(self):
        return hash(self.parts)

    def __repr__(self):
        return ".".join(map(str, self.parts))


class Logged:
    """Tells which side was asked, and in which order."""

    def __init__(self, name, answer):
        self.name, self.answer = name, answer

    def __eq__(self, other):
        print(f"  {self.name}.__eq__", end="")
        return self.answer

    def __lt__(self, other):
        print(f"  {self.name}.__lt__", end="")
        return self.answer

    def __gt__(self, other):
        print(f"  {self.name}.__gt__", end="")
        return self.answer


class LoggedChild(Logged):
    def __eq__(self, other):
        return super().__eq__(other)


print("== not a number")
print(NAN == NAN, NAN is NAN, NAN in [NAN], [NAN] == [NAN], float("nan") in [NAN], [NAN].count(NAN))
print({NAN: 1}.get(NAN), {NAN: 1}.get(float("nan")), len({NAN, NAN}), (1, NAN) < (1, NAN), sorted([3, 1, 2], key=lambda n: -n))
print(0.0 == -0.0, math.copysign(1, -0.0), len({0.0, -0.0, 0, False}), {1: "int", 1.0: "float", True: "bool"})

print("== equal across types")
print(Cents(250) == 2.5, 2.5 == Cents(250), Cents(250) != Cents(251), Cents(300) == "3")
print({3: "three"}[Cents(300)], Cents(150) in {1.5}, {Cents(100), 1, 1.0, True})
print(1 == Fraction(1) == 1.0 == True, "a" == b"a", (1,) == [1], frozenset({1}) == {1}, range(0) == range(5, 5))

print("== hash and eq travel together")
try:
    {EqualOnly()}
except TypeError as error:
    print(error, "|", EqualOnly.__hash__)
print([Everything()] == [1], 5 == Everything(), Everything() in [], [1, "x", None].index(Everything()))
print({"id": Everything(), "name": "n"} == {"id": 9137, "name": "n"})

print("== who is asked")
for left, right in (
    (Logged("left", True), Logged("right", False)),
    (Logged("left", NotImplemented), Logged("right", True)),
    (Logged("left", NotImplemented), Logged("right", NotImplemented)),
    (Logged("parent", True), LoggedChild("child", False)),
):
    equal = left == right
    print(" ->", equal)
left, right = Logged("left", NotImplemented), Logged("right", True)
less = left < right
print(" ->", less)
more = left > right
print(" ->", more)
try:
    Logged("a", NotImplemented) < Logged("b", NotImplemented)
except TypeError as error:
    print(" ->", error)

print("== order")
versions = [Version(text) for text in ("1.10", "1.2", "1.2.0", "0.9.9", "1.10")]
print(sorted(versions), max(versions), Version("2") >= Version("1.99"), len(set(versions)))
try:
    Version("1") < 2
except TypeError as error:
    print(error)
rows = [("b", 2), ("a", 2), ("c", 1), ("a", 1)]
print(sorted(rows, key=itemgetter(1)), sorted(rows, key=itemgetter(1), reverse=True))
print(sorted(versions, key=attrgetter("parts"), reverse=True)[:2])
compare = functools.cmp_to_key(lambda a, b: (len(a) > len(b)) - (len(a) < len(b)) or (a > b) - (a < b))
print(sorted(["pear", "fig", "apple", "kiwi"], key=compare))
try:
    sorted([3, "a", None])
except TypeError as error:
    print(error)
print([1, 2] < [1, 2, 0], (1, "b") > (1, "a"), "Z" < "a", "é" > "z", [] < [0], {1} < {1, 2}, {1} < {2})

print("== identity")
a = [1]
b = a
b += [2]
print(a is b, a, end=" ")
a = a + [3]
print(a is b, b)
default = []


def collect(item, into=default):
    into.append(item)
    return into


print(collect(1) is collect(2) is default, default, collect.__defaults__[0] is default)
print(None is None, tuple([]) is tuple(""), type(NAN) is float, bool(1) is True, (not []) is True)
