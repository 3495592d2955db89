# /// sample
# title: A dependency injection container
# tier: realworld
# ///
"""Wires an application by type annotations: scopes, factories, optional and collected dependencies, disposal in order."""

import collections
import inspect
import itertools
import typing
from contextlib import ExitStack, contextmanager
from typing import Annotated, get_args, get_origin, get_type_hints


class WiringError(Exception):
    def __init__(self, message, path=()):
        self.path = path
        super().__init__(message + (f" (needed by {' <- '.join(path)})" if path else ""))


Binding = collections.namedtuple("Binding", "key make scope")


def name_of(key):
    if isinstance(key, tuple):
        return f"{name_of(key[0])}:{key[1]}"
    return getattr(key, "__name__", str(key))


class Container:
    def __init__(self, parent=None):
        self.parent, self.bindings, self.instances, self.stack = parent, {}, {}, ExitStack()

    def bind(self, key, make=None, *, scope="single", name=None):
        key = (key, name) if name else key
        self.bindings.setdefault(key, []).append(Binding(key, make or key, scope))
        return self

    def provides(self, scope="single"):
        """As decorator of a factory: what it returns is what it is bound to."""

        def register(factory):
            kind = get_type_hints(factory)["return"]
            if get_origin(kind) is not None:
                kind = get_args(kind)[0]
            self.bind(kind, factory, scope=scope)
            return factory

        return register

    @contextmanager
    def request(self):
        child = Container(self)
        with child.stack:
            yield child

    def lookup(self, key):
        return self.bindings.get(key) or (self.parent.lookup(key) if self.parent else [])

    def get(self, key, path=()):
        if get_origin(key) in (typing.Union, type(int | None)):
            options = [option for option in get_args(key) if option is not type(None)]
            bound = next((option for option in options if self.lookup(option)), None)
            if bound is None and type(None) in get_args(key):
                return None
            return self.get(bound or options[0], path)
        if get_origin(key) is list:
            return [self.instance(binding, path) for binding in self.lookup(get_args(key)[0])]
        if get_origin(key) is Annotated:
            key = get_args(key)
        if key is Container:
            return self
        if not (found := self.lookup(key)):
            raise WiringError(f"nothing provides {name_of(key)}", path)
        return self.instance(found[-1], path)

    def instance(self, binding, path):
        if binding.scope == "each":
            return self.call(binding, path)
        home = self
        while binding.scope == "single" and home.parent:
            home = home.parent
        if binding.scope == "request" and home.parent is None:
            raise WiringError(f"{name_of(binding.key)} lives only in a request", path)
        if binding not in home.instances:
            home.instances[binding] = home.call(binding, path)
        return home.instances[binding]

    def call(self, binding, path):
        name = name_of(binding.key)
        if name in path:
            raise WiringError(f"circle: {' -> '.join((*path[path.index(name):], name))}")
        made = self.invoke(binding.make, (*path, name))
        if inspect.isgenerator(made):
            generator, made = made, next(made)
            self.stack.callback(next, generator, None)
        elif hasattr(made, "close") and binding.scope != "each":
            self.stack.callback(made.close)
        return made

    def invoke(self, function, path=(), **given):
        target = function.__init__ if inspect.isclass(function) else function
        hints = get_type_hints(target, include_extras=True) if target is not object.__init__ else {}
        for parameter in inspect.signature(function).parameters.values():
            if parameter.name in given or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                continue
            try:
                if parameter.name not in hints:
                    raise WiringError(f"parameter {parameter.name!r} of {name_of(function)} has no annotation", path)
                given[parameter.name] = self.get(hints[parameter.name], path)
            except WiringError as error:
                if parameter.default is parameter.empty or str(error).startswith("circle"):
                    raise
        return function(**given)


class Clock: ...


class FakeClock(Clock):
    now = itertools.count(100).__next__


class Database:
    def __init__(self, url: Annotated[str, "url"], retries: Annotated[int, "retries"] = 3):
        self.url, self.retries = url, retries
        print(f"  open {url} with {retries} retries")

    def close(self):
        print(f"  close {self.url}")


class Session:
    numbers = itertools.count(1)

    def __init__(self, database: Database, clock: Clock):
        self.database, self.number, self.started = database, next(self.numbers), clock.now()

    def close(self):
        print(f"  close session {self.number}")


class Handler:
    def __init__(self, session: Session, cache: dict | None, plugins: list["Plugin"]):
        self.session, self.cache, self.plugins = session, cache, plugins


class Plugin: ...


class Audit(Plugin): ...


class Metrics(Plugin):
    def __init__(self, clock: Clock):
        self.at = clock.now()


class Egg:
    def __init__(self, hen: "Hen"): ...


class Hen:
    def __init__(self, egg: Egg): ...


container = Container().bind(Clock, FakeClock).bind(Database).bind(Session, scope="request").bind(Handler, scope="each")
container.bind(str, lambda: "db://main", name="url").bind(Plugin, Audit).bind(Plugin, Metrics).bind(Hen).bind(Egg)


@container.provides("request")
def temporary(session: Session) -> typing.Iterator[bytearray]:
    print(f"  buffer for session {session.number}")
    buffer = bytearray(b"tmp")
    yield buffer
    print(f"  buffer had {bytes(buffer)}")


for _ in range(2):
    with container.request() as request:
        one, two = request.get(Handler), request.get(Handler)
        print(one is two, one.session is two.session, one.session.number, one.session.started, one.cache, [type(p).__name__ for p in one.plugins])
        request.get(bytearray).extend(b"!")
        print(request.get(bytearray), request.get(Database) is container.get(Database), one.plugins == two.plugins)
print(container.get(int | str | None))


def report(database: Database, title, *, clock: Clock, level: float = 0.5) -> str:
    return f"{title} {database.retries} {type(clock).__name__} {level}"


print(container.invoke(report, title="report"))
override = Container(container).bind(str, lambda: "db://test", name="url").bind(Database).bind(int, lambda: 9, name="retries")
print(override.get(Annotated[str, "url"]), container.get(Annotated[str, "url"]))
for action in (lambda: container.get(Handler), lambda: container.get(Hen), lambda: container.invoke(report), lambda: container.get(complex), lambda: Container().bind(Database).get(Database)):
    try:
        action()
    except WiringError as error:
        print("WiringError:", error)
container.stack.close()
