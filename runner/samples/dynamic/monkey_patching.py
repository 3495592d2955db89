# /// sample
# title: Monkey-patching classes, modules and builtins, and putting all back
# tier: dynamic
# ///
"""A small patcher of the kind tests use, tried on everything that can be patched and on what cannot."""

import builtins
import collections
import json
import math
import sys
import types
from contextlib import contextmanager

_ABSENT = object()


@contextmanager
def patched(owner, name, replacement):
    """Sets owner.name for the time of the block; a class keeps its static and class methods as they were."""
    before = vars(owner).get(name, _ABSENT) if isinstance(owner, type) else getattr(owner, name, _ABSENT)
    setattr(owner, name, replacement)
    try:
        yield before
    finally:
        if before is _ABSENT:
            delattr(owner, name)
        else:
            setattr(owner, name, before)


class Account:
    rate = 0.1

    def __init__(self, balance):
        self.balance = balance

    def interest(self):
        return self.balance * self.rate

    @staticmethod
    def currency():
        return "EUR"

    @classmethod
    def empty(cls):
        return cls(0)

    def __len__(self):
        return 1


class Savings(Account):
    def interest(self):
        return super().interest() * 2


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== classes: instances that exist already change too")
account, savings = Account(100), Savings(100)
bound_before = account.interest
with patched(Account, "interest", lambda self: f"patched {self.balance}"):
    print(account.interest(), bound_before(), end=" | ")
    with patched(Savings, "interest", Account.interest):
        print(savings.interest())
print(account.interest(), savings.interest())
with patched(Account, "currency", staticmethod(lambda: "USD")), patched(Account, "empty", classmethod(lambda cls: cls.__name__)):
    print(account.currency(), Savings.empty(), Savings.currency())
print(account.currency(), type(Savings.empty()).__name__, type(vars(Account)["currency"]).__name__)
with patched(Account, "bonus", property(lambda self: self.balance // 10)):
    print(account.bonus, hasattr(savings, "bonus"))
print(hasattr(account, "bonus"))

print("== instances: methods yes, special methods no")
account.interest = types.MethodType(lambda self: f"only me, {self.balance}", account)
account.__len__ = lambda: 99
print(account.interest(), len(account), account.__len__(), Account(1).interest())
with patched(Account, "__len__", lambda self: 7):
    print(len(account), len(Savings(0)))
del account.interest
print(account.interest())

print("== whole classes")


class Auditor(Account):
    def interest(self):
        return ("audited", super().interest())


savings.__class__ = Auditor
print(savings.interest(), isinstance(savings, Savings), type(savings).__mro__[1].__name__)
Savings.__bases__ = (Auditor,)
print(Savings(10).interest(), [cls.__name__ for cls in Savings.__mro__])
Savings.__bases__ = (Account,)
attempt("layout differs", lambda: setattr(savings, "__class__", dict))

print("== functions in place: every reference sees it")


def greet(name="you"):
    return f"hello {name}"


alias = greet
greet.__defaults__ = ("stranger",)
print(alias())
greet.__code__ = (lambda name: f"goodbye {name}").__code__
print(alias(), alias("x"))
greet.__code__ = (lambda name: account.balance + name).__code__
print("globals are still its own module's:", alias(1))
attempt("closure against none", lambda: setattr(greet, "__code__", (lambda x: lambda name: x)(1).__code__))

print("== modules")
with patched(math, "pi", 3), patched(json, "dumps", lambda value: f"<{value}>"):
    from math import pi

    print(pi, math.pi, json.dumps([1]), sys.modules["json"].dumps(2))
print(pi, round(math.pi, 5), json.dumps([1]))
fake = types.ModuleType("clock", "A clock that stands.")
fake.now = lambda: "12:00"
sys.modules["clock"] = fake
import clock

print(clock.now(), clock.__doc__, clock.__name__, "clock" in sys.modules)
sys.modules["clock"] = None
attempt("blocked import", lambda: __import__("clock"))
del sys.modules["clock"]


class Loud(types.ModuleType):
    def __getattr__(self, name):
        return f"{self.__name__}.{name}?"


collections.__class__, plain = Loud, collections.__class__
print(collections.nonsense, collections.Counter("aa"))
collections.__class__ = plain
attempt("after", lambda: collections.nonsense)

print("== builtins")
printed = []
with patched(builtins, "print", lambda *args, **kwargs: printed.append(args)), patched(builtins, "len", lambda thing: -1):
    print("captured", len("abc"))
print(printed, len("abc"))
with patched(builtins, "answer", 42):
    print(answer, eval("answer + 1"))
attempt("gone", lambda: answer)
hooked = []
real_import = builtins.__import__
with patched(builtins, "__import__", lambda name, *args: hooked.append(name) or real_import(name, *args)):
    import bisect
print(hooked[0], bisect.bisect([1, 2, 3], 2))
with patched(builtins, "__build_class__", lambda function, name, *bases, **kw: f"class {name} of {len(bases)}"):

    class Nothing(int, str):
        pass


print(Nothing)

print("== what cannot be patched")
attempt("method of int", lambda: setattr(int, "double", lambda self: self * 2))
attempt("method of dict", lambda: delattr(dict, "get"))
attempt("None", lambda: setattr(None, "x", 1))
attempt("slot of a builtin function", lambda: setattr(len, "__name__", "x"))
