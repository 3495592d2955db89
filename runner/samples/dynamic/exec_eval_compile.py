# /// sample
# title: exec, eval and compile with namespaces, AST and code objects
# tier: dynamic
# ///
"""A macro processor's tool box: code built from text and trees, run in namespaces that watch."""

import ast
import linecache
import sys
import traceback
from types import CodeType, FunctionType


class Watched(dict):
    """Locals that log reads of names they do not have."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.asked = []

    def __missing__(self, key):
        self.asked.append(key)
        if key.startswith("auto_"):
            return len(key)
        raise KeyError(key)


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {error}")


def source_function(name, parameters, *body, **names):
    """A function from text whose tracebacks show the text."""
    source = f"def {name}({parameters}):\n" + "".join(f"    {line}\n" for line in body)
    filename = f"<made {name}>"
    namespace = dict(names)
    exec(compile(source, filename, "exec"), namespace)
    linecache.cache[filename] = (len(source), None, source.splitlines(True), filename)
    return namespace[name]


print("== namespaces")
spaces = {"x": 2}
exec("y = x ** 3\ndef f(): return y + x\nclass C: z = y", spaces)
print(sorted(k for k in spaces if k != "__builtins__"), spaces["f"](), spaces["C"].z, spaces["C"].__module__)
local = Watched(a=1)
print(eval("a + auto_x + len('abc')", {}, local), local.asked)
exec("total = 0\nfor i in range(4): total += i", {}, local)
print(local, local.asked)
attempt("missing name", lambda: eval("nowhere", {}, local))
attempt("restricted builtins", lambda: eval("open('x')", {"__builtins__": {"len": len}}))
print(eval("len([1, 2])", {"__builtins__": {"len": len}}), eval("[x for _ in 'ab' if x]", {"x": 1}))


def scopes():
    inner = "local"
    exec("inner = 'changed by exec'")
    snapshot = locals()
    snapshot["inner"] = "changed in a snapshot"
    return inner, eval("inner"), [eval("inner") for _ in range(1)]


print(scopes())
attempt("statement in eval", lambda: eval("x = 1"))
attempt("walrus at top", lambda: eval("(y := 5) + y", spaces) and spaces["y"])

print("== compile modes")
print(eval(compile("1 + 1", "<e>", "eval")), exec(compile("1 + 1", "<e>", "exec")))
exec(compile("'shown'\nNone\n" if False else "'shown'", "<s>", "single"))
for flags, source in ((0, "print 'old'"), (0, "x = (1,"), (0, "return 1"), (0, "é = = 2"), (0, "  indented"), (0, "f'{'"), (0, "0777")):
    try:
        compile(source, "<bad>", "exec", flags)
    except SyntaxError as error:
        print(f"{source!r:<14} {type(error).__name__}: {error.msg} ({error.lineno}, {error.offset}, {error.text!r})")
attempt("top-level await allowed", lambda: bool(compile("await x", "<a>", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT).co_flags & 0x80))
attempt("null byte", lambda: compile("a\0b", "<n>", "exec"))
attempt("bytes with coding line", lambda: eval(compile(b"# coding: latin-1\n'\xe9'", "<b>", "eval")))
for level in (0, 1, 2):
    space = {}
    exec(compile("def f():\n  'doc'\n  assert False, 'checked'\n  return __debug__", "<o>", "exec", optimize=level), space)
    attempt(f"optimize={level} doc={space['f'].__doc__}", space["f"])

print("== trees")


class Doubler(ast.NodeTransformer):
    """Doubles integers, turns `a <~ b` style calls into assignments, counts names."""

    def __init__(self):
        self.names = {}

    def visit_Constant(self, node):
        if type(node.value) is int:
            return ast.copy_location(ast.Constant(node.value * 2), node)
        return node

    def visit_Name(self, node):
        self.names[node.id] = self.names.get(node.id, 0) + 1
        return node

    def visit_Call(self, node):
        self.generic_visit(node)
        match node:
            case ast.Call(func=ast.Name(id="swap"), args=[first, second]):
                return ast.copy_location(ast.Tuple([second, first], ast.Load()), node)
        return node


tree = ast.parse("result = swap(a + 1, 'x' * 3), [n for n in range(4) if n > True]")
doubler = Doubler()
tree = ast.fix_missing_locations(doubler.visit(tree))
print(ast.unparse(tree), doubler.names)
space = {"a": 10}
exec(compile(tree, "<tree>", "exec"), space)
print(space["result"])
print(ast.dump(ast.parse("x: int = -1", mode="exec").body[0]))
print([type(node).__name__ for node in ast.walk(ast.parse("lambda *a: yield_", mode="eval"))])
broken = ast.Expression(ast.BinOp(ast.Constant(1), ast.Add(), ast.Name("x", ast.Store())))
attempt("store where load is due", lambda: compile(ast.fix_missing_locations(broken), "<t>", "eval"))

print("== functions and code objects")
scale = source_function("scale", "value, *, by=factor", "ratio = value / by", "return round(ratio, 2)", factor=4)
print(scale(10), scale(10, by=3), scale.__kwdefaults__, scale.__code__.co_varnames)
try:
    scale(1, by=0)
except ZeroDivisionError:
    print("".join(line for line in traceback.format_exc().splitlines(True) if "<made" in line or "ratio" in line or "Error" in line), end="")
code = scale.__code__.replace(co_name="renamed", co_consts=tuple(7 if c == 2 else c for c in scale.__code__.co_consts))
clone = FunctionType(code, {"round": lambda number, digits: f"{number} to {digits}"}, "clone", None, None)
print(clone(8, by=2), clone.__name__, code.co_name, isinstance(code, CodeType), code == scale.__code__)
nested = compile("def outer(a):\n def inner(): return a\n return inner", "<n>", "exec").co_consts[0]
print(nested.co_name, nested.co_cellvars, nested.co_consts[-1].co_freevars, nested.co_consts[-1].co_qualname)
attempt("closure missing", lambda: FunctionType(nested.co_consts[-1], {}))
print(FunctionType(nested, {})(5)(), eval(compile("a + b", "<c>", "eval"), {"a": 1}, {"b": 2}), sys._getframe().f_code.co_name)
