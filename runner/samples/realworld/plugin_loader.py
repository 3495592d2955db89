# /// sample
# title: A plugin loader for a folder of files
# tier: realworld
# requires: files
# ///
"""Finds plugins on disk, checks what they offer, orders them by dependency, runs, reloads and removes them."""

import importlib.util
import json
import sys
import tempfile
import traceback
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from string import Template

PLUGINS = {
    "shout.py": 'NAME = "shout"\nVERSION = (1, 2)\ndef process(text):\n    return text.upper() + "!"\n',
    "reverse.py": 'NAME = "reverse"\nVERSION = (1, 0)\nREQUIRES = ["shout"]\nfrom helpers import flip\ndef process(text):\n    return flip(text)\n',
    "helpers.py": "def flip(text):\n    return text[::-1]\n",
    "stateful/__init__.py": 'from .counter import Counter\nNAME = "stateful"\nVERSION = (0, 9)\nREQUIRES = ["reverse>=1.0"]\nprocess = Counter()\n',
    "stateful/counter.py": "class Counter:\n    calls = 0\n    def __call__(self, text):\n        self.calls += 1\n        return f'{text}#{self.calls}'\n",
    "old.py": 'NAME = "old"\nVERSION = (1, 0)\nREQUIRES = ["shout>=2.0"]\ndef process(text): return text\n',
    "orphan.py": 'NAME = "orphan"\nVERSION = (1, 0)\nREQUIRES = ["nothing"]\ndef process(text): return text\n',
    "syntax.py": 'NAME = "syntax"\ndef process(text)\n    return text\n',
    "crash.py": 'NAME = "crash"\nVERSION = (1, 0)\nraise RuntimeError("at import")\n',
    "nameless.py": "def process(text): return text\n",
    "fails.py": 'NAME = "fails"\nVERSION = (1, 0)\nREQUIRES = ["stateful"]\ndef process(text):\n    return text + 1\n',
    "_private.py": 'raise SystemExit("never imported")\n',
    "notes.txt": "not a plugin\n",
}


class Rejected(Exception):
    pass


class Plugin:
    def __init__(self, module):
        for attribute, kind in (("NAME", str), ("VERSION", tuple), ("process", object)):
            if not isinstance(getattr(module, attribute, None), kind) or not hasattr(module, attribute):
                raise Rejected(f"has no {attribute}")
        self.module, self.name, self.version = module, module.NAME, module.VERSION
        self.requires = dict(self.parse(text) for text in getattr(module, "REQUIRES", []))

    @staticmethod
    def parse(text):
        name, _, version = text.partition(">=")
        return name, tuple(map(int, version.split("."))) if version else (0,)


class Loader:
    def __init__(self, folder):
        self.folder, self.plugins, self.problems, self.order = Path(folder), {}, {}, []

    def discover(self):
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith("_"):
                continue
            if path.suffix == ".py":
                yield path.stem, path
            elif (path / "__init__.py").is_file():
                yield path.name, path / "__init__.py"

    def load_one(self, stem, path):
        name = f"plugins_{stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
            return Plugin(module)
        except Rejected:
            del sys.modules[name]
            raise
        except Exception as error:
            del sys.modules[name]
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}" if Path(frame.filename).parent == self.folder else "import"
            if isinstance(error, SyntaxError):
                where = f"{Path(error.filename).name}:{error.lineno}"
                raise Rejected(f"{error.msg} at {where}") from error
            raise Rejected(f"{type(error).__name__}: {error} at {where}") from error

    def load(self):
        sys.path.insert(0, str(self.folder))
        try:
            for stem, path in self.discover():
                try:
                    plugin = self.load_one(stem, path)
                    self.plugins[plugin.name] = plugin
                except Rejected as error:
                    self.problems[stem] = str(error)
        finally:
            sys.path.remove(str(self.folder))
        self.resolve()
        return self

    def resolve(self):
        changed = True
        while changed:
            changed = False
            for plugin in list(self.plugins.values()):
                for need, version in plugin.requires.items():
                    have = self.plugins.get(need)
                    if have is None or have.version < version:
                        reason = "missing" if have is None else f"only {'.'.join(map(str, have.version))}"
                        self.problems[plugin.name] = f"needs {need}, which is {reason}"
                        del self.plugins[plugin.name]
                        changed = True
                        break
        self.order = list(TopologicalSorter({name: plugin.requires for name, plugin in sorted(self.plugins.items())}).static_order())

    def run(self, text):
        for name in self.order:
            try:
                text = self.plugins[name].module.process(text)
            except Exception as error:
                frame = traceback.extract_tb(error.__traceback__)[-1]
                print(f"  {name} failed: {type(error).__name__}: {error} | {Path(frame.filename).name}:{frame.lineno}: {frame.line}")
            else:
                print(f"  {name} -> {text!r}")
        return text

    def unload(self, name):
        plugin = self.plugins.pop(name)
        prefix = plugin.module.__name__
        gone = [key for key in sys.modules if key == prefix or key.startswith(prefix + ".")]
        for key in gone:
            del sys.modules[key]
        self.resolve()
        return sorted(gone)


with tempfile.TemporaryDirectory() as folder:
    for name, source in PLUGINS.items():
        path = Path(folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(source, encoding="utf-8")
    loader = Loader(folder).load()
    print("loaded:", loader.order)
    for name, problem in sorted(loader.problems.items()):
        print(f"rejected: {name}: {problem}")
    print(repr(loader.run("hello")), repr(loader.run("again")), sep="\n")
    print(sorted(name for name in sys.modules if name.startswith("plugins_")), "helpers" in sys.modules, "_private" in sys.modules)

    print("== manifest")
    manifest = {name: {"version": plugin.version, "file": Path(plugin.module.__file__).relative_to(folder).as_posix()} for name, plugin in loader.plugins.items()}
    Path(folder, "manifest.json").write_text(json.dumps(manifest, sort_keys=True))
    for name, entry in json.loads(Path(folder, "manifest.json").read_text()).items():
        print(Template("$name $version from $file").substitute(name=name, version=entry["version"], file=entry["file"]))

    print("== unload and reload")
    loader.problems.clear()
    print(loader.unload("reverse"), loader.order, loader.problems)
    print(loader.run("alone"))
    Path(folder, "shout.py").write_text('NAME = "shout"\nVERSION = (2, 0)\nprocess = str.title  # longer than before\n')
    reloaded = Loader(folder).load()
    print(reloaded.order, reloaded.run("new words"))
    print("calls are counted anew:", reloaded.plugins["stateful"].module.process.calls)
try:
    list(TopologicalSorter({"a": {"b"}, "b": {"a"}}).static_order())
except CycleError as error:
    print(error.args[0], sorted(set(error.args[1])))
print("folder gone:", not Path(folder).exists())
