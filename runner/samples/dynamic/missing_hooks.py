# /// sample
# title: __getattr__, __missing__ and other hooks for what is not there
# tier: dynamic
# ///
"""A remote client without methods, dicts that fill themselves, a module that makes its names up."""

import sys
import types
from collections import UserDict, defaultdict
from string import Formatter


class Client:
    """client.users.get(1) becomes a request; nothing is defined beforehand."""

    def __init__(self, send, path=()):
        self._send, self._path = send, path

    def __getattr__(self, name):
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Client(self._send, (*self._path, name))

    def __getitem__(self, key):
        return Client(self._send, (*self._path, str(key)))

    def __call__(self, *args, **kwargs):
        *path, verb = self._path
        return self._send(verb.upper(), "/" + "/".join(path), args, kwargs)


class Fibonacci(dict):
    def __missing__(self, n):
        value = self[n] = n if n < 2 else self[n - 1] + self[n - 2]
        return value


class CaseInsensitive(UserDict):
    def __missing__(self, key):
        if isinstance(key, str) and key != key.lower():
            return self[key.lower()]
        raise KeyError(key)

    def __setitem__(self, key, value):
        super().__setitem__(key.lower(), value)

    def __contains__(self, key):
        return key.lower() in self.data


class Tree(dict):
    def __missing__(self, key):
        branch = self[key] = type(self)()
        return branch


class Keep(dict):
    def __missing__(self, key):
        return "{" + key + "}"


class Fallback:
    """Chained lookup: own, then each of the others, with an error that tells what was tried."""

    def __init__(self, *others):
        self.others = others

    def __getattr__(self, name):
        for other in self.others:
            try:
                return getattr(other, name)
            except AttributeError:
                continue
        tried = ", ".join(type(other).__name__ for other in self.others)
        raise AttributeError(f"{name!r} is in none of {tried}", name=name, obj=self)


class Careless:
    @property
    def broken(self):
        return self.absent

    def __getattr__(self, name):
        return f"__getattr__({name})"


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


print("== a client without methods")
client = Client(lambda *request: request)
print(client.users[7].posts.get(limit=3, sort="-date"))
print(client.users.post({"name": "x"}), client.health.get())
print(hasattr(client, "anything"), hasattr(client, "__len__"), callable(client), client.a.b._path)
attempt("no iteration by accident", lambda: len(client))

print("== __missing__")
fibonacci = Fibonacci()
print(fibonacci[80], len(fibonacci), fibonacci.get(200, "get does not ask"), 200 in fibonacci)
headers = CaseInsensitive({"Content-Type": "text/html"})
print(headers["CONTENT-TYPE"], "content-TYPE" in headers, dict(headers), headers.get("Content-type"), headers.pop("content-type"))
attempt("nothing", lambda: headers["Accept"])
tree = Tree()
tree["a"]["b"]["c"] = 1
tree["a"]["x"]
print(tree, tree.get("nope"))
groups = defaultdict(list)
for word in ["bee", "ant", "cat", "bat", "ape"]:
    groups[word[0]].append(word)
groups.default_factory = None
print(dict(groups), list(groups))
attempt("factory taken away", lambda: groups["z"])
print("{greeting}, {name}! {rest}".format_map(Keep(name="Bo", greeting="Hej")))

print("== fallbacks and errors")
fallback = Fallback([1, 2], "text", {"k": 1})
print(fallback.count(1), fallback.upper(), list(fallback.items()))
attempt("in none", lambda: fallback.nonsense)
try:
    fallback.nonsense
except AttributeError as error:
    print(error.name, type(error.obj).__name__)
print("a property that fails inside ends in __getattr__:", Careless().broken)

print("== class-level hook by metaclass")


class Constants(type):
    def __getattr__(cls, name):
        if name.isupper():
            return f"{cls.__name__}:{name}"
        raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")


class Colour(metaclass=Constants):
    RED = "really red"


print(Colour.RED, Colour.BLUE)
attempt("not from the instance", lambda: Colour().BLUE)
attempt("lower case", lambda: Colour.blue)

print("== module-level __getattr__ and __dir__")
module = types.ModuleType("legacy")
exec(
    """
import warnings
_moved = {"old_name": "new_name"}
new_name = "the value"
def __getattr__(name):
    if name in _moved:
        warnings.warn(f"{name} is now {_moved[name]}", DeprecationWarning, stacklevel=2)
        return globals()[_moved[name]]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
def __dir__():
    return ["old_name", "new_name"]
""",
    module.__dict__,
)
sys.modules["legacy"] = module
import warnings

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from legacy import old_name

    import legacy

    print(old_name, legacy.old_name, dir(legacy))
print([(str(w.message), w.category.__name__) for w in caught])
attempt("from import", lambda: exec("from legacy import nothing"))
attempt("attribute", lambda: legacy.nothing)

print("== a formatter that asks")


class Asking(Formatter):
    def get_value(self, key, args, kwargs):
        if isinstance(key, int) and key >= len(args):
            return f"<arg {key}>"
        return kwargs.get(key, f"<{key}>") if isinstance(key, str) else args[key]

    def convert_field(self, value, conversion):
        return str(value).upper() if conversion == "u" else super().convert_field(value, conversion)


print(Asking().format("{0} {1} {name!u:>10} {x!r}", "zero", name="nm"))
