# /// sample
# title: Generators driven with send, throw, close and yield from
# tier: dynamic
# ///
"""Pipelines, accumulators, a trampoline, and the rules for ending early."""

import inspect
import itertools
from collections import deque


def averager():
    """Takes numbers by send(), gives the mean so far; None ends it with a summary."""
    total, count, mean = 0, 0, None
    while (value := (yield mean)) is not None:
        total += value
        count += 1
        mean = total / count
    return {"count": count, "mean": mean}


def stubborn(log):
    while True:
        try:
            received = yield len(log)
            log.append(f"got {received!r}")
        except ValueError as error:
            log.append(f"survived {error}")
        except GeneratorExit:
            log.append("closing")
            raise
        finally:
            log.append("step")


def delegate(*parts):
    results = []
    for part in parts:
        result = yield from part
        results.append(result)
    return results


def flatten(value):
    """Any depth, without recursion errors from a trampoline of generators."""
    if isinstance(value, (list, tuple)):
        for item in value:
            yield flatten(item)
    else:
        yield (value,)


def trampoline(generator):
    stack = deque([generator])
    while stack:
        try:
            item = next(stack[-1])
        except StopIteration:
            stack.pop()
        else:
            if inspect.isgenerator(item):
                stack.append(item)
            else:
                yield item[0]


def parse_numbers(lines):
    for line in lines:
        line = line.partition("#")[0].strip()
        if line:
            yield from map(int, line.split())


def windows(items, size):
    window = deque(maxlen=size)
    for item in items:
        window.append(item)
        if len(window) == size:
            yield tuple(window)


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except BaseException as error:
        cause = f" <- {error.__cause__!r}" if error.__cause__ else ""
        print(f"{label}: {type(error).__name__}: {error}{cause}")


print("== send")
mean = averager()
attempt("before it started", lambda: mean.send(1))
print(next(mean), mean.send(10), mean.send(20), mean.send(3))
try:
    mean.send(None)
except StopIteration as stop:
    print(stop.value)
attempt("after its end", lambda: next(mean))

print("== throw and close")
log = []
generator = stubborn(log)
print(next(generator), generator.send("a"), generator.throw(ValueError("v")), generator.send(None))
attempt("other error", lambda: generator.throw(KeyError("k")))
print(inspect.getgeneratorstate(generator), generator.gi_frame)
again = stubborn(log)
next(again)
again.close()
again.close()
print(log)
unstarted = stubborn(log)
attempt("thrown before start", lambda: unstarted.throw(ValueError("unseen")))


def refuses():
    try:
        yield 1
    except GeneratorExit:
        yield "no"


def returns_on_close():
    try:
        yield 1
    except GeneratorExit:
        return "last words"


stuck, polite = refuses(), returns_on_close()
next(stuck), next(polite)
attempt("refuses to close", stuck.close)
print(polite.close())

print("== yield from")
outer = delegate(averager(), "ab", averager(), range(2))
print(next(outer), outer.send(4), outer.send(6))
print(outer.send(None), next(outer), next(outer), outer.send(1), outer.gi_yieldfrom.gi_code.co_name)
attempt("throw reaches the inner", lambda: outer.throw(RuntimeError("inner")))
middle = delegate(averager(), [5])
next(middle)
attempt("ends with the results", lambda: [middle.send(v) for v in (2, None)] and next(middle))
attempt("send to a list iterator", lambda: (lambda g: (next(g), g.send("x")))(delegate([1, 2])))


def reenter():
    yield next(me)


me = reenter()
attempt("re-entered", lambda: next(me))


def leaks():
    yield next(iter(()))


attempt("StopIteration inside", lambda: list(leaks()))
attempt("for a non-iterable", lambda: list(delegate(3)))

print("== laziness")
pulled = []


def source():
    try:
        for number in itertools.count():
            pulled.append(number)
            yield number
    finally:
        pulled.append("released")


squares = (number**2 for number in source() if number % 2)
print(next(squares), next(squares), pulled)
del squares
print(pulled[-1])
names = (name + suffix for name in ["x", "y"] for suffix in iter("12"))
print(*names, list(names))
first = iter([1, 2, 3, 4, 5, 6])
print(list(zip(first, first, first)), list(itertools.pairwise("abc")), list(itertools.batched("abcde", 2)))
attempt("outermost iterable is evaluated at once", lambda: (x for x in undefined_name))
late = (undefined_name for _ in "a")
attempt("the rest is late", lambda: list(late))

print("== pipelines")
text = ["1 2  # two", "", "# none", "3", "5 8 13"]
print(list(parse_numbers(text)), list(windows(parse_numbers(text), 3)), sum(b - a for a, b in windows(parse_numbers(text), 2)))
deep = [1, [2, (3, [4, []]), "five"], 6]
for _ in range(3000):
    deep = [deep]
print(list(trampoline(flatten(deep))))
grouped = itertools.groupby(sorted("mississippi"))
print({letter: len(list(run)) for letter, run in grouped})
left, right = itertools.tee(map(str.upper, "abc"))
print(next(left), list(right), list(left), list(itertools.accumulate([3, 1, 4], max, initial=2)))
