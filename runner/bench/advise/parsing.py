"""A parser of arithmetic, and Python's own."""
import ast


def parse(tokens):
    def term():
        value = factor()
        while tokens and tokens[-1] == "*":
            tokens.pop()
            value *= factor()
        return value

    def factor():
        token = tokens.pop()
        if token == "(":
            value = expression()
            tokens.pop()
            return value
        return int(token)

    def expression():
        value = term()
        while tokens and tokens[-1] == "+":
            tokens.pop()
            value += term()
        return value

    return expression()


total = 0
for i in range(4000):
    text = f"( {i} + 3 ) * ( 2 + {i % 7} * 5 ) + 1"
    total += parse(text.split()[::-1])
    if i % 8 == 0:
        total -= len(list(ast.walk(ast.parse(text))))
print(total)
