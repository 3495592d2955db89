# /// sample
# title: A template engine with blocks, filters and inheritance
# tier: realworld
# ///
"""Compiles templates to Python functions: loops, conditions, filters, includes, and errors that name the template's line."""

import html
import re

TOKEN = re.compile(r"({{.*?}}|{%.*?%}|{#.*?#})", re.DOTALL)


class TemplateError(Exception):
    def __init__(self, message, template, line):
        super().__init__(f"{template}:{line}: {message}")


class Safe(str):
    """Text that is HTML already."""


class Loop:
    def __init__(self, items):
        self.items, self.index = list(items), -1

    def __iter__(self):
        for self.index, item in enumerate(self.items):
            yield item

    @property
    def first(self):
        return self.index == 0

    @property
    def last(self):
        return self.index == len(self.items) - 1


FILTERS = {
    "upper": str.upper,
    "title": str.title,
    "safe": Safe,
    "length": len,
    "join": lambda value, separator=", ": separator.join(map(str, value)),
    "default": lambda value, other="": value if value not in (None, "") else other,
    "money": lambda value, currency="€": f"{value:,.2f} {currency}",
}


class Compiler:
    """Writes the body of a generator function, one line of Python a token."""

    def __init__(self, name, source):
        self.name, self.source = name, source
        self.code, self.depth, self.opened, self.blocks, self.parent = [], 1, [], {}, None

    def emit(self, text):
        self.code.append("    " * self.depth + text)

    def fail(self, message):
        raise TemplateError(message, self.name, self.line)

    def expression(self, text):
        base, *filters = (part.strip() for part in text.split("|"))
        try:
            compile(base, self.name, "eval")
        except SyntaxError as error:
            self.fail(f"bad expression {base!r}: {error.msg}")
        for part in filters:
            name, _, argument = part.partition(":")
            if name not in FILTERS:
                self.fail(f"no filter {name!r}")
            base = f"_filters[{name!r}]({base}{', ' + argument if argument else ''})"
        return base

    def compile(self):
        self.line = 1
        for token in TOKEN.split(self.source):
            if token.startswith("{{"):
                self.emit(f"_line[0] = {self.line}")
                self.emit(f"yield _escape({self.expression(token[2:-2].strip())})")
            elif token.startswith("{%"):
                self.tag(*token[2:-2].strip().split(None, 1))
            elif token and not token.startswith("{#"):
                self.emit(f"yield {token!r}")
            self.line += token.count("\n")
        if self.opened:
            self.fail(f"{self.opened[-1]!r} is never closed")
        return self

    def tag(self, word, rest=""):
        match word:
            case "if" | "for":
                if word == "for":
                    target, _, items = rest.partition(" in ")
                    self.emit(f"for {target} in (loop := _loop({self.expression(items)})):")
                else:
                    self.emit(f"if {self.expression(rest)}:")
                self.opened.append(word)
                self.depth += 1
                self.emit("pass")
            case "elif" | "else":
                if not self.opened or self.opened[-1] == "block":
                    self.fail(f"{word} without if")
                self.depth -= 1
                self.emit(f"{word} {self.expression(rest)}:" if rest else "else:")
                self.depth += 1
            case "endif" | "endfor" | "endblock":
                if not self.opened or self.opened.pop() != word[3:]:
                    self.fail(f"unexpected {word}")
                if word == "endblock":
                    self.blocks[self.block], self.code = self.code, self.outer
                    self.emit(f"yield from _blocks[{self.block!r}](_context)")
                else:
                    self.depth -= 1
            case "block":
                self.opened.append(word)
                self.outer, self.code, self.block = self.code, [], rest
            case "include":
                self.emit(f"yield _include({rest}, dict(_context, **locals()))")
            case "extends":
                self.parent = rest.strip("'\"")
            case _:
                self.fail(f"unknown tag {word!r}")


class Environment:
    def __init__(self, templates):
        self.templates = templates

    def escape(self, value):
        return value if isinstance(value, Safe) else html.escape(str(value))

    def function(self, lines, context, blocks, line):
        source = "def render(_context):\n" + "\n".join(f"    {name} = _context[{name!r}]" for name in context) + "\n" + "\n".join(lines or ["    pass"]) + "\n    yield ''"
        namespace = {"_filters": FILTERS, "_escape": self.escape, "_loop": Loop, "_include": self.render, "_blocks": blocks, "_line": line}
        exec(source, namespace)
        return namespace["render"]

    def render(self, name, context):
        context = {key: value for key, value in context.items() if not key.startswith("_")}
        blocks, line, chain = {}, [0], []
        while name:
            if name not in self.templates:
                raise TemplateError("no such template", name, 0)
            chain.append(compiled := Compiler(name, self.templates[name]).compile())
            for block, lines in compiled.blocks.items():
                blocks.setdefault(block, self.function(lines, context, blocks, line))
            name = compiled.parent
        try:
            return "".join(self.function(chain[-1].code, context, blocks, line)(context))
        except (NameError, TypeError, AttributeError, KeyError, ArithmeticError) as error:
            raise TemplateError(f"{type(error).__name__}: {error}", chain[0].name, line[0]) from error


environment = Environment({
    "base": "<title>{% block title %}Shop{% endblock %}</title>\n<main>{% block body %}{% endblock %}</main>",
    "list": "{% extends 'base' %}{% block body %}\n{% for item in items %}{% include 'row' %}{% if not loop.last %}\n{% endif %}{% endfor %}\n{% endblock %}",
    "row": "{{ loop.index + 1 }}. {{ item['name']|title }}: {% if item['price'] > 100 %}<b>{{ item['price']|money }}</b>{% elif item['price'] %}{{ item['price']|money:'$' }}{% else %}free{% endif %}",
    "escape": "{# a comment #}{{ text }} {{ text|safe }} {{ none|default:'-' }} {{ words|join:'+'|upper }} {{ words|length }}",
    "nested": "{% for row in grid %}{% for cell in row %}{{ cell }}{% if not loop.last %},{% endif %}{% endfor %};{% endfor %}",
    "late": "one\ntwo {{ 1 / zero }}", "undefined": "{{ nothing }}", "open": "{% for x in y %}", "filter": "a\n{{ x|shout }}", "closing": "{% if x %}{% endfor %}",
    "tag": "{% frobnicate %}", "syntax": "{{ 1 + }}", "missing": "{% include 'nope' %}",
})  # fmt: skip
items = [{"name": "tea pot", "price": 1250.5}, {"name": "<cup>", "price": 3}, {"name": "water", "price": 0}]
print(environment.render("list", {"items": items}))
print(environment.render("base", {}))
print(environment.render("escape", {"text": "<i>'\"&", "none": None, "words": ["a", "b"]}))
print(environment.render("nested", {"grid": [[1, 2], [3], []]}))
for name in ("late", "undefined", "open", "filter", "closing", "tag", "syntax", "missing", "nope"):
    try:
        print(environment.render(name, {"zero": 0, "x": 1, "y": []}))
    except TemplateError as error:
        print(error)
