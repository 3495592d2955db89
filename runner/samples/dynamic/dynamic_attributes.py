# /// sample
# title: getattr, setattr and delattr by computed names
# tier: dynamic
# ///
"""A settings object reached by dotted paths, with slots, properties and every hook of attribute access."""

from functools import reduce
from types import SimpleNamespace


class Node:
    def __repr__(self):
        return f"Node({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


def set_path(root, path, value):
    *parents, last = path.split(".")
    for name in parents:
        if not hasattr(root, name):
            setattr(root, name, Node())
        root = getattr(root, name)
    setattr(root, last, value)


def get_path(root, path, *default):
    try:
        return reduce(getattr, path.split("."), root)
    except AttributeError:
        if default:
            return default[0]
        raise


class Hooks:
    """Every access is written down; names that start with 'virtual_' are made up."""

    def __init__(self):
        object.__setattr__(self, "log", [])
        self.real = 1

    def __getattribute__(self, name):
        if not name.startswith("_") and name != "log":
            object.__getattribute__(self, "log").append(f"get {name}")
        return object.__getattribute__(self, name)

    def __getattr__(self, name):
        if name.startswith("virtual_"):
            return f"made up {name.removeprefix('virtual_')}"
        raise AttributeError(f"no {name!r} here", name=name, obj=self)

    def __setattr__(self, name, value):
        self.log.append(f"set {name}={value!r}")
        if value is None:
            raise ValueError(f"{name} must not be None")
        super().__setattr__(name, value)

    def __delattr__(self, name):
        self.log.append(f"del {name}")
        super().__delattr__(name)

    def __dir__(self):
        return ["zulu", "real", "alpha"]


class Slotted:
    __slots__ = ("x", "y", "__weakref__")
    kind = "slotted"


class Celsius:
    _degrees = 0.0

    @property
    def fahrenheit(self):
        "Degrees on the other scale."
        return self._degrees * 9 / 5 + 32

    @fahrenheit.setter
    def fahrenheit(self, value):
        self._degrees = (value - 32) * 5 / 9

    @fahrenheit.deleter
    def fahrenheit(self):
        del self._degrees


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== paths")
settings = Node()
for path, value in {"db.host": "localhost", "db.pool.size": 5, "debug": True, "db.pool.names": ["a"]}.items():
    set_path(settings, path, value)
print(settings)
print(get_path(settings, "db.pool.size"), get_path(settings, "db.nothing.here", "fallback"), get_path(settings, "db.host.upper")())
attempt("missing", lambda: get_path(settings, "db.pol.size"))
attempt("through a str", lambda: set_path(settings, "db.host.port", 1))
setattr(settings, "not an identifier", 1)
setattr(settings, "class", 2)
print(getattr(settings, "not an identifier") + getattr(settings, "class"), sorted(vars(settings), key=len)[-1])
attempt("name not a str", lambda: setattr(settings, 3, 4))
attempt("default not evaluated away", lambda: getattr(settings, "debug", 1 / 1))

print("== hooks")
hooks = Hooks()
hooks.real += 1
print(hooks.virtual_thing, hasattr(hooks, "absent"), getattr(hooks, "absent", "default"))
attempt("absent", lambda: hooks.absent)
attempt("None", lambda: setattr(hooks, "real", None))
del hooks.real
attempt("deleted", lambda: hooks.real)
attempt("deleted twice", lambda: delattr(hooks, "real"))
print(dir(hooks), hooks.log, sep="\n")

print("== slots")
slotted = Slotted()
attempt("unset slot", lambda: slotted.x)
slotted.x = 1
attempt("unknown", lambda: setattr(slotted, "z", 1))
attempt("class attribute", lambda: setattr(slotted, "kind", "other"))
attempt("no dict", lambda: vars(slotted))
print(slotted.x, Slotted.x.__get__(slotted), [name for name in Slotted.__slots__ if hasattr(slotted, name)])
del slotted.x
print(hasattr(slotted, "x"))

print("== properties, instance and class dicts")
water = Celsius()
setattr(water, "fahrenheit", 212)
print(vars(water), getattr(water, "fahrenheit"), Celsius.fahrenheit.__doc__)
water.__dict__["fahrenheit"] = "shadow"
print(water.fahrenheit, vars(water)["fahrenheit"])
del water.fahrenheit
print(water.fahrenheit, "_degrees" in vars(water))
attempt("delete again", lambda: delattr(water, "fahrenheit"))
attempt("read-only class dict", lambda: Celsius.__dict__.__setitem__("a", 1))
setattr(Celsius, "kelvin", property(lambda self: self._degrees + 273.15))
print(water.kelvin)
attempt("no setter", lambda: setattr(water, "kelvin", 0))
water.__dict__ = {"_degrees": 10.0, "extra": 1}
print(water.kelvin, water.extra)
attempt("builtin", lambda: setattr(int, "extra", 1))
attempt("instance of builtin", lambda: setattr([], "extra", 1))

print("== namespaces and functions")
space = SimpleNamespace(a=1)
space.__dict__.update(b=2)
delattr(space, "a")
print(space, space == SimpleNamespace(b=2))


def counter():
    counter.calls = getattr(counter, "calls", 0) + 1
    return counter.calls


print(counter(), counter(), vars(counter), counter.__dict__ is vars(counter))
attempt("method attribute", lambda: setattr(hooks.__init__, "x", 1))
