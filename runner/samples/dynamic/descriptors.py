# /// sample
# title: Descriptors with validation, caching and __set_name__
# tier: dynamic
# ///
"""Fields of a form: typed, bounded, lazily computed, and bound methods made by hand."""

import types
from weakref import WeakKeyDictionary


class Field:
    """A data descriptor: it wins over the instance's own dict."""

    def __init__(self, kind, default=None, *, check=None, doc=""):
        self.kind, self.default, self.check, self.__doc__ = kind, default, check, doc

    def __set_name__(self, owner, name):
        self.name = name
        owner.__dict__.get("fields", {}).setdefault(name, self)

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        return instance.__dict__.get(self.name, self.default)

    def __set__(self, instance, value):
        if not isinstance(value, self.kind):
            raise TypeError(f"{type(instance).__name__}.{self.name} wants {self.kind.__name__}, not {type(value).__name__}")
        if self.check and not self.check(value):
            raise ValueError(f"{type(instance).__name__}.{self.name} refuses {value!r}")
        instance.__dict__[self.name] = value

    def __delete__(self, instance):
        if instance.__dict__.pop(self.name, None) is None:
            raise AttributeError(f"{self.name} is not set")

    def __repr__(self):
        return f"<field {self.name}: {self.kind.__name__}>"


class Lazy:
    """A non-data descriptor: the instance's dict wins, so it computes once."""

    def __init__(self, function):
        self.function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        if instance is None:
            return self
        print(f"  computing {self.name}")
        value = instance.__dict__[self.name] = self.function(instance)
        return value


class PerInstance:
    """Keeps values outside of the instance: works with slots."""

    def __init__(self):
        self.values = WeakKeyDictionary()

    def __get__(self, instance, owner=None):
        return self if instance is None else self.values.get(instance, "unset")

    def __set__(self, instance, value):
        self.values[instance] = value


class ClassProperty:
    def __init__(self, function):
        self.function = function

    def __get__(self, instance, owner):
        return self.function(owner)


class Method(ClassProperty):
    """What a function's own __get__ does."""

    def __get__(self, instance, owner=None):
        return self.function if instance is None else types.MethodType(self.function, instance)


class Form:
    fields = {}
    name = Field(str, "anonymous", check=str.strip, doc="Who it is.")
    age = Field(int, check=lambda age: 0 <= age < 150)
    tags = Field(list)

    @Lazy
    def initials(self):
        "First letters."
        return "".join(word[0] for word in self.name.split())

    @ClassProperty
    def columns(cls):
        return [name for base in reversed(cls.__mro__) for name, value in vars(base).items() if isinstance(value, Field)]

    @Method
    def shout(self, mark="!"):
        return self.name.upper() + mark


class Employee(Form):
    salary = Field(float, 0.0)
    age = Field(int, 18, check=lambda age: age >= 18)


class Slim:
    __slots__ = ("__weakref__",)
    colour = PerInstance()


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== fields")
form, employee = Form(), Employee()
form.name, form.age = "Ada Lovelace", 36
print(form.name, form.age, form.tags, vars(form), Form.name, Form.name.__doc__)
attempt("wrong type", lambda: setattr(form, "age", "36"))
attempt("refused", lambda: setattr(form, "age", 150))
attempt("blank", lambda: setattr(form, "name", "  "))
attempt("bool is an int", lambda: setattr(form, "age", True))
form.__dict__["age"] = "smuggled in"
print(form.age, employee.age, list(Form.fields))
attempt("inherited check is replaced", lambda: setattr(employee, "age", 17))
print(Employee.columns, Form.columns, employee.columns == Employee.columns)
del form.age
attempt("deleted", lambda: delattr(form, "age"))

print("== lazy")
print(form.initials, form.initials)
form.name = "Grace Hopper"
print(form.initials, "stale until dropped")
del form.initials
print(form.initials, Form.initials.__doc__)

print("== outside the instance")
red, plain = Slim(), Slim()
red.colour = "red"
print(red.colour, plain.colour, len(Slim.colour.values))
del red
print(len(Slim.colour.values))
print("== binding")
shout = form.shout
print(shout("?"), Form.shout(form), shout.__self__ is form, type(shout).__name__)
function = Form.__dict__["shout"].function
print(function.__get__(form)("."), function.__get__(None, Form) is function, staticmethod(function).__get__(form) is function)
print(classmethod(function).__get__(None, Form).__self__ is Form, str.upper.__get__("abc")(), [].append.__self__)
attempt("unbound of another type", lambda: str.upper.__get__(3))

print("== who wins")


class Data:
    def __get__(self, instance, owner):
        return "data descriptor"

    def __set__(self, instance, value):
        pass


class NonData:
    def __get__(self, instance, owner):
        return "non-data descriptor"


class Arena:
    data, non_data, plain = Data(), NonData(), "class"


arena = Arena()
vars(arena).update(data="instance", non_data="instance", plain="instance")
print(arena.data, arena.non_data, arena.plain, Arena.data, Arena.non_data, Arena.plain, sep=", ")
Arena.data = "assignment to the class replaces the descriptor"
print(Arena.data, "|", arena.data)


class Broken:
    def __set_name__(self, owner, name):
        raise RuntimeError(f"no {name} on {owner.__name__}")


def define():
    class Victim:
        attribute = Broken()


try:
    define()
except RuntimeError as error:
    print("RuntimeError:", error, error.__notes__)
