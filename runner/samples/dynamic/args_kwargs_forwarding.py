# /// sample
# title: Forwarding *args and **kwargs through every kind of call
# tier: dynamic
# ///
"""Wrappers, partials and cooperative constructors that pass on what they do not know."""

import functools
import inspect
from operator import methodcaller


def target(a, b=2, /, c=3, *rest, d, e=5, **extra):
    return f"a={a} b={b} c={c} rest={rest} d={d} e={e} extra={extra}"


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        shown = ", ".join([*map(repr, args), *(f"{key}={value!r}" for key, value in kwargs.items())])
        try:
            result = function(*args, **kwargs)
        except TypeError as error:
            print(f"{function.__name__}({shown}) !! {error}")
            return None
        print(f"{function.__name__}({shown}) -> {result}")
        return result

    return wrapper


def rename(**names):
    """Old keyword names keep working."""

    def decorate(function):
        def wrapper(*args, **kwargs):
            for old, new in names.items():
                if old in kwargs:
                    if new in kwargs:
                        raise TypeError(f"{old!r} and {new!r} are the same argument")
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return functools.update_wrapper(wrapper, function)

    return decorate


class Base:
    def __init__(self, **kwargs):
        if kwargs:
            raise TypeError(f"{type(self).__name__} got unknown {sorted(kwargs)}")
        self.order = ["Base"]


class Named(Base):
    def __init__(self, *, name, **kwargs):
        super().__init__(**kwargs)
        self.name = name
        self.order.append("Named")


class Sized(Base):
    def __init__(self, *, size=1, **kwargs):
        super().__init__(**kwargs)
        self.size = size
        self.order.append("Sized")


class Box(Named, Sized):
    def __init__(self, *args, **kwargs):
        super().__init__(name="-".join(args), **kwargs)
        self.order.append("Box")


class Keys:
    """Enough of a mapping for **."""

    def keys(self):
        return iter(["d", "z"])

    def __getitem__(self, key):
        return key.upper()


print("== one signature, many calls")
call = logged(target)
call(1, d=4)
call(1, 9, 8, 7, 6, d=4, f=0)
call(*"xy", *(3, 4), **{"d": 1}, **{"e": 2, "a": "not the positional one", "b": "either"})
call(1, **Keys())
call(*[], d=1)
call(1)
call(a=1, d=2)
call(1, 2, 3, c=4, d=5)
for arguments in ("call(1, d=1, **{'d': 2})", "call(*3, d=1)", "call(1, **{1: 2})", "call(1, **[('d', 1)])"):
    try:
        eval(arguments)
    except TypeError as error:
        print("TypeError:", str(error).replace("__main__.", ""))

print("== evaluation order")
trace = []


def note(value):
    trace.append(value)
    return value


call(note(1), *[note(2)], d=note(3), **{"e": note(4), "f": note(5)})
print(trace)

print("== signatures survive")
print(inspect.signature(call), call.__wrapped__ is target, call.__name__)
bound = inspect.signature(target).bind(1, 2, 3, 4, d=5, q=6)
print(bound.args, bound.kwargs)
bound = inspect.signature(target).bind_partial(1)
bound.apply_defaults()
print(dict(bound.arguments))
print([f"{p.name}:{p.kind.name}" for p in inspect.signature(target).parameters.values()])

print("== partial")
half = functools.partial(target, 1, d="D")
print(half(7), half(d="other"), half(e=0, g=1), sep="\n")
print(half.args, half.keywords, functools.partial(half, 5).args)


class Meter:
    def record(self, kind, value, *, unit="m"):
        return f"{kind}:{value}{unit}"

    length = functools.partialmethod(record, "length")
    weight = functools.partialmethod(record, "weight", unit="kg")


meter = Meter()
print(meter.length(3), meter.weight(4), meter.weight(4, unit="g"), methodcaller("record", "x", 1, unit="s")(meter))

print("== renamed keywords")


@rename(colour="color", centre="center")
def paint(color="none", center=(0, 0)):
    return color, center


print(paint(colour="red", centre=(1, 1)), paint("blue"), paint.__name__)
try:
    paint(colour=1, color=2)
except TypeError as error:
    print(error)

print("== cooperative constructors")
box = Box("big", "red", size=4)
print(box.order, vars(box), [cls.__name__ for cls in Box.__mro__])
try:
    Box("a", weight=1, height=2)
except TypeError as error:
    print(error)

print("== kwargs are a copy")


def change(**kwargs):
    kwargs["new"] = True
    return kwargs


original = {"old": 1}
print(change(**original), original, (lambda *a, **k: (a, k))(*original, **original))
