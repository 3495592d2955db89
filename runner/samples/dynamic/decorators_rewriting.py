# /// sample
# title: Decorators that rewrite what they decorate
# tier: dynamic
# ///
"""Memoising, retrying, dispatching, contract checks, and a decorator that edits the function's own syntax tree."""

import ast
import functools
import inspect
import textwrap
from typing import get_type_hints


def memoize(function=None, *, limit=None):
    """Works bare, with arguments, and on methods."""
    if function is None:
        return functools.partial(memoize, limit=limit)
    cache = {}

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        key = (args, frozenset(kwargs.items()))
        if key in cache:
            wrapper.hits += 1
            return cache[key]
        if limit is not None and len(cache) >= limit:
            cache.pop(next(iter(cache)))
        result = cache[key] = function(*args, **kwargs)
        return result

    wrapper.hits, wrapper.cache = 0, cache
    return wrapper


def retry(*errors, times=3):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args, **kwargs):
            failures = []
            for attempt_number in range(1, times + 1):
                try:
                    return function(*args, **kwargs)
                except errors as error:
                    failures.append(error)
                    print(f"  attempt {attempt_number}: {error}")
            raise ExceptionGroup(f"{function.__name__} gave up", failures)

        return wrapper

    return decorate


def checked(function):
    """Checks annotations at call time, and the result."""
    hints = get_type_hints(function)
    signature = inspect.signature(function)

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        for name, value in bound.arguments.items():
            if name in hints and not isinstance(value, hints[name]):
                raise TypeError(f"{name}={value!r} is no {hints[name].__name__}")
        result = function(*args, **kwargs)
        if not isinstance(result, hints.get("return", object)):
            raise TypeError(f"{function.__name__} returned {result!r}, no {hints['return'].__name__}")
        return result

    return wrapper


class TailCalls(ast.NodeTransformer):
    """return f(...) inside of f becomes assignment and another round of a loop."""

    def __init__(self, name, parameters):
        self.name, self.parameters = name, parameters

    def visit_Return(self, node):
        match node.value:
            case ast.Call(func=ast.Name(id=self.name), args=args, keywords=[]) if len(args) == len(self.parameters):
                targets = ast.Tuple([ast.Name(p, ast.Store()) for p in self.parameters], ast.Store())
                return [ast.Assign([targets], ast.Tuple(args, ast.Load())), ast.Continue()]
        return node

    def visit_FunctionDef(self, node):
        return node


def tail_recursive(function):
    """Rewrites self tail calls into a loop; the source must be readable."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    definition = tree.body[0]
    rewriter = TailCalls(definition.name, [a.arg for a in definition.args.args])
    rewriter.generic_visit(definition)
    definition.body = [ast.While(ast.Constant(True), definition.body, [])]
    definition.decorator_list = []
    ast.fix_missing_locations(tree)
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    namespace = {}
    exec(compile(tree, function.__code__.co_filename, "exec"), function.__globals__, namespace)
    return functools.update_wrapper(namespace[definition.name], function)


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


@memoize
def slow(n, *, power=2):
    print(f"  computing {n}**{power}")
    return n**power


@memoize(limit=2)
def small(n):
    return [n]


@retry(ValueError, KeyError, times=3)
def flaky(results):
    result = results.pop(0)
    if isinstance(result, Exception):
        raise result
    return result


@checked
def repeat(text: str, times: int = 2) -> str:
    """Says it again."""
    return text * times if times else None


@tail_recursive
def gcd(a, b):
    if b == 0:
        return a
    return gcd(b, a % b)


@tail_recursive
def count(n, total):
    if n == 0:
        return total
    if n % 2:
        return count(n - 1, total + n)
    return count(n - 1, total)


@functools.singledispatch
def render(value):
    return f"<{type(value).__name__}>"


render.register(int, lambda value: f"{value:,}")


@render.register(list)
@render.register(tuple)
def _(value):
    return "[" + " ".join(map(render, value)) + "]"


@render.register
def _(value: None) -> str:
    return "-"


print(slow(3), slow(3), slow(3, power=3), slow.hits, slow.__name__, inspect.signature(slow))
print([small(n)[0] for n in (1, 2, 1, 3, 1)], small.hits, [args for args, _ in small.cache])
attempt("unhashable", lambda: slow([]))
print(flaky([ValueError("one"), KeyError("two"), "third time"]))
attempt("other errors pass", lambda: flaky([TypeError("at once")]))
attempt("all used", lambda: flaky([ValueError(n) for n in range(4)]))
print(repeat("ab"), repeat("ab", times=3), repeat.__doc__, repeat.__wrapped__("x", 1))
attempt("argument", lambda: repeat("ab", "2"))
attempt("result", lambda: repeat("ab", 0))
print(gcd(1071, 462), count(5000, 0), count.__name__, gcd.__wrapped__(10, 4), inspect.signature(count))
attempt("errors point at the source", lambda: gcd(1, "b"))
print(render([1234567, None, (True, "x", {}), 2.5]), render.dispatch(bool) is render.registry[int])
