# /// sample
# title: Template strings
# tier: dynamic
# python: >=3.14
# ///
"""PEP 750: a `t"…"` is a value with its parts, which a function turns into text: markup, a query, a log line."""

import html
from string.templatelib import Interpolation, Template, convert


def parts(template):
    for part in template:
        if isinstance(part, Interpolation):
            print("  value", repr(part.value), part.expression, part.conversion, repr(part.format_spec))
        else:
            print("  text ", repr(part))


def plain(template):
    return "".join(
        part if isinstance(part, str) else format(convert(part.value, part.conversion), part.format_spec) for part in template
    )


def markup(template):
    out = []
    for part in template:
        match part:
            case str():
                out.append(part)
            case Interpolation(value=Template() as inner):
                out.append(markup(inner))
            case Interpolation(value=list() as items):
                out.extend(markup(one) if isinstance(one, Template) else html.escape(str(one)) for one in items)
            case Interpolation():
                out.append(html.escape(plain(Template(part))))
    return "".join(out)


def query(template):
    """Text with placeholders, and the values beside it."""
    text = "".join("?" if isinstance(part, Interpolation) else part for part in template)
    return text, template.values


print("== parts")
name, price, width = "Zoë <z@example.org>", 12.5, 10
parts(t"Dear {name!r}, {price:>{width}.2f} for {name.split()[0]!s:*^9}{{braces}}")
empty = t""
print(type(empty).__name__, empty.strings, empty.values, list(empty))
adjacent = t"{1}{2}"
print(adjacent.strings, adjacent.values, list(map(type, adjacent)) == [Interpolation] * 2)

print("== as an f-string")
print(plain(t"{name!r} {price:.3f} {width=}") == f"{name!r} {price:.3f} {width=}")
print(plain(rt"\n{width:#x}"), rt"\d{width}".strings)

print("== markup")
items = [t"<li>{one}</li>" for one in ("a & b", "<script>", 3)]
print(markup(t"<ul title='{name}'>{items}</ul>"))

print("== query")
wanted = "'; DROP TABLE t; --"
print(query(t"SELECT * FROM t WHERE name = {wanted} AND price < {price}"))

print("== joined")
both = t"a{1}" + t"{2}b"
print(both.strings, both.values)
print((t"one {1} " t"two {2}").strings)
for other in ("text", 1):
    try:
        t"x" + other
    except TypeError as error:
        print(type(error).__name__, "Template" in str(error))

print("== evaluated at once, in order")
log = []
late = t"{log.append('first')}{log.append('second')}"
print(log, late.values, [one.expression for one in late.interpolations])
try:
    t"{1 / 0}"
except ZeroDivisionError as error:
    print("error:", error)
made = Template("x", Interpolation(42, "answer", "r", "05d"), "y")
print(made.strings, made.interpolations[0].expression, plain(Template(Interpolation(42, "answer", None, "05d"))))
try:
    made.strings = ()
except AttributeError as error:
    print("read-only:", type(error).__name__)
