# /// sample
# title: An expression parser and evaluator with functions of its own
# tier: realworld
# stdin: |
#   1 + 2 * 3 - -4 ^ 2
#   (1 + 2) * 3 % 5
#   2 ^ 3 ^ 2
#   x = 10; y = x / 4
#   x > 5 and not y == 2.5 or false
#   f(a, b) = a ^ 2 + b
#   f(3, 1) + f(f(1, 1), x)
#   fact(n) = if n < 2 then 1 else n * fact(n - 1)
#   fact(20)
#   max(1, fact(3), x) - min(4, 2)
#   sum([1, 2, x]) * len([])
#   "con" + "cat" * 2
#   1 +
#   (2 * 3
#   2 $ 3
#   nope + 1
#   f(1)
#   1 / 0
#   "a" - 1
#   loop(n) = loop(n + 1)
#   loop(0)
#   [1, 2
#   3 = x
#   "open
#   0.1 + 0.2; 7 // 2; 1e3
# ///
"""A Pratt parser and a tree of closures: a calculator that explains its errors with a caret under the place."""

import operator
import re
import sys

TOKEN = re.compile(r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?P<string>\"[^\"]*\")|(?P<name>[A-Za-z_]\w*)|(?P<op>//|==|!=|<=|>=|[-+*/%^()=<>,;\[\]]))")
KEYWORDS = {"and", "or", "not", "if", "then", "else", "true", "false"}
BINARY = {"or": 1, "and": 2, "==": 4, "!=": 4, "<": 4, ">": 4, "<=": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "//": 6, "%": 6, "^": 8}
APPLY = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv, "%": operator.mod, "^": operator.pow,
    "==": operator.eq, "!=": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
BUILTINS = {"max": max, "min": min, "sum": sum, "len": len, "abs": abs}
DEPTH_LIMIT = 60


class Problem(Exception):
    def __init__(self, message, position):
        super().__init__(message)
        self.position = position


def tokenize(text):
    position = 0
    while text[position:].strip():
        match = TOKEN.match(text, position)
        if not match:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise Problem("text never ends" if text[start] == '"' else f"unexpected {text[start]!r}", start)
        kind, value = match.lastgroup, match[match.lastgroup]
        yield ("op" if value in KEYWORDS else kind, value, match.start(kind))
        position = match.end()
    yield ("end", "end of line", len(text))


class Parser:
    """Each parse method returns a function of (variables, depth)."""

    def __init__(self, text, functions):
        self.tokens, self.index, self.functions = list(tokenize(text)), 0, functions

    @property
    def current(self):
        return self.tokens[self.index]

    def accept(self, *values):
        if self.current[0] == "op" and self.current[1] in values:
            self.index += 1
            return self.tokens[self.index - 1]
        return None

    def expect(self, value):
        if not self.accept(value):
            raise Problem(f"expected {value!r}, got {self.current[1]!r}", self.current[2])

    def name(self):
        kind, value, position = self.current
        if kind != "name":
            raise Problem(f"expected a name, got {value!r}", position)
        self.index += 1
        return value

    def statements(self):
        while True:
            yield self.statement()
            if not self.accept(";"):
                break
        if self.current[0] != "end":
            raise Problem(f"unexpected {self.current[1]!r}", self.current[2])

    def statement(self):
        following = [token[1] for token in self.tokens[self.index + 1 :]]
        if self.current[0] == "name" and following[0] == "=":
            name = self.name()
            self.expect("=")
            return ("let", name, self.expression())
        if self.current[0] == "name" and following[0] == "(" and ")" in following and following[following.index(")") + 1] == "=":
            name = self.name()
            self.expect("(")
            parameters = self.sequence(")", self.name)
            self.expect("=")
            return ("def", name, (parameters, self.expression()))
        return ("show", None, self.expression())

    def sequence(self, end, item):
        items = []
        while not self.accept(end):
            items.append(item())
            if not self.accept(","):
                self.expect(end)
                break
        return items

    def expression(self, power=0):
        left = self.prefix()
        while self.current[0] == "op" and BINARY.get(self.current[1], -1) > power:
            _, symbol, position = self.accept(self.current[1])
            right = self.expression(BINARY[symbol] - (symbol == "^"))
            left = self.binary(symbol, position, left, right)
        return left

    def binary(self, symbol, position, left, right):
        if symbol == "and":
            return lambda v, d: left(v, d) and right(v, d)
        if symbol == "or":
            return lambda v, d: left(v, d) or right(v, d)

        def apply(variables, depth):
            try:
                return APPLY[symbol](left(variables, depth), right(variables, depth))
            except (TypeError, ArithmeticError) as error:
                raise Problem(str(error), position) from None

        return apply

    def prefix(self):
        kind, value, position = self.current
        self.index += kind != "end"
        match kind, value:
            case "number", _:
                number = float(value) if set(value) & set(".e") else int(value)
                node = lambda v, d: number
            case "string", _:
                node = lambda v, d: value[1:-1]
            case "op", "-" | "not":
                inner = self.expression(7 if value == "-" else 3)
                return (lambda v, d: -inner(v, d)) if value == "-" else (lambda v, d: not inner(v, d))
            case "op", "true" | "false":
                node = lambda v, d: value == "true"
            case "op", "(":
                node = self.expression()
                self.expect(")")
            case "op", "[":
                items = self.sequence("]", self.expression)
                node = lambda v, d: [item(v, d) for item in items]
            case "op", "if":
                parts = [self.expression()]
                for word in ("then", "else"):
                    self.expect(word)
                    parts.append(self.expression())
                return lambda v, d: parts[1](v, d) if parts[0](v, d) else parts[2](v, d)
            case "name", _:
                node = self.call(value, position) if self.accept("(") else self.variable(value, position)
            case _:
                raise Problem(f"unexpected {value!r}", position)
        return node

    def variable(self, name, position):
        def get(variables, depth):
            if name not in variables:
                raise Problem(f"{name!r} has no value", position)
            return variables[name]

        return get

    def call(self, name, position):
        arguments = self.sequence(")", self.expression)

        def run(variables, depth):
            values = [argument(variables, depth) for argument in arguments]
            if name in BUILTINS:
                return BUILTINS[name](*values)
            if name not in self.functions:
                raise Problem(f"no function {name!r}", position)
            parameters, body = self.functions[name]
            if len(parameters) != len(values):
                raise Problem(f"{name} takes {len(parameters)} arguments, not {len(values)}", position)
            if depth > DEPTH_LIMIT:
                raise Problem(f"{name} calls itself too deeply", position)
            return body(dict(zip(parameters, values)), depth + 1)

        return run


def main():
    variables, functions, failures = {}, {}, 0
    for line in sys.stdin.read().splitlines():
        try:
            for kind, name, value in Parser(line, functions).statements():
                if kind == "def":
                    functions[name] = value
                    print(f"{line} -> {name}/{len(value[0])}")
                    continue
                result = value(variables, 0)
                if kind == "let":
                    variables[name] = result
                print(f"{line} -> {result!r}")
        except Problem as problem:
            failures += 1
            print(f"{line}\n{' ' * problem.position}^ {problem}")
    print(f"{failures} failures; {variables}")


main()
