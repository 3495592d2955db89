# /// sample
# title: Dataclasses in depth
# tier: dynamic
# ///
"""Orders and their lines: defaults, ordering, slots, frozen values, inheritance, and classes made at run time."""

import dataclasses
import inspect
import json
from dataclasses import KW_ONLY, InitVar, asdict, astuple, dataclass, field, fields, make_dataclass, replace
from functools import cached_property
from typing import ClassVar, Generic, TypeVar

T = TypeVar("T")


@dataclass(order=True, frozen=True, slots=True)
class Money:
    cents: int
    currency: str = field(default="EUR", compare=False)

    def __post_init__(self):
        if not isinstance(self.cents, int):
            object.__setattr__(self, "cents", round(self.cents * 100))

    def __add__(self, other):
        if self.currency != other.currency:
            raise ValueError(f"{self.currency} and {other.currency}")
        return replace(self, cents=self.cents + other.cents)

    def __str__(self):
        return f"{self.cents // 100}.{self.cents % 100:02d} {self.currency}"


@dataclass
class Line:
    product: str
    price: Money
    quantity: int = 1

    @property
    def total(self):
        return Money(self.price.cents * self.quantity, self.price.currency)


@dataclass
class Order:
    count: ClassVar[int] = 0
    number: int = field(init=False)
    customer: str
    lines: list[Line] = field(default_factory=list)
    _: KW_ONLY
    discount: InitVar[int | None] = None
    notes: dict = field(default_factory=dict, repr=False, hash=False, metadata={"export": False, "max": 3})

    def __post_init__(self, discount):
        type(self).count += 1
        self.number = self.count
        self.discount_percent = discount or 0

    @cached_property
    def total(self):
        return sum((line.total for line in self.lines), Money(0))


@dataclass
class RushOrder(Order):
    hours: int = field(default=24, kw_only=True)
    customer: str = "walk-in"


@dataclass(eq=False)
class ByIdentity:
    value: int


@dataclass(unsafe_hash=True)
class Hashed:
    key: str
    cache: list = field(default_factory=list, compare=False)


@dataclass
class Box(Generic[T]):
    item: T
    __match_args__ = ("item",)


@dataclass
class Tree:
    name: str
    children: list["Tree"] = field(default_factory=list)
    parent: "Tree | None" = field(default=None, repr=False, compare=False)


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== values")
price = Money(12.5)
print(price, repr(price), price + Money(250), Money(1) < Money(2, "USD"), Money(5) == Money(5, "USD"), max(Money(3), Money(7)))
print(hash(price) == hash(Money(1250)), {price: 1}[Money(1250, "USD")], hasattr(price, "__dict__"), Money.__slots__)
attempt("frozen", lambda: setattr(price, "cents", 1))
attempt("frozen delete", lambda: delattr(price, "cents"))
attempt("mixed", lambda: price + Money(1, "USD"))
attempt("other type", lambda: price < 3)
attempt("unknown field", lambda: replace(price, colour=1))

print("== orders")
order = Order("Ann", [Line("tea", price, 2), Line("cup", Money(399))], discount=5)
print(order, order.total, order.discount_percent)
print(order.total is order.total, "total" in vars(order), inspect.signature(Order))
order.lines.append(Line("spoon", Money(1)))
print(order.total, len(Order("Bob").lines), Order.count)
rush = RushOrder(hours=2)
print(rush, [f.name for f in fields(rush)], rush == Order("walk-in"))
attempt("keyword only", lambda: Order("x", [], 5))
attempt("not in init", lambda: replace(order, number=9))
attempt("InitVar must be given", lambda: replace(order, customer="Zed"))
print(replace(order, customer="Zed", discount=1).number, json.dumps(asdict(rush)))
print(astuple(order.lines[0]), asdict(order.lines[0], dict_factory=lambda pairs: {k: str(v) for k, v in pairs}))
copied = asdict(order)
copied["lines"][0]["product"] = "changed"
print(order.lines[0].product, {f.name: dict(f.metadata) for f in fields(Order) if f.metadata})

print("== equality and hashing")
print(ByIdentity(1) == ByIdentity(1), Hashed("a", [1]) == Hashed("a", [2]), len({Hashed("a"), Hashed("a", [9])}), Line.__hash__)
attempt("eq without hash", lambda: {Line("a", price)})
root = Tree("root")
root.children.append(Tree("leaf", parent=root))
print(root, root.children[0] == Tree("leaf"))
root.children.append(root)
print(repr(root))

print("== matching")
for thing in (Money(5), Line("tea", Money(7), 3), Box([1, 2]), Box({"k": Money(1)}), Tree("t", [Tree("u")])):
    match thing:
        case Money(cents, currency="EUR"):
            print("money", cents)
        case Line(product, Money(cents), quantity) if quantity > 1:
            print("line", product, cents * quantity)
        case Box([first, *_]):
            print("box of a list", first)
        case Box({"k": inner}):
            print("box of a dict", inner)
        case Tree(children=[Tree(name)]):
            print("tree with", name)

print("== made at run time")
Point = make_dataclass("Point", ["x", ("y", int, 0), ("tags", list, field(default_factory=list))], namespace={"norm": lambda p: abs(p.x) + abs(p.y)})
print(Point(3), Point(-3, 4).norm(), Point.__match_args__, dataclasses.is_dataclass(Point), dataclasses.is_dataclass(Point(1)))
attempt("mutable default", lambda: make_dataclass("Bad", [("items", list, [])]))
attempt("default before none", lambda: make_dataclass("Bad", [("a", int, 1), "b"]))
attempt("keyword as name", lambda: make_dataclass("Bad", ["class"]))
attempt("twice", lambda: make_dataclass("Bad", ["a", "a"]))
attempt("frozen from plain", lambda: dataclass(frozen=True)(type("F", (Line,), {"__annotations__": {"z": int}})))
attempt("order without eq", lambda: dataclass(order=True, eq=False)(type("O", (), {})))
attempt("not a dataclass", lambda: fields(3))
plain = type("Plain", (), {"__annotations__": {"a": int, "b": str}, "b": "x"})
print(dataclass(plain)(1), dataclass(repr=False, init=False)(type("Q", (), {"__annotations__": {"a": int}})).__init__ is object.__init__)
