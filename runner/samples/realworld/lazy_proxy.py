# /// sample
# title: Lazy proxies that stand in for anything
# tier: realworld
# ///
"""Objects that are made on first use, recording proxies, read-only views and remote-like handles."""

import copy
import functools
import operator
import weakref


def _forward(name):
    special = getattr(operator, name, None)

    def method(self, *arguments):
        target = self.__wrapped__
        if special and not arguments:
            return special(target)
        return getattr(target, name)(*arguments)

    method.__name__ = name
    return method


def _reflected(symbol):
    function = getattr(operator, f"__{symbol}__")
    forward = lambda self, other: function(self.__wrapped__, unwrap(other))
    backward = lambda self, other: function(unwrap(other), self.__wrapped__)
    return forward, backward


def unwrap(value):
    return value.__wrapped__ if type(value).__mro__[-2] is Proxy else value


class Proxy:
    """Special methods are looked up on the type, so each one is forwarded by hand."""

    __slots__ = ("_make", "_target", "__weakref__")

    def __init__(self, make):
        object.__setattr__(self, "_make", make)

    @property
    def __wrapped__(self):
        try:
            return object.__getattribute__(self, "_target")
        except AttributeError:
            make = object.__getattribute__(self, "_make")
            if make is None:
                raise RuntimeError("asked for while it is being made") from None
            object.__setattr__(self, "_make", None)
            try:
                target = make()
            except BaseException:
                object.__setattr__(self, "_make", make)
                raise
            object.__setattr__(self, "_target", target)
            return target

    @property
    def __class__(self):
        return type(self.__wrapped__)

    def __getattr__(self, name):
        return getattr(self.__wrapped__, name)

    def __setattr__(self, name, value):
        setattr(self.__wrapped__, name, value)

    def __delattr__(self, name):
        delattr(self.__wrapped__, name)

    def __repr__(self):
        try:
            return f"<lazy {object.__getattribute__(self, '_target')!r}>"
        except AttributeError:
            return "<lazy, not made yet>"

    __dir__ = lambda self: dir(self.__wrapped__)
    __hash__ = lambda self: hash(self.__wrapped__)
    __bool__ = lambda self: bool(self.__wrapped__)
    __str__ = lambda self: str(self.__wrapped__)
    __iter__ = lambda self: iter(self.__wrapped__)
    __reversed__ = lambda self: reversed(self.__wrapped__)
    __round__ = lambda self, *digits: round(self.__wrapped__, *digits)
    __reduce__ = lambda self: (unwrap, (self.__wrapped__,))

    for _name in ("call", "len", "getitem", "setitem", "delitem", "contains", "next", "enter", "exit", "int", "float", "index", "neg", "abs", "format"):
        locals()[f"__{_name}__"] = _forward(f"__{_name}__")
    for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or"):
        locals()[f"__{_name}__"], locals()[f"__r{_name}__"] = _reflected(_name)
    for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
        locals()[f"__{_name}__"] = _reflected(_name)[0]
    del _name


class Recorder(Proxy):
    __slots__ = ("_log",)

    def __init__(self, target, log):
        super().__init__(lambda: target)
        object.__setattr__(self, "_log", log)

    def __getattr__(self, name):
        value = super().__getattr__(name)
        log = object.__getattribute__(self, "_log")
        @functools.wraps(value)
        def wrapper(*args, **kwargs):
            result = value(*args, **kwargs)
            log.append(f"{name}{args}{kwargs or ''} -> {result!r}")
            return result

        return wrapper


class ReadOnly(Proxy):
    __slots__ = ()

    def _refuse(self, *arguments, **keywords):
        raise TypeError(f"read-only {type(self.__wrapped__).__name__}")

    __setattr__ = __delattr__ = __setitem__ = __delitem__ = __iadd__ = _refuse

    def __getattr__(self, name):
        if name in {"append", "pop", "update", "clear", "add", "extend", "remove", "sort"}:
            return self._refuse
        return view(super().__getattr__(name))

    def __getitem__(self, key):
        return view(self.__wrapped__[key])

    def __iter__(self):
        return map(view, self.__wrapped__)


def view(value):
    return ReadOnly(lambda: value) if isinstance(value, (list, dict, set)) else value


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== made once, when it is needed")
made = []
lazy = Proxy(lambda: made.append("list") or [3, 1, 2])
print(repr(lazy), made, type(lazy).__name__, bool(made))
print(len(lazy), sorted(lazy), lazy[0], 2 in lazy, lazy + [4], [0] + lazy, lazy * 2, lazy == [3, 1, 2], [3, 1, 2] == lazy, made)
lazy.append(9)
lazy[0] = 5
del lazy[1]
print(lazy, isinstance(lazy, list), list(reversed(lazy)), f"{lazy!s:>12}", lazy.index(2), "append" in dir(lazy))
attempt("no iterator", lambda: next(lazy))
attempt("unhashable", lambda: hash(lazy))

print("== numbers, text, functions")
number = Proxy(lambda: 7)
print(number + 1, 10 - number, 2**number, number % 4, -number, abs(Proxy(lambda: -3)), range(10)[number], round(Proxy(lambda: 2.567), 1), f"{number:04d}")
print(int(number), float(number), number > 3, 3 < number, hash(number) == hash(7), {7: "seven"}[number], number + Proxy(lambda: 1), divmod(int(number), 4))
print("%s-%d" % (Proxy(lambda: "text"), number), Proxy(lambda: str.upper)("call"), ",".join([str(Proxy(lambda: "x"))] * 2), bool(Proxy(lambda: 0)))
attempt("what the target cannot", lambda: number + "x")
attempt("attribute it lacks", lambda: number.nothing)

print("== failing, cyclic, weak, copied")
tries = iter([OSError("not yet"), "now it works"])


def flaky():
    value = next(tries)
    if isinstance(value, Exception):
        raise value
    return value


fragile = Proxy(flaky)
attempt("first", lambda: str(fragile))
attempt("second", lambda: str(fragile))
cycle = Proxy(lambda: len(cycle))
attempt("cycle", lambda: int(cycle))
reference = weakref.ref(lazy)
print(reference() is lazy, type(copy.copy(lazy)).__name__, copy.deepcopy(lazy), lazy.__wrapped__ is unwrap(lazy))

print("== recording and read-only")
log = []
recorded = Recorder({"a": 1}, log)
recorded.update(b=2)
recorded.get("z", default := 0), recorded.pop("a"), recorded["b"]
print(log, recorded, len(recorded))
settings = view({"hosts": ["a", "b"], "limits": {"cpu": 2}})
print(settings["hosts"][0], [host for host in settings["hosts"]], settings.get("limits")["cpu"], len(settings), "hosts" in settings, settings == {"x": 1})
attempt("set", lambda: settings["limits"].__setitem__("cpu", 3))
attempt("append", lambda: settings["hosts"].append("c"))
attempt("nested iteration", lambda: [type(item).__name__ for item in view([[1], {2}, "s"])])
attempt("attribute", lambda: setattr(settings, "x", 1))
attempt("in place", lambda: operator.iadd(settings["hosts"], ["c"]))
