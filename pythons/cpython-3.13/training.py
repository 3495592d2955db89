"""What the interpreter is profiled with: the work that scripts are made of, a little of each.

No sample and no benchmark is run here: what is measured must not be what was trained for. Every part stands alone; one
that fails would only lessen the profile, so it is told and the others go on.
"""

import ast
import asyncio
import base64
import collections
import contextlib
import copy
import csv
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import hashlib
import heapq
import io
import itertools
import json
import math
import operator
import os
import pickle
import random
import re
import statistics
import string
import struct
import subprocess
import sys
import tempfile
import textwrap
import threading
import tokenize
import traceback
import types
import typing
import unicodedata
import xml.etree.ElementTree as ElementTree

RANDOM = random.Random(20250611)


def arithmetic():
    """Small and large integers, floats, bits."""
    seen = 0
    for n in range(2, 6000):
        steps = 0
        m = n
        while m != 1 and steps < 60:
            m = m // 2 if m % 2 == 0 else 3 * m + 1
            steps += 1
        seen ^= steps << (n % 7)
    total = 0.0
    for k in range(60000):
        total += (-1.0) ** k / (2 * k + 1)
    a, b = 0, 1
    for _ in range(900):
        a, b = b, a + b
    acc = 0
    for i in range(200000):
        acc = (acc * 31 + i) % 1000003
        if acc & 1:
            acc -= i >> 2
    return seen, total, b % 997, pow(7, 5003, 10**9 + 7), math.isqrt(b), acc


def wide_integers():
    """Beyond 30 bits: checksums, random numbers, times in nanoseconds, sums that grow."""
    mask = (1 << 64) - 1
    digest = 0xCBF29CE484222325
    for byte in b"the quick brown fox jumps over the lazy dog" * 800:
        digest = ((digest ^ byte) * 0x100000001B3) & mask
    state = 88172645463325252
    for _ in range(25000):
        state ^= (state << 13) & mask
        state ^= state >> 7
        state ^= (state << 17) & mask
    clock = 1_700_000_000_000_000_000
    spent = squares = 0
    for tick in range(120000):
        step = 1_000_003 * tick + (tick & 1023)
        clock += step
        spent = clock - step
        squares += step * tick - (spent >> 40)
    balance = 10**19
    for cent in range(60000):
        balance -= cent * cent
        balance = balance + (cent | 5) if balance % 3 else balance - 1
    return digest, state, clock - spent, squares, balance


def sieve():
    limit = 60000
    flags = bytearray([1]) * limit
    flags[:2] = b"\0\0"
    for p in range(2, int(limit**0.5) + 1):
        if flags[p]:
            flags[p * p :: p] = bytes(len(range(p * p, limit, p)))
    return sum(flags), [i for i, flag in enumerate(flags) if flag][-5:]


def matrices():
    size = 42
    left = [[(i * j) % 7 - 3 for j in range(size)] for i in range(size)]
    right = [[float(i - j) / 5 for j in range(size)] for i in range(size)]
    out = [[0.0] * size for _ in range(size)]
    for i in range(size):
        row = left[i]
        for j in range(size):
            total = 0.0
            for k in range(size):
                total += row[k] * right[k][j]
            out[i][j] = total
    return sum(map(sum, out))


def queens(n=7):
    def place(row, columns, up, down):
        if row == n:
            return 1
        found = 0
        for column in range(n):
            if column not in columns and row + column not in up and row - column not in down:
                found += place(row + 1, columns | {column}, up | {row + column}, down | {row - column})
        return found

    return place(0, frozenset(), frozenset(), frozenset())


def words():
    """Strings: splitting, joining, formatting, searching."""
    letters = string.ascii_lowercase
    text = " ".join("".join(RANDOM.choices(letters, k=RANDOM.randrange(2, 9))) for _ in range(6000))
    counts = collections.Counter(text.split())
    lines = [f"{word:>10}|{count:<4d}|{count / 7:8.3f}" for word, count in counts.most_common(500)]
    pattern = re.compile(r"\b([aeiou]\w+?)([xyz]?)\b")
    hits = pattern.sub(lambda m: m[1].upper() + m[2], text)
    parts = [line.partition("|") for line in lines]
    folded = "".join(c for c in unicodedata.normalize("NFKD", "Zażółć gęślą jaźń " * 200) if not unicodedata.combining(c))
    return len(hits), len(parts), folded.count("z"), text.find("qqq"), textwrap.fill(text[:4000], 60)[-20:]


@dataclasses.dataclass(order=True)
class Item:
    weight: int
    name: str = dataclasses.field(compare=False)
    tags: list = dataclasses.field(default_factory=list, compare=False)


class Colour(enum.Enum):
    RED = 1
    GREEN = 2


class Shape:
    sides = 0

    def __init__(self, size):
        self.size = size

    @property
    def area(self):
        return self.size * self.sides

    def __eq__(self, other):
        return isinstance(other, Shape) and self.area == other.area

    def __hash__(self):
        return hash(self.area)


class Square(Shape):
    sides = 4

    @property
    def area(self):
        return super().area + self.size**2


class Lookup:
    def __getattr__(self, name):
        if name.startswith("no"):
            raise AttributeError(name)
        return len(name)


def objects():
    items = [Item(RANDOM.randrange(1000), f"n{i}", [i]) for i in range(1500)]
    heap = items[:]
    heapq.heapify(heap)
    ordered = [heapq.heappop(heap).name for _ in range(len(heap))]
    shapes = {Square(i % 40) for i in range(3000)} | {Shape(i % 10) for i in range(500)}
    lookup = Lookup()
    found = sum(getattr(lookup, name, 0) for name in ("alpha", "nothing", "beta") for _ in range(800))
    colours = [Colour(i % 2 + 1).name for i in range(1000)]
    return ordered[:3], len(shapes), found, colours[:2], dataclasses.replace(items[0], weight=3), max(items).weight


class Unit:
    """A descriptor that converts on the way in and out."""

    def __init__(self, factor):
        self.factor = factor

    def __set_name__(self, owner, name):
        self.field = f"{name}_stored"

    def __get__(self, instance, owner):
        if instance is None:
            return self
        return instance.__dict__[self.field] // self.factor

    def __set__(self, instance, value):
        if value < 0:
            raise ValueError(value)
        instance.__dict__[self.field] = value * self.factor


class Parcel:
    grams = Unit(1000)
    __slots__ = ("__dict__", "sender")
    count = 0

    def __init__(self, grams, sender="post"):
        self.grams = grams
        self.sender = sender

    @classmethod
    def made(cls, grams):
        cls.count += 1
        return cls(grams)

    @staticmethod
    def rate(zone):
        return 3 + zone

    def price(self, zone=1):
        return self.grams * self.rate(zone)

    def __add__(self, other):
        return type(self)(self.grams + other.grams)

    def __lt__(self, other):
        return self.grams < other.grams

    def __len__(self):
        return self.grams

    def __contains__(self, item):
        return item in self.sender

    def __getitem__(self, key):
        return getattr(self, key)

    def __setitem__(self, key, value):
        setattr(self, key, value)

    def __call__(self, zone):
        return self.price(zone)


class Express(Parcel):
    def price(self, zone=1):
        return super().price(zone) * 2


class Fragile(Express):
    def price(self, zone=1):
        return super().price(zone=zone) + 7

    def __getattr__(self, name):
        kind, found, rest = name.rpartition("_as_")
        if not found:
            raise AttributeError(name)
        return f"{kind}:{rest}"


def attributes():
    """Descriptors, inheritance, operators and names that are computed: one place of the code, several classes."""
    parcels = [kind.made(weight) for weight, kind in zip(range(2, 62), itertools.cycle((Parcel, Express, Fragile)))]
    total = 0
    for turn in range(60):
        for parcel in parcels:
            parcel.grams = parcel.grams % 50 + 1
            total += parcel.price(turn % 4) + len(parcel)
            method = getattr(parcel, "price" if turn % 3 else "weigh", None)
            if callable(method):
                total += method()
            if hasattr(parcel, "label_as_text"):
                total += len(parcel.label_as_text)
            parcel["sender"] = "post" if turn % 2 else "courier"
            total += ("c" in parcel) + len(parcel["sender"]) + parcel(2)
            try:
                parcel.absent
            except AttributeError:
                total += 1
    return total, sum(map(len, sorted(parcels)[:9])), (parcels[0] + parcels[1]).grams


def containers():
    groups = collections.defaultdict(list)
    for i in range(20000):
        groups[i * 7919 % 257].append(i)
    table = {key: sum(values) for key, values in groups.items()}
    merged = {**table, **{str(k): v for k, v in table.items()}}
    queue = collections.deque(range(300))
    for _ in range(4000):
        queue.append(queue.popleft() + 1)
    pairs = sorted(table.items(), key=operator.itemgetter(1), reverse=True)
    sets = [set(range(i, i + 20)) & set(range(0, 600, 3)) for i in range(400)]
    nested = copy.deepcopy([pairs[:60], {"a": [1, (2, 3)]}])
    slices = [pairs[i : i + 3] for i in range(0, len(pairs), 3)]
    return len(merged), queue[0], nested[1], sum(map(len, sets)), len(slices)


def generators():
    def walk(tree):
        if isinstance(tree, list):
            for branch in tree:
                yield from walk(branch)
        else:
            yield tree

    tree = [i if i % 5 else [i, [i + 1, [i + 2]]] for i in range(3000)]
    leaves = list(walk(tree))
    windows = zip(leaves, leaves[1:], leaves[2:])
    best = max(sum(window) for window in windows)
    chained = itertools.islice(itertools.chain.from_iterable(itertools.combinations(range(14), 3)), 900)

    def running():
        total = 0
        while True:
            total += yield total

    adder = running()
    next(adder)
    for value in range(3000):
        last = adder.send(value)
    return best, sum(chained), last, functools.reduce(operator.xor, leaves)


def closures():
    def counter(step):
        count = 0

        def advance(by=1, *more, **named):
            nonlocal count
            count += step * by + sum(more) + len(named)
            return count

        return advance

    counters = [counter(i) for i in range(20)]
    for _ in range(500):
        for advance in counters:
            advance(2, 1, x=1)

    @functools.lru_cache(maxsize=None)
    def paths(row, column):
        return 1 if row == 0 or column == 0 else paths(row - 1, column) + paths(row, column - 1)

    def wrap(function):
        @functools.wraps(function)
        def inner(*args, **kwargs):
            return function(*args, **kwargs)

        return inner

    double = wrap(wrap(lambda x: x * 2))
    return counters[3](), paths(40, 40), sum(double(i) for i in range(4000))


def exceptions():
    caught = 0
    for i in range(4000):
        try:
            if i % 3 == 0:
                raise ValueError(i)
            {}[i] if i % 3 == 1 else [][i]
        except (KeyError, IndexError) as error:
            caught += len(error.args)
        except ValueError:
            caught += 2
        finally:
            caught += 1
    for _ in range(60):
        try:
            try:
                int("x")
            except ValueError as error:
                raise RuntimeError("outer") from error
        except RuntimeError as error:
            text = "".join(traceback.format_exception(error))
    with contextlib.suppress(ZeroDivisionError), contextlib.ExitStack() as stack:
        stack.callback(lambda: None)
        1 / 0
    return caught, len(text)


def matching():
    def area(shape):
        match shape:
            case {"kind": "circle", "r": r}:
                return 3 * r * r
            case {"kind": "rect", "w": w, "h": h} if w == h:
                return w * w
            case {"kind": "rect", "w": w, "h": h}:
                return w * h
            case [first, *rest]:
                return area(first) + sum(map(area, rest))
            case int() | float():
                return shape
            case _:
                return 0

    shapes = [{"kind": "circle", "r": 2}, {"kind": "rect", "w": 2, "h": 2}, {"kind": "rect", "w": 2, "h": 5}, [1, 2, 3.5], "?"]
    return sum(area(shapes[i % 5]) for i in range(6000))


def text_formats():
    data = [{"id": i, "name": f"näme {i}", "values": [i / 3, None, True], "sub": {"k": "v" * (i % 9)}} for i in range(400)]
    encoded = json.dumps(data, sort_keys=True)
    back = json.loads(encoded)
    json.loads(json.dumps(back, indent=2))
    out = io.StringIO()
    csv.writer(out).writerows([row["id"], row["name"]] for row in data)
    rows = list(csv.reader(io.StringIO(out.getvalue())))
    root = ElementTree.fromstring("<a>" + "".join(f"<b n='{i}'>{i}</b>" for i in range(300)) + "</a>")
    pickled = pickle.loads(pickle.dumps(data, 5))
    packed = struct.pack("<200i", *range(200))
    return len(rows), len(root.findall("b")), pickled == back, sum(struct.unpack("<200i", packed)), base64.b64encode(packed)[:9]


def numbers():
    decimal.getcontext().prec = 40
    total = sum(decimal.Decimal(1) / decimal.Decimal(i) for i in range(1, 400))
    fraction = sum(fractions.Fraction(1, i) for i in range(1, 60))
    day = datetime.datetime(2024, 2, 28, tzinfo=datetime.UTC)
    days = [(day + datetime.timedelta(hours=7 * i)).isoformat() for i in range(300)]
    parsed = [datetime.datetime.fromisoformat(text) for text in days]
    return total, fraction.numerator % 97, parsed[-1], statistics.fmean(range(100))


def source_code():
    """The parser and the compiler: every start of a program that is not compiled yet."""
    folder = os.path.dirname(os.__file__)
    for name in ("textwrap.py", "heapq.py", "bisect.py", "shlex.py", "argparse.py"):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = file.read()
        code = compile(text, name, "exec")
        ast.dump(ast.parse(text))
        list(tokenize.generate_tokens(io.StringIO(text).readline))
        exec("import math\nvalue = [x * x for x in range(200)]\n", {})
    return code.co_name


def dynamic():
    kinds = [type(f"K{i}", (Shape,), {"sides": i, "twice": lambda self: self.size * 2}) for i in range(120)]
    module = types.ModuleType("made")
    exec("class A:\n    def __init__(self): self.x = 1\n    def f(self): return self.x\n", module.__dict__)
    instance = module.A()
    for i in range(2000):
        setattr(instance, f"field{i % 50}", i)
    hints = typing.get_type_hints(Item)
    return sum(kind(3).twice() for kind in kinds), len(vars(instance)), list(hints), instance.f()


def concurrency():
    lock = threading.Lock()
    done = []

    def work(n):
        for i in range(400):
            with lock:
                done.append(i * n)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    async def child(n):
        await asyncio.sleep(0)
        return n * 2

    async def parent():
        queue = asyncio.Queue()
        for i in range(300):
            await queue.put(await child(i))
        results = await asyncio.gather(*(child(i) for i in range(300)))
        return queue.qsize(), sum(results)

    return len(done), asyncio.run(parent())


def files():
    # Not in every build: this part alone would fail.
    import zlib

    with tempfile.TemporaryDirectory() as folder:
        for i in range(60):
            with open(os.path.join(folder, f"f{i}.txt"), "w", encoding="utf-8") as file:
                file.writelines(f"line {k} é\n" for k in range(80))
        total = 0
        for entry in os.scandir(folder):
            with open(entry.path, encoding="utf-8") as file:
                total += sum(len(line.strip()) for line in file)
    blob = bytes(RANDOM.randrange(256) for _ in range(20000))
    return total, hashlib.sha256(blob).hexdigest()[:8], zlib.crc32(zlib.decompress(zlib.compress(blob)))


def starts():
    """Starting and ending is what a short script does most."""
    for _ in range(40):
        subprocess.run([sys.executable, "-c", "import json, re, dataclasses; print(len(json.dumps({'a': 1})))"], stdout=subprocess.DEVNULL, check=True)
        subprocess.run([sys.executable, "-c", "pass"], check=True)


PARTS = [arithmetic, wide_integers, sieve, matrices, queens, words, objects, attributes, containers, generators, closures, exceptions, matching]
PARTS += [text_formats, numbers, source_code, dynamic, concurrency, files, starts]


def main():
    for part in PARTS:
        try:
            for _ in range(1 if part is starts else 4):
                part()
        except Exception:
            traceback.print_exc()
            print(f"training: {part.__name__} failed", file=sys.stderr)


if __name__ == "__main__":
    main()
