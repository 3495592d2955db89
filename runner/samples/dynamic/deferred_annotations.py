# /// sample
# title: Deferred annotations
# tier: dynamic
# python: >=3.14
# ///
"""PEP 649 and 749: annotations are evaluated when somebody asks, as values, as text, or with what is not there left open."""

import annotationlib
import dataclasses
from annotationlib import ForwardRef, Format, get_annotations


class Node:
    value: int
    next: Node | None
    owner: Tree[Node]


def visit(node: Node, seen: set[Node] = frozenset(), *, by: Missing | int) -> list[Later]: ...


print("== nothing is evaluated yet")
print("__annotate__" in dir(Node), Node.__annotate__ is not None)
try:
    Node.__annotations__
except NameError as error:
    print("NameError:", error)

print("== as text")
print(get_annotations(visit, format=Format.STRING))
print(get_annotations(Node, format=Format.STRING))

print("== with references")
open_ones = get_annotations(Node, format=Format.FORWARDREF)
print(open_ones["value"], type(open_ones["owner"]).__name__, open_ones["next"] == Node | None)
partly = get_annotations(visit, format=Format.FORWARDREF)
print(partly["node"] is Node, {name: isinstance(one, ForwardRef) for name, one in sorted(partly.items())})


class Tree[T]:
    root: T


class Later:
    pass


Missing = str

print("== now they are there")
print(Node.__annotations__["owner"] == Tree[Node], Node.__annotations__ is Node.__annotations__)
print(visit.__annotations__["return"] == list[Later], visit.__annotations__["by"])
print(partly["return"].__class__.__name__, get_annotations(visit)["by"] == str | int)

print("== evaluated once, and in their scope")
log = []


def make(kind):
    class Inner:
        field: log.append("evaluated") or kind
        other: __class__ if False else kind

    return Inner


made = make(bytes)
print(log, made.__annotations__["field"], log)
made.__annotations__
print(log, Tree.__annotations__["root"], Tree.__type_params__)

print("== dataclasses")


@dataclasses.dataclass(order=True)
class Entry:
    key: str
    parent: Entry | None = dataclasses.field(default=None, compare=False)
    tags: Tags = dataclasses.field(default_factory=list)


Tags = list[str]
print(Entry("a") < Entry("b"), [one.name for one in dataclasses.fields(Entry)], Entry("k", Entry("p")))

print("== own annotate functions")


def annotate(format, /):
    if format not in (Format.VALUE, Format.VALUE_WITH_FAKE_GLOBALS):
        raise NotImplementedError(format)
    return {"x": int, "y": Elsewhere}


def bare(): ...


bare.__annotate__ = annotate
print(annotationlib.call_annotate_function(annotate, Format.STRING))
try:
    bare.__annotations__
except NameError as error:
    print("NameError:", error)
Elsewhere = complex
print(bare.__annotations__)
bare.__annotations__ = {"z": 1}
print(bare.__annotate__, bare.__annotations__)
reference = ForwardRef("Node | None", module=__name__)
print(reference.evaluate(globals=globals()) == Node | None, reference.__forward_arg__)
