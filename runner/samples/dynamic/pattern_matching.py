# /// sample
# title: Structural pattern matching over trees and messages
# tier: dynamic
# ///
"""An expression simplifier, a message router and a JSON query, with every kind of pattern and its corners."""

import enum
import json
from collections import OrderedDict, UserDict, deque, namedtuple
from dataclasses import dataclass


@dataclass(frozen=True)
class Num:
    value: float


@dataclass(frozen=True)
class Var:
    name: str


@dataclass(frozen=True)
class Op:
    symbol: str
    left: object
    right: object


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Span:
    __match_args__ = ("start", "end")

    def __init__(self, start, end):
        self.start, self.end = start, end

    @property
    def length(self):
        print("  length asked")
        return self.end - self.start


class Odd:
    __match_args__ = ("missing",)


Pair = namedtuple("Pair", "a b")
LIMIT = 10


def simplify(node):
    match node:
        case Op(symbol, left, right):
            node = Op(symbol, simplify(left), simplify(right))
    match node:
        case Op("+", Num(0), x) | Op("+", x, Num(0)) | Op("*", Num(1), x) | Op("*", x, Num(1)):
            return x
        case Op("*", Num(0), _) | Op("*", _, Num(0)):
            return Num(0)
        case Op("+" | "-" | "*" as symbol, Num(a), Num(b)):
            return Num({"+": a + b, "-": a - b, "*": a * b}[symbol])
        case Op("-", a, b) if a == b:
            return Num(0)
        case Op("+", a, Op("+", b, c)):
            return simplify(Op("+", Op("+", a, b), c))
    return node


def show(node):
    match node:
        case Num(value):
            return f"{value:g}"
        case Var(name):
            return name
        case Op(symbol, left, right):
            return f"({show(left)} {symbol} {show(right)})"


def classify(value):
    match value:
        case None | False | True:
            return f"singleton {value}"
        case Colour.RED:
            return "the colour red"
        case 0 | 0.0:
            return f"zero, a {type(value).__name__}"
        case -1 | 1j | "one":
            return "literal"
        case int(n) if n > LIMIT:
            return f"int above {LIMIT}"
        case int() | float() as number:
            return f"number {number}"
        case str(text):
            return f"text {text!r}"
        case bytes() | bytearray():
            return "bytes are no sequence"
        case []:
            return "empty sequence"
        case [x]:
            return f"one item {x!r}"
        case [("deep", [_, *rest]), *_, last]:
            return f"deep, rest {rest}, last {last!r}"
        case [first, *middle, last] if first == last:
            return f"palindromic with {middle}"
        case (a, b):
            return f"pair {a!r}, {b!r} from {type(value).__name__}"
        case [_, _, *_]:
            return f"sequence of {len(value)}"
        case {"type": kind, **rest} if not rest:
            return f"only a type {kind!r}"
        case {"a": {"b": [_, second, *_]}}:
            return f"nested second {second!r}"
        case {"id": int(number) | str(number), "tags": [*tags]}:
            return f"id {number!r} with {len(tags)} tags"
        case {}:
            return f"mapping with {len(value)}"
        case Span(start=0):
            return "span from the start"
        case Span(_, end, length=length) if length > 2:
            return f"long span to {end}"
        case Span():
            return "some span"
        case set() | frozenset():
            return "sets are no sequence"
        case _:
            return f"anything: {type(value).__name__}"


def route(message, handlers):
    match message:
        case {"method": str(method), "params": [*params]} | {"method": str(method), **params} if method in handlers:
            return handlers[method](params)
        case {"method": str(method)}:
            return f"no {method}"
        case {"error": {"code": -32700 | -32600 as code}}:
            return f"protocol error {code}"
        case [*batch]:
            return [route(each, handlers) for each in batch]
        case other:
            return f"invalid {other!r}"


print("== simplify")
x, y = Var("x"), Var("y")
for tree in (
    Op("+", Op("*", Num(1), x), Op("*", Num(0), y)),
    Op("-", Op("+", x, Num(2)), Op("+", x, Num(2))),
    Op("+", Num(1), Op("+", Num(2), Op("+", Num(3), x))),
    Op("*", Op("-", Num(5), Num(4)), Op("+", y, Num(0))),
):
    print(show(tree), "=>", show(simplify(tree)))

print("== classify")
for value in (
    None, True, 1, 0, 0.0, -0.0, -1, 1j, 11, 2.5, "one", "two", b"ab", [], (), "", ["x"], deque([1]), Pair(1, 2), range(3), [1, 2, 1],
    [("deep", [1, 2, 3]), "skip", "end"], (1, 2, 3, 4), {1, 2}, {}, {"type": "t"}, {"type": "t", "x": 1}, {"a": {"b": (1, 2)}},
    {"id": "7", "tags": []}, {"id": 7, "tags": "abc"}, OrderedDict(a=1), UserDict(type="u"), Colour.RED, Colour.BLUE, Span(0, 1), Span(1, 9),
    Span(1, 2), len, iter([1]), memoryview(b"ab"),
):  # fmt: skip
    shown = repr(value) if not isinstance(value, (Span, type(iter([])), memoryview)) else type(value).__name__
    print(f"{shown} -> {classify(value)}")

print("== route")
handlers = {"sum": lambda p: sum(p) if isinstance(p, list) else p, "echo": lambda p: p}
for text in ('{"method": "sum", "params": [1, 2, 3]}', '{"method": "echo", "id": 4}', '{"method": "x"}', '{"error": {"code": -32600}}', '[{"method": 5}, []]'):
    print(route(json.loads(text), handlers))

print("== corners")
match [1, 2, 3]:
    case [a, b]:
        pass
    case [a, *b]:
        print("bound", a, b)
try:
    match Odd():
        case Odd(value):
            print("never")
        case Odd(missing=_):
            print("never")
        case _:
            print("an absent attribute is no match")
except AttributeError as error:
    print("error", error)
for source in ("case a: pass\n case b: pass", "case (a, a): pass", "case {'k': 1, 'k': 2}: pass", "case [*a, *b]: pass", "case a | 1: pass", "case f'': pass"):
    try:
        compile(f"match x:\n {source}", "<p>", "exec")
    except SyntaxError as error:
        print(f"{source.splitlines()[0]:<28} {error.msg}")
for subject, pattern in ((3, "int(a, b)"), (Span(1, 2), "Span(1, 2, 3)"), (Span(1, 2), "Span(1, start=1)"), (3, "len(x)")):
    try:
        exec(f"match subject:\n case {pattern}: print('matched')")
    except TypeError as error:
        print(f"{pattern:<17} {error}")
