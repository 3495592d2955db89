# /// sample
# title: Values of any type from standard input
# tier: any
# stdin: |
#   # name = literal; a comment and blank lines are skipped
#
#   answer = 42
#   ratio = -2.50e-3
#   unicode = 'naïve ☃ \N{GREEK SMALL LETTER PI}'
#   raw = b'\x00\xff'
#   nested = {'k': [1, (2, {3}), None], 4.5: True}
#   answer = 43
#   indent =     [ 1,
#   open string = 'never closed
#   call = print('no')
#   huge = 123456789012345678901234567890
#   empty =
#   mixed = (1, 'one', 1.0, 1j, ...)
#   tail = {'last': 'line without newline  '}
# ///
"""Reads assignments line by line, keeps each value, and reports on every line that is not one."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    line: int
    name: str
    value: object = field(compare=False)


@dataclass(frozen=True, slots=True)
class Complaint:
    line: int
    reason: str


def parse(lines: Iterator[str]) -> Iterator[Entry | Complaint]:
    for number, line in enumerate(lines, start=1):
        text = line.rstrip("\n")
        if not text.strip() or text.lstrip().startswith("#"):
            continue
        name, separator, literal = (part.strip() for part in text.partition("="))
        if not separator or not name.isidentifier():
            yield Complaint(number, f"not a name: {name!r}")
            continue
        try:
            yield Entry(number, name, ast.literal_eval(literal))
        except SyntaxError as error:
            yield Complaint(number, f"{error.msg} at column {error.offset}")
        except ValueError as error:
            yield Complaint(number, str(error).partition(":")[0])


def shape(value: object, depth: int = 0) -> Iterator[str]:
    """One line per value, children indented."""
    pad = "  " * depth
    match value:
        case bool() | None:
            yield f"{pad}constant {value}"
        case int() | float() | complex() as number:
            yield f"{pad}{type(number).__name__} {number!r}"
        case str() as text:
            yield f"{pad}str of {len(text)}: {text!a}"
        case bytes() as data:
            yield f"{pad}bytes of {len(data)}: {data.hex()}"
        case {**items} if isinstance(value, dict):
            yield f"{pad}dict of {len(items)}"
            for key, item in items.items():
                yield f"{pad}  {key!r}:"
                yield from shape(item, depth + 2)
        case [*items]:
            yield f"{pad}{type(value).__name__} of {len(items)}"
            for item in items:
                yield from shape(item, depth + 1)
        case set() as items:
            yield f"{pad}set of {len(items)}: {sorted(items, key=repr)}"
        case _:
            yield f"{pad}{type(value).__name__}"


def main() -> int:
    entries: dict[str, Entry] = {}
    complaints: list[Complaint] = []
    for item in parse(sys.stdin):
        match item:
            case Complaint():
                complaints.append(item)
            case Entry(line=line, name=name) if name in entries:
                print(f"line {line}: {name} again, first on line {entries[name].line}")
                entries[name] = item
            case Entry():
                entries[item.name] = item
    for entry in entries.values():
        print(f"{entry.name} (line {entry.line})")
        print("\n".join(shape(entry.value, 1)))
    for complaint in complaints:
        print(f"line {complaint.line}: {complaint.reason}", file=sys.stderr)
    print(len(entries), "values,", len(complaints), "complaints; input is at its end:", repr(sys.stdin.read()))
    return min(len(complaints), 100)


if __name__ == "__main__":
    sys.exit(main())
