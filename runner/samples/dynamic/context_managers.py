# /// sample
# title: Context managers and the ways out of them
# tier: dynamic
# ///
"""Transactions, stacks of resources and the order in which things come undone."""

import contextlib
import io
import sys


class Resource:
    def __init__(self, name, *, fail=None, swallow=()):
        self.name, self.fail, self.swallow = name, fail, swallow

    def __enter__(self):
        if self.fail == "enter":
            raise ConnectionError(f"{self.name} cannot be opened")
        print(f"  open {self.name}")
        return self

    def __exit__(self, kind, error, trace):
        seen = f" because of {kind.__name__}" if kind else ""
        print(f"  close {self.name}{seen}")
        if self.fail == "exit":
            raise OSError(f"{self.name} cannot be closed")
        return isinstance(error, self.swallow) if self.swallow else None


class Ledger:
    """A transaction: all or nothing, nested ones included."""

    def __init__(self):
        self.rows, self._marks = [], []

    def __enter__(self):
        self._marks.append(len(self.rows))
        return self

    def __exit__(self, kind, error, trace):
        mark = self._marks.pop()
        if kind is not None:
            del self.rows[mark:]


@contextlib.contextmanager
def tag(name, out):
    out.append(f"<{name}>")
    try:
        yield lambda text: out.append(text)
    except ValueError as error:
        out.append(f"[{error}]")
    else:
        out.append("[ok]")
    finally:
        out.append(f"</{name}>")


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        context = f" (while {type(error.__context__).__name__}: {error.__context__})" if error.__context__ else ""
        print(f"{label}: {type(error).__name__}: {error}{context}")


def several(*resources, body=lambda: "done"):
    with contextlib.ExitStack() as stack:
        for resource in resources:
            stack.enter_context(resource)
        stack.callback(print, "  callback")
        return body()


print("== order")
with (Resource("a") as first, Resource("b"), Resource("c") as third):
    print(first.name, third.name)
attempt("second fails to open", lambda: several(Resource("a"), Resource("b", fail="enter"), Resource("c")))
attempt("body fails", lambda: several(Resource("a"), Resource("b"), body=lambda: 1 / 0))
attempt("close fails too", lambda: several(Resource("a"), Resource("b", fail="exit"), body=lambda: 1 / 0))
attempt("inner swallows", lambda: several(Resource("a"), Resource("b", swallow=(ZeroDivisionError,)), body=lambda: 1 / 0))
attempt("wrong one swallowed", lambda: several(Resource("a", swallow=(KeyError,)), body=lambda: 1 / 0))


def leave(how):
    for number in range(3):
        with Resource(f"loop {number}"):
            if how == "break":
                break
            if how == "continue" and number < 2:
                continue
            if how == "return":
                try:
                    return "from inside"
                finally:
                    print("  finally first")
    return how


for how in ("break", "return"):
    print(leave(how))

print("== transactions")
ledger = Ledger()
with ledger:
    ledger.rows.append("kept")
    with contextlib.suppress(ValueError), ledger:
        ledger.rows.append("undone")
        with ledger:
            ledger.rows.append("undone with its parent")
        raise ValueError
    ledger.rows.append("kept too")
print(ledger.rows)

print("== from generators")
out = []
with tag("p", out) as write:
    write("text")
with tag("q", out):
    raise ValueError("seen and swallowed")
attempt("passes others on", lambda: contextlib.ExitStack().__enter__() and exec("with tag('r', out): raise KeyError('k')"))
print("".join(out))


@contextlib.contextmanager
def never():
    if False:
        yield


@contextlib.contextmanager
def twice():
    yield 1
    yield 2


attempt("does not yield", lambda: never().__enter__())
attempt("yields twice", lambda: several(twice()))


@contextlib.contextmanager
def stop_inside():
    yield


def raise_stop():
    with stop_inside():
        raise StopIteration("kept as it is")


attempt("StopIteration", raise_stop)


@tag("deco", log := [])
def decorated(text):
    log.append(text)
    return text * 2


print(decorated("x"), decorated("y"), log)
manager = tag("once", [])
with manager:
    pass
attempt("used up", lambda: manager.__enter__())

print("== tools")
captured = io.StringIO()
with contextlib.redirect_stdout(captured):
    print("hidden")
    with contextlib.redirect_stderr(captured):
        print("also hidden", file=sys.stderr)
print(repr(captured.getvalue()), contextlib.nullcontext(5).__enter__())
with contextlib.closing(contextlib.closing(type("C", (), {"close": lambda self: print("  closed")})()).thing):
    print("inside")
with contextlib.suppress(KeyError, IndexError) as nothing:
    [][1]
print(nothing)
with contextlib.ExitStack() as stack:
    stack.enter_context(Resource("kept open"))
    later = stack.pop_all()
print("stack is left, nothing closed")
later.close()


print("== not context managers")
attempt("no __enter__", lambda: exec("with 3: pass"))
instance_only = type("Plain", (), {})()
instance_only.__enter__ = instance_only.__exit__ = lambda *a: None
attempt("only on the instance", lambda: exec("with thing: pass", {"thing": instance_only}))
attempt("async with without async", lambda: exec("async def f():\n  with thing: pass\nf().send(None)", {"thing": instance_only}))
