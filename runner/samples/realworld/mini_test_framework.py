# /// sample
# title: A small test framework, run on itself
# tier: realworld
# ///
"""Collects, sets up, runs and reports: fixtures by name, parameters, expected failures, rewritten assertions. Ends with status 1."""

import ast
import inspect
import io
import re
import sys
import textwrap
import traceback
from contextlib import contextmanager, redirect_stdout


class AssertionRewriter(ast.NodeTransformer):
    """assert a == b becomes a call that knows both sides."""

    def visit_Assert(self, node):
        match node.test:
            case ast.Compare(left, [operator], [right]):
                parts = [left, right, ast.Constant(type(operator).__name__)]
            case _:
                parts = [node.test, ast.Constant(True), ast.Constant("Truth")]
        call = ast.Call(ast.Name("_check", ast.Load()), [*parts, ast.Constant(ast.unparse(node.test))], [])
        return ast.copy_location(ast.Expr(call), node)


COMPARE = {
    "Eq": lambda a, b: a == b, "NotEq": lambda a, b: a != b, "Lt": lambda a, b: a < b, "Gt": lambda a, b: a > b, "In": lambda a, b: a in b,
    "NotIn": lambda a, b: a not in b, "Is": lambda a, b: a is b, "Truth": lambda a, b: bool(a),
}  # fmt: skip


def _check(left, right, operator, text):
    if not COMPARE[operator](left, right):
        detail = f"{left!r} is not true" if operator == "Truth" else f"{left!r} {operator} {right!r}"
        raise AssertionError(f"{text}\n  {detail}{difference(left, right)}")


def difference(left, right):
    if isinstance(left, dict) and isinstance(right, dict):
        keys = [key for key in {**left, **right} if left.get(key, ...) != right.get(key, ...)]
        return "".join(f"\n  {key!r}: {left.get(key, '(absent)')!r} against {right.get(key, '(absent)')!r}" for key in keys)
    if isinstance(left, list) and isinstance(right, list):
        return f"\n  first difference at {next(i for i, (a, b) in enumerate(zip(left, right)) if a != b)}"
    return ""


@contextmanager
def raises(kind, match=""):
    try:
        yield
    except kind as error:
        if not re.search(match, str(error)):
            raise AssertionError(f"{error!s} does not match {match!r}") from error
    else:
        raise AssertionError(f"{kind.__name__} was not raised")


class Suite:
    def __init__(self):
        self.tests, self.fixtures, self.results = [], {}, []

    def fixture(self, function):
        self.fixtures[function.__name__] = function
        return function

    def test(self, function=None, *, params=(None,), expect="passed", skip=None):
        if function is None:
            return lambda f: self.test(f, params=params, expect=expect, skip=skip)
        for param in params:
            self.tests.append((function, param, expect, skip))
        return function

    def rewrite(self, function):
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
        tree.body[0].decorator_list = []
        tree = ast.fix_missing_locations(AssertionRewriter().visit(tree))
        ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
        space = dict(function.__globals__, _check=_check)
        exec(compile(tree, function.__code__.co_filename, "exec"), space)
        return space[function.__name__]

    def resolve(self, name, param, made, cleanup):
        if name == "param":
            return param
        if name not in made:
            if name not in self.fixtures:
                raise LookupError(f"no fixture {name!r}; there are {', '.join(sorted(self.fixtures))}")
            function = self.fixtures[name]
            arguments = [self.resolve(needed, param, made, cleanup) for needed in inspect.signature(function).parameters]
            value = function(*arguments)
            if inspect.isgenerator(value):
                generator, value = value, next(value)
                cleanup.append((name, generator))
            made[name] = value
        return made[name]

    def run_one(self, function, param, skip):
        made, cleanup, output = {}, [], io.StringIO()
        if skip:
            return "skipped", skip, ""
        try:
            with redirect_stdout(output):
                arguments = [self.resolve(name, param, made, cleanup) for name in inspect.signature(function).parameters]
                self.rewrite(function)(*arguments)
            return "passed", "", output.getvalue()
        except AssertionError as error:
            line = traceback.extract_tb(error.__traceback__)
            own = [frame for frame in line if frame.name == function.__name__][-1]
            return "failed", f"+{own.lineno - function.__code__.co_firstlineno}: {error}", output.getvalue()
        except Exception as error:
            return "error", f"{type(error).__name__}: {error}", output.getvalue()
        finally:
            for name, generator in reversed(cleanup):
                if next(generator, "ended") != "ended":
                    print(f"  fixture {name} yields twice")

    def run(self):
        for function, param, expect, skip in self.tests:
            outcome, reason, output = self.run_one(function, param, skip)
            fine = outcome in (expect, "skipped")
            self.results.append(fine)
            name = function.__name__ + (f"[{param!r}]" if param is not None else "")
            print(f"{'ok  ' if fine else 'NOT '} {outcome:<8}{name}" + textwrap.indent(f"\n{reason}" if reason else "", "       ").rstrip())
            if output:
                print(textwrap.indent(output.rstrip(), "     | "))
        bad = self.results.count(False)
        print(f"{len(self.results)} tests, {bad} not as expected", flush=True)
        return bad


suite = Suite()
log = []


@suite.fixture
def base():
    log.append("up")
    yield {"a": 1, "b": [1, 2]}
    log.append("down")


@suite.fixture
def table(base):
    return dict(base, c=3)


@suite.test
def simple(table):
    assert table["c"] == 3
    assert "a" in table, "rewritten all the same"


@suite.test(params=[0, 1, "x"], expect="failed")
def parameters(param, base):
    print("param is", param)
    assert {"a": param, "b": [1, 2], "x": 0} == base


@suite.test(expect="failed")
def lists():
    expected = [1, 2, 3]
    assert [1, 2, 4] == expected


@suite.test(expect="error")
def unknown_fixture(nothing):
    pass


@suite.test
def raising(base):
    with raises(KeyError, match="z"):
        base["z"]
    with raises(AssertionError):
        with raises(ValueError):
            pass


@suite.test(skip="not today")
def skipped():
    raise SystemExit


@suite.test
def surprise():
    assert not [1]


@suite.test(expect="failed")
def unexpectedly_fine():
    assert 1 < 2 < 3 or None is None


status = suite.run()
print(log.count("up"), log.count("down"), log[:4])
sys.exit(1 if status else 0)
