# /// sample
# title: Class bodies with a namespace of their own
# tier: dynamic
# ///
"""What __prepare__ makes possible, and what a class statement may build besides a class."""

import enum


class Overloads(dict):
    """A namespace in which a second def of one name adds instead of replacing."""

    def __setitem__(self, key, value):
        if key in self and callable(value) and not key.startswith("__"):
            previous = self[key]
            value = previous.add(value) if isinstance(previous, Overloaded) else Overloaded([previous, value])
        super().__setitem__(key, value)


class Overloaded:
    def __init__(self, functions):
        self.functions = functions

    def add(self, function):
        return Overloaded([*self.functions, function])

    def __get__(self, instance, owner=None):
        def dispatch(*args):
            for function in self.functions:
                code = function.__code__
                wanted = [function.__annotations__.get(n, object) for n in code.co_varnames[1 : code.co_argcount]]
                if len(wanted) == len(args) and all(map(isinstance, args, wanted)):
                    return function(instance, *args)
            raise TypeError(f"no overload for {tuple(type(a).__name__ for a in args)}")

        return dispatch


class Undefined(dict):
    """Names that are read before they are bound become their own text: enumerations without values."""

    def __missing__(self, key):
        if key.startswith("__") or key in {"property", "str", "len"}:
            raise KeyError(key)
        self[key] = key.lower()
        return self[key]


class Declared(type):
    @classmethod
    def __prepare__(meta, name, bases):
        return Undefined()

    def __new__(meta, name, bases, namespace):
        cls = super().__new__(meta, name, bases, dict(namespace))
        cls.names = [key for key in namespace if not key.startswith("_") and isinstance(namespace[key], str)]
        return cls


class NoRepeats(dict):
    def __setitem__(self, key, value):
        if key in self and not key.startswith("__"):
            raise NameError(f"{key!r} is defined twice")
        super().__setitem__(key, value)


class Strict(type):
    __prepare__ = classmethod(lambda meta, name, bases: NoRepeats())


class Overloading(type):
    @classmethod
    def __prepare__(meta, name, bases):
        return Overloads()


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {str(error).replace('__main__.', '')}")


print("== overloads by namespace")


class Shape(metaclass=Overloading):
    def scale(self, by: int):
        return f"int {by}"

    def scale(self, by: str):
        return f"str {by}"

    def scale(self, by: int, also: int):
        return f"two {by + also}"

    single = 1


print(Shape().scale(2), Shape().scale("x"), Shape().scale(1, 2), Shape.single)
attempt("no match", lambda: Shape().scale(1.5))

print("== names that declare themselves")


class Colour(metaclass=Declared):
    RED, GREEN
    BLUE
    DARK = BLUE + " and dark"

    def describe(self):
        return len(self.names)


print(Colour.RED, Colour.DARK, Colour.names, Colour().describe(), type(vars(Colour)).__name__)

print("== no repeats")


def repeat():
    class Settings(metaclass=Strict):
        timeout = 1
        retries = 2
        timeout = 3


attempt("twice", repeat)


class Planet(enum.Enum):
    EARTH = 1
    TERRA = 1

    @enum.nonmember
    def helper():
        return "not a member"


def reuse():
    class Again(enum.Enum):
        A = 1
        A = 2


print(list(Planet), Planet.TERRA.name, Planet.helper())
attempt("enum", reuse)

print("== class bodies are scopes")
value = "module"


class Scope:
    value = "class"
    seen_by_body = value
    seen_by_function = (lambda: value)()
    seen_by_list = [value for _ in range(1)][0]
    seen_by_first_iterable = [letter for letter in value][:2]
    locals()["injected"] = "by locals()"

    class Inner:
        seen = value


print(Scope.seen_by_body, Scope.seen_by_function, Scope.seen_by_list, Scope.seen_by_first_iterable, Scope.injected, Scope.Inner.seen)
print(Scope.Inner.__qualname__, Scope.__firstlineno__ < Scope.Inner.__firstlineno__, Scope.__static_attributes__)

print("== not even a class")


def factory(name, bases, namespace):
    return f"{name} is not even a class: {sorted(k for k in namespace if not k.startswith('__'))}"


class Text(metaclass=factory):
    a = b = 1


class Proxy:
    def __mro_entries__(self, bases):
        return (dict, Colour)


class Substituted(Proxy()):
    pass


print(Text)
print(Substituted.__bases__, [type(b).__name__ for b in Substituted.__orig_bases__])


class BadPrepare(type):
    __prepare__ = classmethod(lambda *args: 3)


def bad():
    class X(metaclass=BadPrepare):
        pass


attempt("bad prepare", bad)
