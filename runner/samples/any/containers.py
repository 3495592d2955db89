# /// sample
# title: Containers that hold everything at once
# tier: any
# ///
"""A record store takes whatever callers hand it: nested, shared, recursive, unhashable."""

import copy
import json
import pickle
from collections import ChainMap, Counter, OrderedDict, defaultdict, deque, namedtuple
from types import MappingProxyType, SimpleNamespace

Point = namedtuple("Point", "x y label", defaults=["origin"])

MIXED = [
    None, True, 0, -1, 2**70, 3.5, float("inf"), 1 - 2j, "text", b"\x00\xff", bytearray(b"ab"),
    (), (1,), [[]], {}, {"k": [1, {"deep": (2, 3)}]}, {3, 1, 2}, frozenset("ab"), range(0, 10, 3), slice(1, None, 2),
    Ellipsis, NotImplemented, int, len, Point(1, 2), deque([1, 2], maxlen=2), SimpleNamespace(a=1, b=[2]),
]


def describe(value):
    """A stable description: sets sorted, functions by name."""
    match value:
        case set() | frozenset():
            return f"{type(value).__name__}{sorted(value)}"
        case type():
            return f"class {value.__name__}"
        case _ if callable(value):
            return f"callable {value.__name__}"
        case _:
            return repr(value)


def is_hashable(value):
    try:
        hash(value)
    except TypeError:
        return False
    return True


def survey():
    print("== survey")
    for value in MIXED:
        flags = "".join(
            mark if test else "-"
            for mark, test in (
                ("t", bool(value) if value is not NotImplemented else True),
                ("h", is_hashable(value)),
                ("i", hasattr(value, "__iter__")),
                ("s", hasattr(value, "__len__")),
            )
        )
        print(f"{flags} {type(value).__name__:<16} {describe(value)}")


def sharing():
    print("== sharing")
    leaf = ["leaf"]
    tree = {"left": leaf, "right": leaf, "both": (leaf, leaf)}
    shallow, deep = copy.copy(tree), copy.deepcopy(tree)
    leaf.append("changed")
    print("shallow sees it:", shallow["left"], "deep does not:", deep["left"])
    print("deep keeps sharing:", deep["left"] is deep["right"] is deep["both"][1])
    thawed = pickle.loads(pickle.dumps(tree, protocol=4))
    print("pickle keeps sharing:", thawed["left"] is thawed["both"][0], thawed == tree)


def recursion():
    print("== recursion")
    loop = [1]
    loop.append(loop)
    table = {"self": None, "list": loop}
    table["self"] = table
    print(loop, table)
    twin = copy.deepcopy(table)
    print("closed again:", twin["self"] is twin, twin["list"][1] is twin["list"])
    try:
        json.dumps(table)
    except ValueError as error:
        print("json:", error)
    other = [1]
    other.append(other)
    try:
        print(loop == other)
    except RecursionError as error:
        # Since 3.14 the message may say how many kB of the stack are used.
        print("comparison:", type(error).__name__, str(error).split(" in ")[0].split(" (")[0])


def special():
    print("== special containers")
    chain = ChainMap({"colour": "red"}, {"colour": "blue", "size": 3})
    child = chain.new_child({"size": 9})
    print(dict(child), child.parents["size"], list(chain))
    del child["size"]
    print(child["size"], len(child.maps))
    counter = Counter("abracadabra")
    counter.subtract({"a": 3, "z": 1})
    print(counter, +counter, -counter, counter.total())
    groups = defaultdict(lambda: defaultdict(int))
    for word in "to be or not to be".split():
        groups[len(word)][word] += 1
    print({size: dict(words) for size, words in groups.items()}, groups.get(9))
    ring = deque(range(5), maxlen=3)
    ring.appendleft("new")
    ring.rotate(-1)
    print(ring, ring.index(3))
    order = OrderedDict.fromkeys("cab")
    order.move_to_end("c")
    order.move_to_end("b", last=False)
    print(list(order), order == dict(order), order == OrderedDict(sorted(order.items())))
    frozen = MappingProxyType({"a": [1]})
    frozen["a"].append(2)
    try:
        frozen["b"] = 1
    except TypeError as error:
        print(frozen, error)
    point = Point(3, y=4)._replace(label="moved")
    print(point, point._asdict(), Point._field_defaults, point == (3, 4, "moved"))


def mutation_while_iterating():
    print("== mutation while iterating")
    for container, change in (({1: 1, 2: 2}, lambda d: d.update({3: 3})), (deque([1, 2]), lambda d: d.append(3))):
        try:
            for _ in container:
                change(container)
        except RuntimeError as error:
            print(type(container).__name__, "->", error)
    numbers = [1, 2, 3, 4, 5, 6]
    for number in numbers:
        if number % 2:
            numbers.remove(number)
    print("list skips quietly:", numbers)
    numbers[1:1] = numbers[::-1]
    numbers[::2] = ["even"] * len(numbers[::2])
    print(numbers)
    try:
        numbers[::2] = [0]
    except ValueError as error:
        print("extended slice:", error)


survey()
sharing()
recursion()
special()
mutation_while_iterating()
