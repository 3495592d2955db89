# /// sample
# title: Caches: LRU, LFU and expiry, checked against each other
# tier: realworld
# ///
"""Three eviction policies behind one interface, a decorator, statistics, and a simulation with a home-made generator."""

import functools
import math
from collections import Counter, OrderedDict
from collections.abc import MutableMapping


class LruLinked(MutableMapping):
    """Dict and a doubly linked ring: every operation in constant time."""

    class Node:
        __slots__ = ("key", "value", "before", "after")

    def __init__(self, size, on_evict=None):
        self.size, self.on_evict, self.nodes, self.ring = size, on_evict, {}, self.Node()
        self.ring.before = self.ring.after = self.ring

    def _unlink(self, node):
        node.before.after, node.after.before = node.after, node.before

    def _append(self, node):
        last = self.ring.before
        last.after = self.ring.before = node
        node.before, node.after = last, self.ring

    def __getitem__(self, key):
        node = self.nodes[key]
        self._unlink(node)
        self._append(node)
        return node.value

    def __setitem__(self, key, value):
        if key in self.nodes:
            self.nodes[key].value = value
            self[key]
            return
        if len(self.nodes) >= self.size:
            oldest = self.ring.after
            del self[oldest.key]
            if self.on_evict:
                self.on_evict(oldest.key, oldest.value)
        node = self.nodes[key] = self.Node()
        node.key, node.value = key, value
        self._append(node)

    def __delitem__(self, key):
        self._unlink(self.nodes.pop(key))

    __contains__ = lambda self, key: key in self.nodes
    __len__ = lambda self: len(self.nodes)

    def __iter__(self):
        keys, node = [], self.ring
        while (node := node.after) is not self.ring:
            keys.append(node.key)
        return iter(keys)

    def __repr__(self):
        return "<" + " ".join(f"{key}={self.nodes[key].value}" for key in self) + ">"


class LruOrdered(LruLinked):
    """The same on an OrderedDict, to be compared with."""

    def __init__(self, size, on_evict=None):
        self.size, self.on_evict, self.data = size, on_evict, OrderedDict()

    def __getitem__(self, key):
        self.data.move_to_end(key)
        return self.data[key]

    def __setitem__(self, key, value):
        if key not in self.data and len(self.data) >= self.size:
            evicted = self.data.popitem(last=False)
            if self.on_evict:
                self.on_evict(*evicted)
        self.data[key] = value
        self.data.move_to_end(key)

    def __delitem__(self, key):
        del self.data[key]

    __contains__ = lambda self, key: key in self.data
    __iter__ = lambda self: iter(list(self.data))
    __len__ = lambda self: len(self.data)
    __repr__ = lambda self: "<" + " ".join(f"{k}={v}" for k, v in self.data.items()) + ">"


class Lfu(LruOrdered):
    """The least used goes first; among equals the one used longest ago."""

    def __init__(self, size, on_evict=None):
        super().__init__(size, on_evict)
        self.uses = Counter()

    def __getitem__(self, key):
        value = super().__getitem__(key)
        self.uses[key] += 1
        return value

    def __setitem__(self, key, value):
        if key not in self.data and len(self.data) >= self.size:
            victim = min(self.data, key=lambda k: self.uses[k])
            self.data.move_to_end(victim, last=False)
            self.uses.pop(victim, None)
        super().__setitem__(key, value)
        self.uses[key] += 1


class Expiring(LruLinked):
    def __init__(self, size, seconds, clock):
        super().__init__(size)
        self.seconds, self.clock, self.born = seconds, clock, {}

    def __getitem__(self, key):
        if key in self.nodes and self.clock() - self.born[key] >= self.seconds:
            del self[key]
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.born[key] = self.clock()


def cached(cache):
    def decorate(function):
        @functools.wraps(function)
        def wrapper(*args):
            try:
                value = cache[args]
                wrapper.hits += 1
            except KeyError:
                wrapper.misses += 1
                value = cache[args] = function(*args)
            return value

        wrapper.hits = wrapper.misses = 0
        return wrapper

    return decorate


def numbers(seed, skew):
    """A linear congruential generator; small numbers come more often the larger the skew."""
    while True:
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        yield int((seed >> 33) / 2**31 * math.prod([(seed >> 13) % 997 / 997] * skew) * 40)


print("== behaviour")
evicted = []
for kind in (LruLinked, LruOrdered, Lfu):
    cache = kind(3, lambda key, value: evicted.append(f"{key}={value}"))
    for key in "abcab":
        cache[key] = ord(key)
    cache["d"] = 1
    print(kind.__name__, cache, "c" in cache, cache.get("c"), list(reversed(list(cache))), evicted)
    cache["a"]
    cache["e"] = 2
    print(cache, cache.pop("a"), cache.pop("zz", None), len(cache), sorted(cache.items()), cache == dict(cache.items()))
    cache.clear()
    evicted.clear()
    print(len(cache), cache)
now = 0
expiring = Expiring(2, 10, lambda: now)
expiring["x"], now = 1, 5
expiring["y"], now = 2, 10
print(expiring.get("x"), expiring.get("y"), len(expiring))

print("== decorated")


@cached(LruLinked(10))
def ways(rows, columns):
    return 1 if 0 in (rows, columns) else ways(rows - 1, columns) + ways(rows, columns - 1)


print(ways(12, 12), ways.hits, ways.misses)
builtin = functools.lru_cache(maxsize=2, typed=True)(lambda n: n)
print([builtin(n) for n in (1, 1.0, 1, True, 1)], builtin.cache_info(), builtin.cache_parameters())

print("== simulation: hits of 5000 requests")
for skew in (0, 1, 2):
    row = []
    for kind in (LruLinked, LruOrdered, Lfu):
        cache, hits, source = kind(8), 0, numbers(7, skew)
        for _ in range(5000):
            key = next(source)
            hits += key in cache
            cache[key] = cache.get(key, 0) + 1
        row.append(hits)
    stdlib, source = functools.lru_cache(maxsize=8)(lambda n: n), numbers(7, skew)
    for _ in range(5000):
        stdlib(next(source))
    print(f"skew {skew}: linked {row[0]} ordered {row[1]} lfu {row[2]} functools {stdlib.cache_info().hits} agree {row[0] == row[1] == stdlib.cache_info().hits}")
