# /// sample
# title: What a start leaves to a script
# tier: dynamic
# ///
"""Builtins that `site` adds, the flags of the interpreter, the search path; and what importing `site` changes of them."""

import builtins
import sys

SITE_NAMES = ("quit", "exit", "copyright", "credits", "license", "help")


def described(name):
    value = getattr(builtins, name)
    kind = type(value)
    return f"{name}: {kind.__module__}.{kind.__qualname__}, callable: {callable(value)}, {repr(value).splitlines()[0]!r}"


def snapshot():
    return [described(name) for name in SITE_NAMES], list(sys.path), list(vars(builtins)), tuple(sys.flags)


print(*snapshot()[0], sep="\n")
print("order:", [name for name in vars(builtins) if name in SITE_NAMES])
print("credits:", repr(credits).splitlines())
print("flags:", sys.flags.no_site, sys.flags.no_user_site, sys.flags.isolated, sys.flags.safe_path, sys.flags.interactive)
print("distinct entries:", len(set(sys.path)) == len(sys.path), "absolute:", all(entry.startswith("/") for entry in sys.path))
print("hook of the prompt:", getattr(sys.__interactivehook__, "__name__", None))

try:
    quit("the reason")
except SystemExit as error:
    print("quit raised:", error.code, "and closed the input:", sys.stdin is None or sys.stdin.closed)

before = snapshot()
import site

after = snapshot()
print("site changes nothing that was there:", before == after)
print("site has run:", site.ENABLE_USER_SITE is not None, site.PREFIXES == [sys.prefix, sys.exec_prefix])

# Modules that a start may have left alone work as ever.
import os
import stat

print(os.path.basename(os.__file__), stat.S_ISDIR(os.stat(os.curdir).st_mode), os.environ is sys.modules["os"].environ)

import zipimport

try:
    zipimport.zipimporter(os.path.dirname(os.__file__))
except zipimport.ZipImportError as error:
    print("no archive:", error)

from collections.abc import MutableSequence, Sequence

print([isinstance(one, Sequence) for one in ((), [], "", b"", range(1), {}, memoryview(b""))], issubclass(list, MutableSequence))
