# /// sample
# title: __del__, weak references, finalisers and the cycle collector
# tier: dynamic
# ///
"""An observer list, an object cache and temporary resources: who is alive, who dies when, what runs at the end."""

import gc
import sys
import weakref

gc.disable()


class Resource:
    def __init__(self, name, log):
        self.name, self.log = name, log

    def __del__(self):
        self.log.append(f"del {self.name}")

    def greet(self):
        return f"I am {self.name}"

    def __repr__(self):
        return f"<{self.name}>"


class Node:
    def __init__(self, name, parent=None):
        self.name, self.children = name, []
        self.parent = parent and weakref.ref(parent)
        if parent:
            parent.children.append(self)

    def path(self):
        parent = self.parent and self.parent()
        if self.parent and parent is None:
            return f"(orphan)/{self.name}"
        return f"{parent.path()}/{self.name}" if parent else self.name


class Signal:
    def __init__(self):
        self._methods, self._functions = [], []

    def connect(self, receiver):
        reference = weakref.WeakMethod(receiver, self._methods.remove) if hasattr(receiver, "__self__") else weakref.ref(receiver)
        self._methods.append(reference)

    def send(self, value):
        return [receiver(value) for reference in list(self._methods) if (receiver := reference()) is not None]


class Listener:
    def __init__(self, name):
        self.name = name

    def hear(self, value):
        return f"{self.name} hears {value}"


class Phoenix:
    risen = []

    def __del__(self):
        Phoenix.risen.append(self)


def attempt(label, action):
    try:
        print(f"{label}: {action()!r}")
    except Exception as error:
        print(f"{label}: {type(error).__name__}: {str(error).split(' at 0x')[0]}")


log = []
print("== references")
one = Resource("one", log)
reference, proxy = weakref.ref(one, lambda dead: log.append("callback")), weakref.proxy(one)
print(reference() is one, reference == weakref.ref(one), proxy.greet(), weakref.getweakrefcount(one), hash(reference) == hash(one))
other = one
del one
print(log, reference().name)
del other
print(log, reference(), attempt("proxy", lambda: proxy.greet()))
log.clear()
attempt("slots", lambda: weakref.ref(type("S", (), {"__slots__": ()})()))
print(weakref.ref(type("L", (list,), {})()).__callback__, weakref.ref(Resource)() is Resource)

print("== scopes and exceptions keep alive")


def scope(fail):
    local = Resource("local", log)
    if fail:
        raise KeyError("x")
    return len(log)


print(scope(False), log)
try:
    scope(True)
except KeyError as error:
    print("held by the traceback:", log)
    kept = error
del kept
print("released:", log)
log.clear()
first, second = Resource("swap1", log), Resource("swap2", log)
first, second = second, first
first = None
second = None
print(log)
log.clear()

print("== caches")
cache = weakref.WeakValueDictionary()
strong = [Resource(f"c{n}", log) for n in range(3)]
cache.update((resource.name, resource) for resource in strong)
print(sorted(cache), cache.setdefault("c0", None) is strong[0])
del strong[1]
print(sorted(cache), cache.get("c1", "gone"), len(cache))
extra = weakref.WeakKeyDictionary({resource: resource.name.upper() for resource in strong})
iterator = iter(sorted(extra.values()))
del strong
print(list(iterator), len(extra), len(cache), log)
log.clear()
tracked = weakref.WeakSet()
alive = Listener("alive")
tracked.update([alive, Listener("dead at once")])
print([listener.name for listener in tracked], alive in tracked)

print("== signals")
signal, listener = Signal(), Listener("first")
signal.connect(listener.hear)
signal.connect(alive.hear)
signal.connect(function := lambda value: value * 2)
print(signal.send(4))
del listener, function
print(signal.send(5), len(signal._methods))
plain = weakref.ref(alive.hear)
print("a bound method dies at once:", plain())

print("== trees without cycles")
root = Node("root")
leaf = Node("leaf", Node("branch", root))
print(leaf.path())
branch = leaf.parent()
del root
print(leaf.path(), branch.path())

print("== cycles")
a, b = Resource("a", log), Resource("b", log)
a.other, b.other = b, a
watch = weakref.ref(a, lambda dead: log.append("cycle callback"))
del a, b
print("before:", log, watch() is not None)
gc.collect()
print("after:", sorted(log), watch())
log.clear()
itself = [Resource("in a list", log)]
itself.append(itself)
del itself
gc.collect()
print(log, gc.garbage, gc.isenabled())
log.clear()

print("== resurrection")
bird = Phoenix()
del bird
print(len(Phoenix.risen), type(Phoenix.risen[0]).__name__)
Phoenix.risen.pop()
gc.collect()
print("finalised once only:", len(Phoenix.risen))


class Careless:
    def __del__(self):
        raise ValueError("nobody can catch this")


unraisable = []
# Since 3.14 the object is None.
sys.unraisablehook = lambda info: unraisable.append((type(info.exc_value).__name__, str(info.exc_value), getattr(info.object, "__qualname__", None)))
Careless()
sys.unraisablehook = sys.__unraisablehook__
print(unraisable)

print("== finalisers")
temporary = Resource("temporary", log)
finaliser = weakref.finalize(temporary, log.append, "finaliser")
finaliser.atexit = False
print(finaliser.alive, finaliser.peek()[2:])
del temporary
print(log, finaliser.alive, finaliser())
called = weakref.finalize(alive, print, "called early", end="!\n")
print(called(), called.alive, called.detach())
for name in ("at exit 1", "at exit 2"):
    weakref.finalize(alive, print, "finaliser", name)
at_shutdown = Resource("module global", type("Printer", (), {"append": staticmethod(print)}))
print("end of the script; the rest runs at shutdown, newest finaliser first")
