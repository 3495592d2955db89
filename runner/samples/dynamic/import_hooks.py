# /// sample
# title: Import hooks: modules from memory, from data and from nothing
# tier: dynamic
# ///
"""Finders and loaders on sys.meta_path: a package held in a dict, JSON as modules, lazy and counted imports."""

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import json
import sys
import traceback

SOURCES = {
    "shop": "from .prices import PRICES\nfrom . import cart as basket\n__all__ = ['PRICES', 'basket']\nname = __name__\n",
    "shop.prices": "PRICES = {'tea': 3, 'cake': 5}\nprint('  running', __name__, __package__, __spec__.parent)\n",
    "shop.cart": "from shop.prices import PRICES\ndef total(*items):\n    return sum(PRICES[item] for item in items)\n",
    "shop.broken": "import shop\nvalue = 1\nraise LookupError('broken on purpose')\n",
    "shop.syntax": "def f(:\n    pass\n",
    "shop.circle_a": "import shop.circle_b\nfrom shop.circle_b import late\nvalue = 1\n",
    "shop.circle_b": "from shop.circle_a import value\nlate = 2\n",
    "shop.names": "first, _hidden, second = 1, 2, 3\n",
}
DATA = {"settings_json": '{"debug": true, "port": 8080, "not valid": 1}', "bad_json": "{"}


class MemoryImporter(importlib.abc.MetaPathFinder, importlib.abc.InspectLoader):
    """Finder and loader in one; source lines are found by tracebacks through get_source."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname not in SOURCES:
            return None
        is_package = any(name.startswith(fullname + ".") for name in SOURCES)
        return importlib.util.spec_from_loader(fullname, self, origin=f"memory:{fullname}", is_package=is_package)

    def get_source(self, fullname):
        return SOURCES[fullname]

    def is_package(self, fullname):
        return importlib.util.find_spec(fullname).submodule_search_locations is not None

    def exec_module(self, module):
        code = compile(self.get_source(module.__name__), f"memory:{module.__name__}", "exec")
        exec(code, module.__dict__)


class JsonFinder:
    """Older style: only find_spec and a loader with create_module and exec_module."""

    @classmethod
    def find_spec(cls, fullname, path=None, target=None):
        if fullname in DATA:
            return importlib.machinery.ModuleSpec(fullname, cls, origin="data")

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        try:
            values = json.loads(DATA[module.__name__])
        except ValueError as error:
            raise ImportError(f"{module.__name__} is no JSON", name=module.__name__) from error
        vars(module).update({key: value for key, value in values.items() if key.isidentifier()})


class Recorder:
    """Finds nothing, and sees what is looked for."""

    def __init__(self):
        self.seen = []

    def find_spec(self, fullname, path=None, target=None):
        self.seen.append((fullname, path if path is None else list(path)))
        return None


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        cause = f" <- {type(error.__cause__).__name__}" if error.__cause__ else ""
        print(f"{label}: {type(error).__name__}: {error}{cause}")


recorder = Recorder()
sys.meta_path[:0] = [recorder, MemoryImporter(), JsonFinder]

print("== a package from memory")
import shop
from shop import *

print(shop.name, basket.total("tea", "cake", "tea"), PRICES is shop.prices.PRICES, shop.__path__, shop.__spec__.origin)
print([name for name, _ in recorder.seen if name.startswith("shop")])
print(sorted(name for name in vars(shop) if not name.startswith("__")), repr(shop))
names = {}
exec("from shop.names import *", names)
print(sorted(k for k in names if k != "__builtins__"))

print("== what goes wrong")
attempt("raises", lambda: importlib.import_module("shop.broken"))
print("shop.broken" in sys.modules, hasattr(shop, "broken"))
try:
    importlib.import_module(".broken", "shop")
except LookupError as error:
    frames = traceback.extract_tb(error.__traceback__)
    print([(frame.filename, frame.lineno, frame.line) for frame in frames if frame.filename.startswith("memory")])
attempt("syntax", lambda: importlib.import_module("shop.syntax"))
attempt("circle", lambda: importlib.import_module("shop.circle_a"))
print([name for name in sys.modules if "circle" in name])
attempt("absent", lambda: importlib.import_module("shop.absent"))
attempt("below a module", lambda: importlib.import_module("shop.prices.more"))
attempt("relative from nowhere", lambda: importlib.import_module(".x"))
attempt("beyond the top", lambda: exec("from ... import x", {"__package__": "shop", "__name__": "shop.y"}))
attempt("name that is no attribute", lambda: exec("from shop import nothing", {}))

print("== JSON modules")
import settings_json

print(settings_json.debug, settings_json.port, settings_json.__loader__.__name__, hasattr(settings_json, "not valid"))
attempt("bad", lambda: importlib.import_module("bad_json"))
print("bad_json" in sys.modules)

print("== reload and replace")
SOURCES["shop.prices"] = "PRICES = {'tea': 30}\nold = dict(globals().get('PRICES'))\n"
kept = shop.prices
print(importlib.reload(shop.prices) is kept, shop.prices.PRICES, PRICES, basket.total("tea"))
importlib.reload(basket)
print(basket.total("tea"))
attempt("reload what is not loaded", lambda: importlib.reload(type(sys)("ghost")))
sys.modules["shop.virtual"] = "any object will do"
import shop.virtual as virtual

print(virtual)
sys.modules["shop.blocked"] = None
attempt("blocked", lambda: importlib.import_module("shop.blocked"))

print("== lazy")
SOURCES["heavy"] = "print('  heavy runs now')\nvalue = 42\n"
spec = importlib.util.find_spec("heavy")
spec.loader = importlib.util.LazyLoader(spec.loader)
heavy = importlib.util.module_from_spec(spec)
sys.modules["heavy"] = heavy
spec.loader.exec_module(heavy)
print("loaded, not run")
print(heavy.value)

print("== private copies")
def private(name):
    spec = importlib.util.find_spec(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


one, two = private("shop.names"), private("shop.names")
one.first = 100
print(two.first, one is two, "shop.names" in sys.modules and sys.modules["shop.names"].first)
print(importlib.util.find_spec("no_such_module_at_all"), importlib.util.resolve_name("..x", "a.b"))
del sys.meta_path[:3]
attempt("finder gone", lambda: importlib.import_module("shop.syntax"))
