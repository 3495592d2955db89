# /// sample
# title: Truth, conversion and sentinels
# tier: any
# ///
"""A settings reader that turns anything into what a field wants, and says precisely what it could not."""

import ast
import datetime as dt
import enum
from decimal import Decimal, InvalidOperation
from pathlib import PurePosixPath
from typing import Any, get_args, get_origin


class Missing(enum.Enum):
    """A sentinel that is false, prints well, and survives copies."""

    VALUE = enum.auto()

    def __bool__(self):
        return False

    def __repr__(self):
        return "<missing>"


MISSING = Missing.VALUE


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 10

    @classmethod
    def _missing_(cls, value):
        if isinstance(value, str):
            return cls.__members__.get(value.strip().upper())
        return None


class Access(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    RUN = enum.auto()
    ALL = READ | WRITE | RUN


class Angle:
    """Convertible every way the language knows."""

    def __init__(self, degrees):
        self.degrees = degrees

    def __int__(self):
        return int(self.degrees)

    def __float__(self):
        return float(self.degrees)

    def __complex__(self):
        return complex(self.degrees, 0)

    def __bool__(self):
        return self.degrees % 360 != 0

    def __str__(self):
        return f"{self.degrees}°"

    def __bytes__(self):
        return str(self).encode("latin-1")

    def __format__(self, spec):
        if spec.endswith("r"):
            return format(self.degrees / 180, spec[:-1] or ".2f") + "π"
        return format(str(self), spec)

    def __iter__(self):
        yield from divmod(self.degrees, 90)


class LyingLength:
    def __init__(self, answer):
        self.answer = answer

    def __len__(self):
        return self.answer


def convert(value: Any, wanted: Any) -> Any:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (list, set, tuple):
        parts = value.split(",") if isinstance(value, str) else value
        return origin(convert(part, arguments[0]) for part in parts if part != "")
    if origin is dict:
        pairs = (pair.split("=", 1) for pair in value.split(";"))
        return {convert(key, arguments[0]): convert(item, arguments[1]) for key, item in pairs}
    if wanted is bool and isinstance(value, str):
        match value.strip().lower():
            case "1" | "yes" | "true" | "on":
                return True
            case "0" | "no" | "false" | "off" | "":
                return False
            case other:
                raise ValueError(f"no truth in {other!r}")
    if wanted is dt.date:
        return dt.date.fromisoformat(value)
    return wanted(value)


print("== truth")
for value in (MISSING, None, "", " ", "0", 0, 0.0, 0j, [], [[]], {}, set(), range(0), Angle(720), Angle(5), Access(0), Access.READ, LyingLength(0)):
    name = repr(value) if type(value).__repr__ is not object.__repr__ else type(value).__name__
    print(f"{name}: {bool(value)}", end="; ")
print()
for answer in (-1, "3", 2**80):
    try:
        bool(LyingLength(answer))
    except (ValueError, TypeError, OverflowError) as error:
        print(f"{type(error).__name__}: {str(error).split(' into')[0]}")
print([] or {} or "last", 0 and 1 / 0, not MISSING, all([]), any([]), any(x > 2 for x in (1, 3, 1 / 1)), 1 < 3 > 2 != 5)

print("== conversion protocols")
angle = Angle(405)
print(int(angle), float(angle), complex(angle), str(angle), bytes(angle), tuple(angle), f"{angle:>6}|{angle:r}|{angle:.1fr}")
quarter, rest = angle
print(quarter, rest, [*angle, *angle], dict([Angle(95)]), "%s %.1f %d" % (angle, angle, angle))

print("== what fields want")
cases = [
    ("42", int), (" 7 ", int), ("4.0", int), (4.9, int), ("1e3", float), ("nan", float), ("", float), ("yes", bool), ("maybe", bool),
    ("1,2,,3", list[int]), ("b,a,b", set[str]), ((1, "2"), tuple[float, ...]), ("a=1;b=2", dict[str, int]), ("a=1;b", dict[str, int]),
    ("2024-02-29", dt.date), ("2023-02-29", dt.date), ("12.50", Decimal), ("12,50", Decimal), ("high", Level), (10, Level), ("none", Level),
    (6, Access), (9, Access), ("/srv//data/../x", PurePosixPath), (None, PurePosixPath), (b"\x01", list[int]), ("0b11", int),
]
for value, wanted in cases:
    name = getattr(wanted, "__name__", str(wanted)) if not get_args(wanted) else str(wanted)
    try:
        result = convert(value, wanted)
        shown = f"{sorted(result)!r} (set)" if isinstance(result, set) else repr(result)
        print(f"{value!r:>18} -> {name:<17} {shown}")
    except (ValueError, TypeError, InvalidOperation) as error:
        reason = str(error) if not isinstance(error, InvalidOperation) else "not a decimal"
        print(f"{value!r:>18} -> {name:<17} {type(error).__name__}: {reason}")

print("== literals")
for text in ("{'a': [1, 2.5, None], (1,): b'x'}", "1 + 2j", "-3", "__import__('os')", "[1, 2", "{1, 2} | {3}"):
    try:
        print(repr(ast.literal_eval(text)))
    except (ValueError, SyntaxError) as error:
        print(type(error).__name__, str(error).split(" 0x")[0].split(":")[0])

print("== enums")
print(list(Level), Level("low") is Level.LOW, Level.HIGH > 5, Level.LOW + 1, f"{Level.HIGH} {Level.HIGH!r}", Level["LOW"].name)
print(Access.ALL & ~Access.WRITE, Access.READ in Access.ALL, list(Access.READ | Access.RUN), Access.ALL ^ Access.ALL, len(Access.ALL))
print(isinstance(Level.LOW, int), {Level.LOW: "a"}[1], Missing(1) is MISSING, repr([MISSING]))
