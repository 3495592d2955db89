# /// sample
# title: Metaclasses: order of events, registry, call control, conflicts
# tier: dynamic
# ///
"""Class creation taken apart: the hooks in their order, classes that act as containers, singletons, and conflicts."""

from abc import ABCMeta


class Tracing(type):
    """Says in which order the hooks run."""

    def __prepare__(name, bases, **options):
        print(f"  prepare {name} {[base.__name__ for base in bases]} {options}")
        return {"stamp": "prepared"}

    __prepare__ = staticmethod(__prepare__)

    def __new__(meta, name, bases, namespace, *, verbose=False, **options):
        print(f"  new {name} {[key for key in namespace if not key.startswith('__')]}")
        return super().__new__(meta, name, bases, namespace, **options)

    def __init__(cls, name, bases, namespace, **options):
        print(f"  init {cls.__name__}")
        super().__init__(name, bases, namespace)

    def __call__(cls, *args, **kwargs):
        print(f"  call {cls.__name__}{args}")
        return super().__call__(*args, **kwargs)


class Registry(ABCMeta):
    known = {}

    def __new__(meta, name, bases, namespace, abstract=False, **options):
        cls = super().__new__(meta, name, bases, namespace, **options)
        if not abstract:
            if cls.code in meta.known:
                raise TypeError(f"{name} takes code {cls.code!r} of {meta.known[cls.code].__name__}")
            meta.known[cls.code] = cls
        return cls

    def __getitem__(cls, code):
        return cls.known[code]

    def __iter__(cls):
        return iter(sorted(cls.known))

    def __len__(cls):
        return len(cls.known)

    def __contains__(cls, code):
        return code in cls.known

    @property
    def family(cls):
        return [base.__name__ for base in cls.__mro__ if isinstance(base, Registry)]


class Singleton(type):
    _instances = {}

    def __call__(cls, *args, **kwargs):
        if cls not in cls._instances:
            cls._instances[cls] = super().__call__(*args, **kwargs)
        return cls._instances[cls]


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {str(error).replace('__main__.', '')}")


print("== order of events")


class Parent(metaclass=Tracing, verbose=True):
    value = stamp + "!"

    def __init__(self, *args):
        self.args = args

    def __init_subclass__(cls, /, tag=None, **options):
        print(f"  init_subclass {cls.__name__} tag={tag}")
        super().__init_subclass__(**options)


class Child(Parent, tag="t"):
    first, second = 1, 2


print(Child(1, 2).args, Child.value, Child.stamp, type(Child).__name__)
attempt("unknown option", lambda: Tracing("Bad", (Parent,), {}, colour=1))

print("== registry and behaviour of classes")


class Codec(metaclass=Registry, abstract=True):
    code = None


class Json(Codec):
    code = "json"


class PrettyJson(Json):
    code = "pretty"


def duplicate():
    class Again(Codec):
        code = "json"


print(Codec["json"].__name__, list(Codec), len(Codec), "xml" in Codec, PrettyJson.family)
attempt("duplicate", duplicate)
attempt("not on instances", lambda: Json().family)

print("== singletons")


class Config(metaclass=Singleton):
    def __init__(self, value=0):
        self.value = value


class Other(Config):
    pass


print(Config(5) is Config(6), Config().value, Other() is Config(), Other(9).value)

print("== conflicts and derivation")


def conflict():
    class Both(Codec, Config):
        code = "both"


attempt("conflict", conflict)


class Merged(Registry, Singleton):
    pass


class Both(Codec, Config, metaclass=Merged):
    code = "both"


print(type(Both).__name__, Both() is Both(), [cls.__name__ for cls in type(Both).__mro__])
attempt("mro", lambda: type("X", (object, Config), {}))
print(isinstance(Both, Registry), issubclass(Merged, type), Registry.__instancecheck__(Codec, Json()), type(type(Both)).__name__)
