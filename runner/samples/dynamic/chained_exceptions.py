# /// sample
# title: Chained exceptions, groups and notes, ending in an unhandled one
# tier: dynamic
# ///
"""An import job that fails in layers. The last failure is not handled: its traceback is on stderr, the status is 1."""

import sys
import traceback


class JobError(Exception):
    """A failed job, with the place it failed in."""

    def __init__(self, job, *, line=None):
        super().__init__(job, line)
        self.job, self.line = job, line

    def __str__(self):
        return f"job {self.job!r} failed" + (f" at line {self.line}" if self.line else "")


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def parse(text):
    return {key: int(value) for key, value in (pair.split("=") for pair in text.split(";"))}


def load(text):
    try:
        return parse(text)
    except ValueError as error:
        error.add_note(f"in {text!r}")
        raise JobError("load", line=len(text)) from error


def cleanup(step):
    try:
        load("a=1;b=x")
    finally:
        {}[step]


def quiet(text):
    try:
        return load(text)
    except JobError:
        raise LookupError("nothing loaded") from None


def recursive(depth):
    return 1 + recursive(depth - 1) if depth else load("deep=")


def batch(*texts):
    failures = []
    for text in texts:
        try:
            load(text)
        except JobError as error:
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(texts)}", failures)


def show(action, *arguments, limit=None):
    """The report python would print, on stdout."""
    try:
        print("result", action(*arguments))
    except BaseException as error:
        print(f"--- {action.__name__}")
        traceback.print_exception(error, limit=limit, file=sys.stdout)
        return error


def chain(error):
    """The links, as the report walks them."""
    links = []
    while error is not None:
        if error.__cause__ is not None:
            links.append(f"{type(error).__name__} <=cause")
            error = error.__cause__
        elif error.__context__ is not None and not error.__suppress_context__:
            links.append(f"{type(error).__name__} <-context")
            error = error.__context__
        else:
            links.append(type(error).__name__)
            error = None
    return " ".join(links)


print("== reports")
print(chain(show(load, "a=1;b")))
print(chain(show(cleanup, "missing")))
print(chain(hidden := show(quiet, "x")), "| still there:", type(hidden.__context__).__name__, hidden.__suppress_context__)
show(recursive, 8)
show(eval, "1 +\n+ (2 *")
show(lambda: (None).upper(), limit=-1)
show(lambda: [1, 2][7] + {"key": 0}["kye"])
show(lambda: undefinedd + 1)
show(lambda: "abc".uper())
show(lambda: (_ for _ in ()).throw(Unprintable()))

print("== groups")
group = show(batch, "a=1", "b", "c=2;d")
matching, rest = group.split(lambda error: getattr(error, "line", 0) == 1)
print(matching.exceptions, rest.exceptions, group.derive([KeyError(1)]).message)
nested = ExceptionGroup("outer", [ValueError(1), ExceptionGroup("inner", [TypeError(2), ValueError(3)]), KeyError("k")])
seen = []
try:
    try:
        raise nested
    except* ValueError as values:
        seen.append([str(error) for error in values.exceptions])
    except* TypeError as types:
        raise OSError("while handling") from types
except ExceptionGroup as left:
    seen.append(left)
print(seen[0][0], repr(seen[1]))
show(lambda: (_ for _ in ()).throw(nested))
try:
    ExceptionGroup("bad", [KeyboardInterrupt()])
except TypeError as error:
    print(error)

print("== objects")
error = JobError("copy", line=3).with_traceback(None)
print(repr(error), error.args, isinstance(error, Exception), error == JobError("copy", line=3))
try:
    raise error
except JobError as caught:
    saved = caught
    print(caught.__traceback__.tb_lineno > 1, sys.exc_info()[1] is caught)
print("caught" in globals(), sys.exception(), [frame.name for frame in traceback.extract_tb(saved.__traceback__)])
summary = traceback.TracebackException(ValueError, ValueError("text only"), None)
print(list(summary.format()), summary.exc_type_str)
try:
    raise 3
except TypeError as wrong:
    print(wrong)
loop = ValueError("loop")
loop.__cause__, second = KeyError("second"), KeyError("third")
loop.__cause__.__cause__ = loop
print("".join(traceback.format_exception(loop)).count("direct cause"))


def hook(kind, value, trace):
    print("hook saw", kind.__name__, "and passes it on")
    sys.__excepthook__(kind, value, trace)


sys.excepthook = hook
print("== the end", flush=True)
try:
    cleanup("last")
except KeyError as last:
    last.add_note("the job is lost\nsee the log")
    raise ExceptionGroup("import failed", [last, JobError("other")]) from None
