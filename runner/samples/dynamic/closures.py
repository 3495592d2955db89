# /// sample
# title: Closures, cells, late binding and nonlocal
# tier: dynamic
# ///
"""Counters, event handlers made in loops, interpreters built of closures, and a look into the cells."""

import functools
import inspect
from types import CellType, FunctionType


def make_account(balance, *, overdraft=0):
    """An object without a class: three functions over the same cells."""
    history = []

    def deposit(amount):
        nonlocal balance
        balance += amount
        history.append(("deposit", amount))
        return balance

    def withdraw(amount):
        nonlocal balance
        if balance - amount < -overdraft:
            raise ValueError(f"only {balance + overdraft} left")
        balance -= amount
        history.append(("withdraw", amount))
        return balance

    def statement():
        return balance, tuple(history)

    return deposit, withdraw, statement


def compile_expression(tokens):
    """Reverse Polish notation to one nested function, no interpreter loop left."""
    stack = []
    operators = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "max": max}
    for token in tokens.split():
        if token in operators:
            right, left = stack.pop(), stack.pop()

            def node(env, apply=operators[token], left=left, right=right):
                return apply(left(env), right(env))

        elif token.lstrip("-").isdigit():

            def node(env, value=int(token)):
                return value

        else:

            def node(env, name=token):
                return env[name]

        stack.append(node)
    if len(stack) != 1:
        raise SyntaxError(f"{len(stack)} values left")
    return stack[0]


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== shared state")
deposit, withdraw, statement = make_account(100, overdraft=50)
other_deposit, *_ = make_account(1)
print(deposit(20), withdraw(160), other_deposit(1), statement())
attempt("too much", lambda: withdraw(11))
print(deposit.__closure__[0] is withdraw.__closure__[0], deposit.__code__.co_freevars, withdraw.__code__.co_freevars)
print(inspect.getclosurevars(withdraw).nonlocals["overdraft"], make_account.__code__.co_cellvars)

print("== late binding")
late = [lambda x: x + n for n in range(3)]
default = [lambda x, n=n: x + n for n in range(3)]
bound = [functools.partial(lambda n, x: x + n, n) for n in range(3)]
maker = [(lambda n: lambda x: x + n)(n) for n in range(3)]
print(*([f(10) for f in group] for group in (late, default, bound, maker)))
handlers = {}
for name in ("save", "load"):
    handlers[name] = lambda: name
print({key: handler() for key, handler in handlers.items()})
name = "changed"
print(handlers["save"]())
body = (lambda n: [lambda: n, lambda value: exec("n = value") or n])(5)
print(body[0](), body[1](6))

print("== scopes")
level = "module"


def outer():
    level = "outer"

    class Body:
        level = "class"
        seen = [level for _ in range(1)]
        first = [letter for letter in level][0]

        def method(self):
            return level, __class__.__name__

    def inner():
        global level
        before = level
        level = "set by inner"
        return before

    def conditional(flag):
        if flag:
            local = 1
        return local

    return Body.seen, Body.first, Body().method(), inner(), level, conditional


*results, conditional = outer()
print(results, level)
attempt("not bound yet", lambda: conditional(False))


def unbound():
    def use():
        return later

    try:
        use()
    except NameError as error:
        print(error)
    later = "now bound"
    return use()


print(unbound())


def deleted():
    value = [1]

    def read():
        return value

    del value
    return read


attempt("cell emptied", deleted())
attempt("read before local assignment", lambda: exec("def f():\n  x += 1\nx = 1\nf()", {}))
for source in ("def f():\n nonlocal x", "def f(a):\n global a", "nonlocal y", "def f():\n x = 1\n global x"):
    attempt("compile", lambda: compile(source, "<s>", "exec"))

print("== cells")
counter_cell = CellType(10)


def template():
    global_name = None

    def step():
        nonlocal global_name
        global_name += 1
        return global_name

    return step


step = FunctionType(template().__code__, {}, "step", None, (counter_cell,))
print(step(), step(), counter_cell.cell_contents)
counter_cell.cell_contents = "text"
attempt("another type inside", step)
del counter_cell.cell_contents
attempt("emptied from outside", step)
attempt("wrong number", lambda: FunctionType(step.__code__, {}, None, None, ()))
print(CellType() == CellType(), CellType(1) < CellType(2), CellType(1) == CellType(1.0))


def recursive_sum():
    return (lambda f: f(f, 10))(lambda self, n: n and n + self(self, n - 1))


print(recursive_sum(), template.__qualname__, step.__qualname__, template().__qualname__)

print("== compiled expressions")
program = compile_expression("x 3 * y -2 max +")
print(program({"x": 5, "y": -7}), program({"x": 1, "y": 4}))
attempt("unknown variable", lambda: program({"x": 1}))
attempt("leftovers", lambda: compile_expression("1 2"))
attempt("too few", lambda: compile_expression("1 +"))
compose = lambda *functions: functools.reduce(lambda f, g: lambda *a: g(f(*a)), functions)
print(compose(str.split, lambda words: map(len, words), sorted, sum)("the quick brown fox"))
