# /// sample
# title: An observable model with computed fields and undo
# tier: realworld
# ///
"""A spreadsheet-like model: dependencies found while computing, changes batched, observed lists, undo and redo."""

import functools
import weakref
from collections.abc import MutableSequence
from contextlib import contextmanager


class Field:
    def __init__(self, default=None, *, validate=None):
        self.default, self.validate = default, validate

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, model, owner=None):
        model._note(self.name)
        return model._values.get(self.name, self.default)

    def __set__(self, model, value):
        if self.validate and (problem := self.validate(value)):
            raise ValueError(f"{self.name}: {problem}")
        if isinstance(value, list):
            value = ObservedList(value, functools.partial(model._changed, self.name))
        before = model._values.get(self.name, self.default)
        if before == value:
            return
        model._values[self.name] = value
        model._changed(self.name, before, value)


class Computed:
    """Caches; forgets when something it read has changed."""

    def __init__(self, function, name=None):
        self.function, self.name = function, name or function.__name__

    def __get__(self, model, owner=None):
        model._note(self.name)
        if self.name not in model._cache:
            if any(name == self.name for name, _ in model._running):
                raise RuntimeError(" -> ".join([*(name for name, _ in model._running), self.name]))
            model._running.append((self.name, set()))
            try:
                model._cache[self.name] = self.function(model)
                model.computations += 1
            finally:
                _, read = model._running.pop()
                for name in read:
                    model._readers.setdefault(name, set()).add(self.name)
        return model._cache[self.name]


class ObservedList(MutableSequence):
    def __init__(self, items, report):
        self._items, self._report = list(items), report

    def _change(self, action):
        before = list(self._items)
        action(self._items)
        self._report(before, self)

    __len__ = lambda self: len(self._items)
    __getitem__ = lambda self, index: self._items[index]
    __setitem__ = lambda self, index, value: self._change(lambda items: items.__setitem__(index, value))
    __delitem__ = lambda self, index: self._change(lambda items: items.__delitem__(index))
    insert = lambda self, index, value: self._change(lambda items: items.insert(index, value))
    sort = lambda self, **options: self._change(lambda items: items.sort(**options))
    __eq__ = lambda self, other: self._items == list(other) if isinstance(other, (list, ObservedList)) else NotImplemented
    __repr__ = lambda self: repr(self._items)


class Model:
    def __init__(self, **values):
        self._values, self._cache, self._readers, self._running = {}, {}, {}, []
        self._observers, self._pending, self._depth, self.computations = [], {}, 0, 0
        self._undo, self._redo, self._replaying = [], [], False
        for name, value in values.items():
            setattr(self, name, value)
        self._undo.clear()

    def _note(self, name):
        if self._running:
            self._running[-1][1].add(name)

    def _changed(self, name, before, after):
        if not self._replaying:
            self._undo.append((name, before, list(after) if isinstance(after, ObservedList) else after))
            self._redo.clear()
        stale, queue = {name}, [name]
        while queue:
            for reader in self._readers.pop(queue.pop(), ()):
                self._cache.pop(reader, None)
                if reader not in stale:
                    stale.add(reader)
                    queue.append(reader)
        for each in sorted(stale, key=lambda n: (n != name, n)):
            self._pending.setdefault(each, None)
        if not self._depth:
            self._flush()

    def _flush(self):
        names, self._pending = list(self._pending), {}
        for reference, wanted in list(self._observers):
            observer = reference()
            if observer is None:
                self._observers.remove((reference, wanted))
            elif hit := [name for name in names if not wanted or name in wanted]:
                observer(self, hit)

    def observe(self, observer, *names):
        self._observers.append((weakref.WeakMethod(observer) if hasattr(observer, "__self__") else weakref.ref(observer), names))

    @contextmanager
    def batch(self):
        self._depth += 1
        mark = len(self._undo)
        try:
            yield self
        except Exception:
            while len(self._undo) > mark:
                self.undo()
            self._redo.clear()
            raise
        finally:
            self._depth -= 1
            if not self._depth:
                self._flush()

    def _replay(self, source, target, pick):
        if not source:
            return False
        step = source.pop()
        self._replaying = True
        try:
            setattr(self, step[0], step[pick])
        finally:
            self._replaying = False
        target.append(step)
        return True

    def undo(self):
        return self._replay(self._undo, self._redo, 1)

    def redo(self):
        return self._replay(self._redo, self._undo, 2)


class Invoice(Model):
    customer = Field("", validate=lambda v: None if isinstance(v, str) else "must be text")
    prices = Field([])
    discount = Field(0, validate=lambda v: None if 0 <= v < 100 else f"{v} is out of range")
    verbose = Field(False)
    @Computed
    def subtotal(self):
        return sum(self.prices)

    @Computed
    def total(self):
        return round(self.subtotal * (100 - self.discount) / 100, 2)

    @Computed
    def label(self):
        return f"{self.customer}: {self.total}" if self.verbose else "hidden"

    chicken = Computed(lambda self: self.egg, "chicken")
    egg = Computed(lambda self: self.chicken, "egg")


class View(str):
    def update(self, model, names):
        print(f"  {self} sees {', '.join(names)}")


invoice, all_view, total_view = Invoice(customer="Ann", prices=[10, 20]), View("all"), View("total")
invoice.observe(all_view.update)
invoice.observe(total_view.update, "total")
print(invoice.label, invoice.total, invoice.total, invoice.computations)
invoice.customer = "Bob"
invoice.prices.append(30)
print(invoice.total, invoice.label, invoice.computations)
invoice.verbose = True
print(invoice.label)
invoice.customer = invoice.customer
invoice.prices[0], invoice.discount = 15, 10
print(invoice.label, invoice._undo[-1])
with invoice.batch():
    invoice.prices.extend([1, 2])
    del invoice.prices[-1]
    invoice.discount = 0
print(invoice.total)
for action in (lambda: setattr(invoice, "discount", 100), lambda: setattr(invoice, "customer", None), lambda: invoice.chicken):
    try:
        action()
    except (ValueError, RuntimeError) as error:
        print(f"{type(error).__name__}: {error}")
try:
    with invoice.batch():
        invoice.customer, invoice.discount = "Zed", 50
        invoice.discount = -1
except ValueError as error:
    print("batch:", error, invoice.customer, invoice.discount)
all_view = None
print([invoice.undo() for _ in range(4)], invoice.prices, invoice.discount, len(invoice._redo))
print(invoice.redo(), invoice.redo(), invoice.prices, invoice.total)
invoice.prices.sort(reverse=True)
print(invoice.prices, invoice.redo(), [invoice.undo() for _ in range(12)].count(True), invoice.prices, invoice.label, len(invoice._observers))
