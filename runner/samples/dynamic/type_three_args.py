# /// sample
# title: Classes made at run time with type(name, bases, namespace)
# tier: dynamic
# ///
"""Record types made from a schema, mixins put together on demand, and classes that know where they came from."""

import types
from operator import attrgetter

SCHEMA = {
    "Point": {"x": float, "y": float},
    "Pixel": {"__base__": "Point", "colour": str},
    "Empty": {},
    "Person": {"name": str, "nick name": str, "class": str, "_private": int},
}


def make_init(fields):
    """Writes an __init__ with a real signature."""
    safe = {name: name if name.isidentifier() and name != "class" else f"field_{index}" for index, name in enumerate(fields)}
    body = [f"    setattr(self, {name!r}, kinds[{name!r}]({parameter}))" for name, parameter in safe.items()] or ["    pass"]
    source = f"def __init__(self, {', '.join(safe.values())}):\n" + "\n".join(body)
    namespace = {"kinds": fields}
    exec(source, namespace)
    return namespace["__init__"]


def make_record(name, schema, known):
    own = {key: kind for key, kind in schema.items() if key != "__base__"}
    base = known.get(schema.get("__base__"), object)
    fields = {**getattr(base, "_fields", {}), **own}

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{key}={getattr(self, key)!r}' for key in fields)})"

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, key) == getattr(other, key) for key in fields)

    return type(
        name,
        (base,),
        {
            "__init__": make_init(fields),
            "__repr__": __repr__,
            "__eq__": __eq__,
            "__doc__": f"{name} with {', '.join(fields) or 'nothing'}.",
            "_fields": fields,
            "__slots__": tuple(key for key in own if key.isidentifier()),
        },
    )


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== records from a schema")
records = {}
for name, schema in SCHEMA.items():
    records[name] = make_record(name, schema, records)
Point, Pixel, Empty, Person = records.values()
pixel = Pixel("1", 2, "red")
print(pixel, Point(1, 2), Empty(), pixel == Pixel(1.0, 2.0, "red"), pixel == Point(1, 2))
print(Pixel.__doc__, Pixel.__mro__[1].__name__, Pixel.__slots__, Pixel.__module__, Pixel.__qualname__)
attempt("converted", lambda: Point("one", 2))
attempt("arity", lambda: Point(1))
attempt("closed", lambda: setattr(pixel, "z", 1))
person = attempt("slots that are no names", lambda: Person("Al", "big al", "first", 7))
print(Empty.__hash__, hasattr(pixel, "__dict__"))

print("== methods, closures and super()")


def area(self):
    return self.side**2


Square = type("Square", (), {"side": 2, "area": area, "double": lambda self: self.area() * 2, "name": staticmethod(lambda: "sq")})
print(Square().area(), Square().double(), Square.name(), Square.area.__qualname__, Square.double.__name__)


def describe(self):
    return "loud " + super(Loud, self).name()


Loud = type("Loud", (Square,), {"describe": describe, "side": 3})
print(Loud().describe(), Loud().area())
bare = type("Bare", (Square,), {"describe": lambda self: super().name()})
attempt("super() without a class cell", lambda: bare().describe())

print("== mixins on demand")
MIXINS = {
    "loud": type("LoudMixin", (), {"say": lambda self: super(MIXINS["loud"], self).say().upper()}),
    "polite": type("PoliteMixin", (), {"say": lambda self: super(MIXINS["polite"], self).say() + ", please"}),
}


class Speaker:
    def say(self):
        return "give"


def compose(*names):
    return type("".join(map(str.title, names)) + "Speaker", (*(MIXINS[name] for name in names), Speaker), {})


for names in ((), ("loud",), ("loud", "polite"), ("polite", "loud")):
    cls = compose(*names)
    print(f"{cls.__name__:<20} {cls().say():<14} {[c.__name__ for c in cls.__mro__[:-1]]}")
attempt("twice the same", lambda: compose("loud", "loud"))
attempt("order impossible", lambda: type("X", (Speaker, compose("loud")), {}))

print("== the pieces of a class statement")
built = types.new_class("Built", (Speaker,), {}, lambda namespace: namespace.update(volume=11, __module__="somewhere.else"))
print(built.volume, built().say(), built.__module__, repr(built), built.__bases__ == (Speaker,))
print(types.resolve_bases((list, 3)), types.prepare_class("N", (int,))[0].__name__)
print(type(built) is type, type("T", (), {}) is not type("T", (), {}), type("", (), {}).__name__ == "", type("a b", (), {}).__name__)
renamed = type("Before", (), {})
renamed.__name__, renamed.__qualname__ = "After", "Outer.After"
print(renamed, renamed.__name__)
attempt("name not a str", lambda: type(b"X", (), {}))
attempt("bases not a tuple", lambda: type("X", [int], {}))
attempt("base not a class", lambda: type("X", (3,), {}))
attempt("final base", lambda: type("X", (bool,), {}))
attempt("two layouts", lambda: type("X", (int, str), {}))
attempt("null in a name", lambda: type("a\0b", (), {}))
attempt("bad slots", lambda: type("X", (), {"__slots__": ("1x",)}))
attempt("slot against value", lambda: type("X", (), {"__slots__": ("x",), "x": 1}))
attempt("too few", lambda: type("X", ()))

print("== subclasses of builtins")
Kilo = type("Kilo", (float,), {"__str__": lambda self: f"{self / 1000:g}k", "__add__": lambda self, o: type(self)(float(self) + o)})
total = sum([Kilo(1500), Kilo(2500)], Kilo(0))
print(total, repr(total), type(total).__name__, f"{total}", type(total * 2).__name__, sorted([Kilo(3), 1, Kilo(2)], key=attrgetter("real")))
