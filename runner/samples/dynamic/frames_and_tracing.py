# /// sample
# title: Frames, tracing and introspection
# tier: dynamic
# ///
"""A line tracer, a call profiler and a caller-aware logger: nothing but the script itself may be on the stack."""

import inspect
import sys
import textwrap
import traceback
from collections import Counter


def caller(depth=1):
    frame = sys._getframe(depth + 1)
    return frame.f_code.co_qualname, frame.f_lineno - frame.f_code.co_firstlineno


class Logger:
    def info(self, message):
        where, line = caller()
        print(f"{where}+{line}: {message}")


class LineTracer:
    """Records (function, relative line, changed locals) of the functions it is told to watch."""

    def __init__(self, *functions):
        self.codes = {function.__code__ for function in functions}
        self.events, self.last = [], {}

    def __enter__(self):
        sys.settrace(self.dispatch)
        return self

    def __exit__(self, *error):
        sys.settrace(None)

    def dispatch(self, frame, event, argument):
        if frame.f_code not in self.codes:
            return None
        self.last[frame] = {}
        return self.local

    def local(self, frame, event, argument):
        now = {k: repr(v) for k, v in frame.f_locals.items()}
        changed = {k: v for k, v in now.items() if self.last[frame].get(k) != v}
        self.last[frame] = now
        line = frame.f_lineno - frame.f_code.co_firstlineno
        shown = argument[0].__name__ if event == "exception" else argument if event == "return" else ""
        self.events.append((event, frame.f_code.co_name, line, changed, shown))
        return self.local


def collatz(n):
    steps = 0
    while n != 1:
        n = n // 2 if n % 2 == 0 else 3 * n + 1
        steps += 1
    return steps


def failing(items):
    total = 0
    for item in items:
        try:
            total += item
        except TypeError:
            total -= 1
    return total


def gen():
    received = yield 1
    yield received


class Shape:
    """A shape.

        Indented text.
    """

    sides: int = 0

    def __init__(self, name: str, *, sides: "int | None" = None):
        self.name, self.sides = name, sides

    @property
    def kind(self):
        return "shape"

    @classmethod
    def make(cls, /, *names, **options) -> list:
        return [cls(name, **options) for name in names]

    @staticmethod
    def area(width, height=1):
        "Area."
        return width * height


print("== the stack")
print([frame.function for frame in inspect.stack()], sys._getframe().f_back, sys._getframe().f_code.co_name, __name__)


def outer():
    def inner():
        return [(frame.function, frame.code_context[0].strip()) for frame in inspect.stack()[:2]], len(inspect.stack())

    return inner()


print(outer())
print([entry.name for entry in (lambda: traceback.extract_stack())()])
logger = Logger()
logger.info("from the module")


class Service:
    def run(self):
        logger.info("from a method")
        [logger.info(f"from a comprehension {n}") for n in range(1)]
        (lambda: logger.info("from a lambda"))()


Service().run()
try:
    sys._getframe(1000)
except ValueError as error:
    print("ValueError:", error)

print("== lines")
with LineTracer(collatz, failing) as tracer:
    results = collatz(6), failing([1, "x", 3])
print(results)
for event in tracer.events[:8] + tracer.events[-9:]:
    print(" ", *event)

print("== calls")
calls = Counter()
depth_now = peak = 0


def profile(frame, event, argument):
    global depth_now, peak
    if event == "call":
        depth_now += 1
        peak = max(peak, depth_now)
        calls[frame.f_code.co_name] += 1
    elif event == "return":
        depth_now -= 1
    elif event == "c_call" and argument.__name__ != "setprofile":
        calls["C:" + argument.__name__] += 1


def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


sys.setprofile(profile)
answer = fib(7), sorted([3, 1, 2], key=abs), sum([1, 2])
sys.setprofile(None)
print(answer, dict(sorted(calls.items())), peak)

print("== frames that live on")
generator = gen()
next(generator)
print(generator.gi_frame.f_locals, generator.gi_frame.f_lineno - gen.__code__.co_firstlineno, generator.send("x"), generator.gi_suspended)
try:
    failing(None)
except TypeError:
    frame = sys.exception().__traceback__.tb_next.tb_frame
    print(frame.f_locals, frame.f_code.co_varnames, frame.f_globals is globals(), frame.f_builtins["len"] is len)
    frame.clear()
    print(frame.f_locals)


def write_through():
    value = "before"
    sys._getframe().f_locals["value"] = "after"
    return value


print(write_through())

print("== what things look like")
print(inspect.signature(Shape), inspect.signature(Shape.make), inspect.signature(Shape.area), Shape.area.__doc__)
print(inspect.getdoc(Shape).splitlines(), inspect.get_annotations(Shape), Shape.__init__.__annotations__)
print([(item.name, item.kind) for item in inspect.classify_class_attrs(Shape) if not item.name.startswith("__")])
print(inspect.getsource(write_through).count("\n"), textwrap.dedent(inspect.getsource(Shape.area)).splitlines()[1], inspect.isgeneratorfunction(gen))
print(inspect.getattr_static(Shape("s"), "kind").__class__.__name__, Shape("s").kind, inspect.unwrap(fib) is fib, inspect.getmro(bool))
