# /// sample
# title: A serializer driven by annotations
# tier: realworld
# ///
"""Dataclasses to JSON and back: unions, generics, enums, dates, renamed keys, versions, and errors with a path."""

import base64
import dataclasses
import enum
import json
import types

from dataclasses import MISSING, dataclass, field
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, Optional, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


class LoadError(ValueError):
    def __init__(self, path, message):
        self.path = path
        super().__init__(f"{'.'.join(map(str, path)) or 'top'}: {message}")


# How plain types become JSON, come back, and are called in errors.
CODECS = {
    datetime: (datetime.isoformat, datetime.fromisoformat, "ISO 8601 time"),
    date: (date.isoformat, date.fromisoformat, "ISO 8601 date"),
    Decimal: (str, Decimal, "decimal text"),
    bytes: (lambda b: base64.b64encode(b).decode(), lambda t: base64.b64decode(t, validate=True), "base64"),
}


def dump(value):
    if dataclasses.is_dataclass(value):
        out = {"type": type(value).tag} if hasattr(type(value), "tag") else {}
        for item in dataclasses.fields(value):
            content = getattr(value, item.name)
            if item.metadata.get("skip") or (item.metadata.get("omit") and content == item.default):
                continue
            out[item.metadata.get("key", item.name)] = dump(content)
        return out
    if isinstance(value, enum.Enum):
        return value.name.lower()
    if type(value) in CODECS:
        return CODECS[type(value)][0](value)
    if isinstance(value, dict):
        return {str(key): dump(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(map(dump, value))
    if isinstance(value, (list, tuple)):
        return list(map(dump, value))
    return value


def load(kind, data, path=(), variables=types.MappingProxyType({})):
    if isinstance(kind, TypeVar):
        kind = variables.get(kind, Any)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        value = load(arguments[0], data, path, variables)
        for test in arguments[1:]:
            if not test(value):
                raise LoadError(path, f"{data!r} fails {test.__name__}")
        return value
    if origin in (Union, types.UnionType):
        return load_union(arguments, data, path, variables)
    if origin is Literal:
        if data not in arguments:
            raise LoadError(path, f"{data!r} is not one of {', '.join(map(repr, arguments))}")
        return data
    if origin in (list, set, frozenset) or (origin is tuple and arguments[-1] is ...):
        check(list, data, path)
        return origin(load(arguments[0], item, (*path, index), variables) for index, item in enumerate(data))
    if origin is tuple:
        check(list, data, path)
        if len(data) != len(arguments):
            raise LoadError(path, f"{len(data)} items, not {len(arguments)}")
        return tuple(load(part, item, (*path, index), variables) for index, (part, item) in enumerate(zip(arguments, data)))
    if origin is dict:
        check(dict, data, path)
        return {load(arguments[0], arguments[0](key), path, variables): load(arguments[1], item, (*path, key), variables) for key, item in data.items()}
    target = origin or kind
    if dataclasses.is_dataclass(target):
        names = dict(zip(getattr(target, "__parameters__", ()), arguments))
        return load_dataclass(target, data, path, names or variables)
    if isinstance(target, type) and issubclass(target, enum.Enum):
        try:
            return target[data.upper()]
        except (KeyError, AttributeError):
            raise LoadError(path, f"{data!r} is no {target.__name__}") from None
    if target in CODECS:
        try:
            return CODECS[target][1](data)
        except (ValueError, TypeError, ArithmeticError):
            raise LoadError(path, f"{data!r} is no {CODECS[target][2]}") from None
    if target is not Any:
        check(target, data, path)
    return float(data) if target is float else data


def check(kind, data, path):
    allowed = (int, float) if kind is float else kind
    if not isinstance(data, allowed) or (isinstance(data, bool) and kind is not bool):
        raise LoadError(path, f"{json.dumps(data)} is no {kind.__name__}")


def load_union(options, data, path, variables):
    if data is None and type(None) in options:
        return None
    tagged = {option.tag: option for option in options if hasattr(option, "tag")}
    if tagged and isinstance(data, dict) and "type" in data:
        if data["type"] not in tagged:
            raise LoadError((*path, "type"), f"{data['type']!r} is not one of {', '.join(sorted(tagged))}")
        return load(tagged[data["type"]], {k: v for k, v in data.items() if k != "type"}, path, variables)
    reasons = []
    for option in options:
        try:
            return load(option, data, path, variables)
        except LoadError as error:
            reasons.append(str(error).partition(": ")[2])
    raise LoadError(path, " and ".join(reasons))


def load_dataclass(kind, data, path, variables):
    check(dict, data, path)
    data = kind.upgrade(dict(data)) if hasattr(kind, "upgrade") else dict(data)
    hints, given, problems = get_type_hints(kind, include_extras=True), {}, []
    for item in dataclasses.fields(kind):
        key = item.metadata.get("key", item.name)
        if key in data and not item.metadata.get("skip"):
            try:
                given[item.name] = load(hints[item.name], data.pop(key), (*path, key), variables)
            except LoadError as error:
                problems.append(error)
        elif item.default is MISSING and item.default_factory is MISSING and item.init:
            problems.append(LoadError((*path, key), "missing"))
    problems += [LoadError((*path, key), "unknown key") for key in data]
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise LoadError(path, f"{len(problems)} problems: " + "; ".join(map(str, problems)))
    return kind(**given)


class Colour(enum.Enum):
    RED = "#f00"
    GREEN = "#0f0"


def positive(number):
    return number > 0


@dataclass
class Circle:
    tag = "circle"
    radius: Annotated[float, positive]


@dataclass
class Polygon:
    tag = "polygon"
    points: list[tuple[int, int]]
    colour: Colour = Colour.RED


@dataclass
class Page(Generic[T]):
    items: list[T]
    next: Optional["Page[T]"] = None


@dataclass
class Drawing:
    id: int
    title: str
    made: datetime
    shapes: list[Circle | Polygon]
    tags: set[str] = field(default_factory=set)
    price: Decimal | None = None
    scale: float = field(default=1.0, metadata={"omit": True})
    kind: Literal["draft", "final"] = "draft"
    by_year: dict[int, list[date]] = field(default_factory=dict)
    extra: Any = None
    blob: bytes = field(default=b"", metadata={"key": "data-blob"})
    cache: object = field(default=None, metadata={"skip": True}, compare=False)

    @classmethod
    def upgrade(cls, data):
        if data.pop("version", 2) == 1:
            data["title"] = data.pop("name")
        return data


drawing = Drawing(
    7, "Haus \u2302", datetime(2024, 2, 29, 12, 30, tzinfo=timezone(timedelta(hours=2))), [Circle(1.5), Polygon([(0, 0), (3, 4)], Colour.GREEN)],
    {"b", "a"}, Decimal("10.50"), by_year={2024: [date(2024, 1, 2)]}, extra={"free": [1, None]}, blob=b"\x00\xff", cache=object(),
)  # fmt: skip
text = json.dumps(dump(drawing), indent=1, ensure_ascii=True)
print(text)
print(load(Drawing, json.loads(text)) == drawing)
page = Page([date(2024, 5, 1)], Page([]))
print(json.dumps(dump(page)), load(Page[date], dump(page)) == page, load(Page[Page[int]], {"items": [{"items": [1]}]}))
minimal = {"id": 1, "title": "t", "made": "2024-01-01T00:00:00", "shapes": []}
print(load(Drawing, {**minimal, "scale": 2}).scale, load(Drawing, {"version": 1, "name": "old", "id": 1, "made": "2024-01-01", "shapes": []}).title)
for change in (
    {"shapes": [{"type": "circle", "radius": -1}]}, {"shapes": [{"type": "square"}]}, {"shapes": [{"type": "polygon", "points": [[1, 2], [3]]}]},
    {"id": True, "title": None, "more": 1}, {"made": "yesterday"}, {"price": "1,5"}, {"kind": "final!"}, {"data-blob": "?"}, {"by_year": {"2024": ["x"]}},
    {"shapes": [{"type": "polygon", "points": [], "colour": "blue"}]}, {"tags": ["a", 1]}, {"shapes": [5]},
):  # fmt: skip
    try:
        print(load(Drawing, {**minimal, **change}))
    except LoadError as error:
        print(error)
