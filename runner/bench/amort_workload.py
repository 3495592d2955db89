"""The amortization workload: AMORT_M rounds (default 1) of descriptor access, dynamic dispatch and getattr.

Small values of AMORT_M measure the launch, large ones the interpreter. It imports nothing but `os`, which every start has loaded
anyway, takes the same path through the code on every platform, and prints one line: the rounds and a checksum of all results.
"""

import os

MASK = (1 << 61) - 1


class Clamped:
    """A data descriptor written in Python: two calls for every `+=`."""

    def __init__(self, low, high):
        self.low, self.span = low, high - low + 1

    def __set_name__(self, owner, name):
        self.slot = "_" + name

    def __get__(self, instance, owner=None):
        return self if instance is None else getattr(instance, self.slot)

    def __set__(self, instance, value):
        setattr(instance, self.slot, self.low + (value - self.low) % self.span)


class Shape:
    width = Clamped(1, 97)
    height = Clamped(1, 89)

    def __init__(self, width, height):
        self.width, self.height = width, height

    @property
    def area(self):
        return self.width * self.height

    def grow(self, by):
        self.width += by
        return self.area


class Circle(Shape):
    @property
    def area(self):
        return self.width * self.width * 3

    def turn(self, by):
        self.height += by
        return self.area ^ self.height


class Ring(Circle):
    def grow(self, by):
        return super().grow(by + 1) - self.height

    def __getattr__(self, name):
        """`virtual_7` is made up, as proxies do."""
        head, _, tail = name.partition("_")
        if head != "virtual":
            raise AttributeError(name)
        return int(tail) + self.width


OPERATIONS = ("grow", "turn", "virtual_7", "absent")


def step(shape, name, number):
    """One round: an operation that is there, is made up, or is missing."""
    found = getattr(shape, name, None)
    if found is None:
        return number
    return found(number % 11) if callable(found) else found


def run(rounds):
    shapes = (Shape(3, 5), Circle(7, 11), Ring(13, 17))
    checksum = 0
    for number in range(rounds):
        result = step(shapes[number % 3], OPERATIONS[number % 4], number)
        checksum = (checksum * 31 + result) & MASK
    return checksum


rounds = int(os.environ.get("AMORT_M", "1"))
print(rounds, f"{run(rounds):016x}")
