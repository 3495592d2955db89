# /// sample
# title: An event bus with wildcards, priorities and replay
# tier: realworld
# ///
"""Topics like order.*.paid, handlers that can stop, fail or unsubscribe while they run, dead letters and replay."""

import functools
import itertools
import weakref
from collections import defaultdict, deque
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Event:
    topic: str
    payload: dict = field(default_factory=dict)
    number: int = field(default_factory=itertools.count(1).__next__)
    cause: "Event | None" = field(default=None, repr=False)

    def history(self):
        event = self
        while event:
            yield event.topic
            event = event.cause


class Stop(Exception):
    """Raised by a handler: nobody after it sees the event."""


@functools.total_ordering
class Subscription:
    order = itertools.count()

    def __init__(self, bus, pattern, handler, priority, once):
        self.bus, self.pattern, self.priority, self.once = bus, pattern, priority, once
        self.position, self.calls, self.active = next(self.order), 0, True
        method = getattr(handler, "__self__", None) is not None and not isinstance(handler, functools.partial)
        self._handler = weakref.WeakMethod(handler) if method and hasattr(handler, "__func__") else lambda: handler
        self.name = getattr(handler, "__qualname__", repr(handler)).replace("<locals>.", "")

    def matches(self, topic):
        return fnmatchcase(topic, self.pattern)

    def __lt__(self, other):
        return (-self.priority, self.position) < (-other.priority, other.position)

    def __call__(self, event):
        handler = self._handler()
        if handler is None:
            self.cancel()
            return False
        if self.once:
            self.cancel()
        self.calls += 1
        handler(event)
        return True

    def cancel(self):
        self.active = False
        self.bus.subscriptions = [s for s in self.bus.subscriptions if s is not self]


class Bus:
    def __init__(self, keep=5):
        self.subscriptions, self.queue, self.log, self.dead, self.busy = [], deque(), deque(maxlen=keep), [], False
        self.failures = defaultdict(list)
        self.current = None

    def on(self, pattern, handler=None, *, priority=0, once=False, replay=False):
        if handler is None:
            return functools.partial(self.on, pattern, priority=priority, once=once, replay=replay)
        subscription = Subscription(self, pattern, handler, priority, once)
        self.subscriptions = sorted([*self.subscriptions, subscription])
        for event in [event for event in self.log if replay and subscription.matches(event.topic)]:
            subscription(event)
        return subscription

    def emit(self, topic, **payload):
        """Events emitted by handlers wait until the current one is through: no recursion."""
        self.queue.append(Event(topic, payload, cause=self.current))
        if self.busy:
            return
        self.busy = True
        try:
            while self.queue:
                self.deliver(self.queue.popleft())
        finally:
            self.busy = False

    def deliver(self, event):
        self.log.append(event)
        self.current, heard = event, False
        try:
            for subscription in self.subscriptions:
                if not subscription.active or not subscription.matches(event.topic):
                    continue
                try:
                    heard |= subscription(event)
                except Stop as reason:
                    print(f"  stopped by {subscription.name}: {reason}")
                    heard = True
                    break
                except Exception as error:
                    heard = True
                    self.failures[event.topic].append(error)
        finally:
            self.current = None
        if not heard:
            self.dead.append(event)


bus = Bus(keep=6)


class Warehouse:
    def __init__(self, name, stock):
        self.name, self.stock = name, stock
        self.subscription = bus.on("order.*", self.reserve, priority=5)

    def reserve(self, event):
        if event.topic != "order.placed":
            return
        item = event.payload["item"]
        if self.stock.get(item, 0) < 1:
            bus.emit("order.failed", item=item, reason=f"{self.name} has none")
            raise Stop("out of stock")
        self.stock[item] -= 1
        bus.emit("stock.changed", item=item, left=self.stock[item])


@bus.on("*", priority=100)
def audit(event):
    print(f"#{event.number} {' < '.join(event.history())} {event.payload}")


@bus.on("order.placed")
def bill(event):
    price = {"tea": 3, "gift": 0}[event.payload["item"]]
    bus.emit("invoice.created", amount=100 // price)


@bus.on("stock.changed", once=True)
def first_change(event):
    print("  first change, once")
    bus.on("stock.changed", lambda e: print("  added while delivering"), priority=-1, once=True)


@bus.on("order.failed")
def apologise(event):
    print("  sorry:", event.payload["reason"])
    if event.payload["reason"] != "again":
        bus.emit("order.failed", reason="again")


warehouse = Warehouse("north", {"tea": 2, "gift": 1})
for item in ("tea", "gift", "tea", "tea", "rum"):
    print(f"> order {item}")
    bus.emit("order.placed", item=item)
print("failures:", {topic: [repr(error) for error in errors] for topic, errors in sorted(bus.failures.items())})
print("stock:", warehouse.stock, "calls:", {s.name: s.calls for s in bus.subscriptions})

print("> the listener goes away")
del warehouse
before = len(bus.subscriptions)
bus.emit("order.placed", item="tea")
print(before, len(bus.subscriptions), bus.queue, bus.busy)

print("> dead letters, replay, cancellation")
bus.subscriptions = [s for s in bus.subscriptions if s.name != "audit"]
bus.emit("nobody.listens", x=1)
print(bus.dead)
seen = []
replayed = bus.on("order.*", seen.append, replay=True)
print([event.number for event in seen], [event.topic for event in bus.log])
replayed.cancel()
bus.emit("order.cancelled")
print(len(seen), bus.dead[-1].topic)


def quitter(event):
    print("  one call, then never again")
    mine.cancel()


mine = bus.on("tick", quitter)
bus.on("tick", functools.partial(print, "  partial", end="\n"), priority=-2)
try:
    bus.on("tick", lambda event: (_ for _ in ()).throw(KeyboardInterrupt), priority=-3, once=True)
    bus.emit("tick")
except KeyboardInterrupt:
    print("not swallowed, and the bus is usable:", bus.busy)
bus.emit("tick")
