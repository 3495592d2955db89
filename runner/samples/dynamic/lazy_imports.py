# /// sample
# title: Lazy imports
# tier: dynamic
# requires: files
# python: >=3.15
# ///
"""PEP 810: a module that is imported lazily is read when its name is used, and says then what is wrong with it."""

import os
import sys
import tempfile
import types

lazy import colorsys
lazy from fractions import Fraction as Ratio

print("== nothing is read yet")
print("colorsys" in sys.modules, "fractions" in sys.modules)
print(type(globals()["colorsys"]).__name__, "colorsys" in sys.modules)
print("== read by use")
print(colorsys.rgb_to_hsv(1, 0.5, 0.25), "colorsys" in sys.modules)
print(type(globals()["colorsys"]) is types.ModuleType)
print(Ratio(3, 6), "fractions" in sys.modules)

with tempfile.TemporaryDirectory() as folder:
    sys.path.insert(0, folder)

    def write(name, text):
        with open(os.path.join(folder, f"{name}.py"), "w", encoding="utf-8") as file:
            file.write(text)

    write("announcing", "print('announcing is read'); value = 42\n")
    write("broken", "print('broken is read'); 1 / 0\n")
    write("first", "lazy import second\nname = 'first'\ndef other(): return second.name\n")
    write("second", "lazy import first\nname = 'second'\ndef other(): return first.name\n")
    names = {}
    exec("lazy import announcing, broken, first\nlazy import missing_module\nlazy from announcing import nothing_like_it", names)

    print("== in a namespace")
    print(sorted(name for name in names if not name.startswith("__")))
    print(eval("announcing.value", names), eval("announcing.value", names))
    print(eval("first.other()", names), sys.modules["second"].other())

    print("== what is wrong is told where it is used")
    for use in ("broken.x", "missing_module.x", "nothing_like_it"):
        try:
            eval(use, names)
        except Exception as error:
            print(use, "-", type(error).__name__, str(error).split(" (")[0])
            print("  because", type(error.__cause__).__name__ if error.__cause__ else None)
    sys.path.remove(folder)

print("== where it may not stand")
for text in (
    "def f():\n    lazy import os",
    "class C:\n    lazy import os",
    "try:\n    lazy import os\nexcept ImportError:\n    pass",
    "lazy from os import *",
    "lazy from __future__ import annotations",
):
    try:
        compile(text, "here", "exec")
        print("compiled:", text.splitlines()[-1])
    except SyntaxError as error:
        print(error.lineno, error.msg)
lazy = "still a name"
print(lazy, len(lazy))
