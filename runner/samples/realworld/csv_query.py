# /// sample
# title: A query engine over CSV tables
# tier: realworld
# ///
"""select, join, group and order by generators: quoted cells, missing values, types found by looking, a query plan shown."""

import csv
import io
import operator
import re
from collections import defaultdict
from datetime import date
from decimal import Decimal
from functools import reduce

PEOPLE = 'id,name,city,joined,note\n1,"Ann ""A"" Lee",Oslo,2024-02-29,\n2,Bob,"São Paulo",2023-01-15,"two\nlines"\n3,Çelik,,2024-03-01,"a, b"\n4,dan,oslo,,x\n'
ORDERS = "order;person;total;paid\n10;1;99.90;yes\n11;1;0.10;no\n12;2;1e3;yes\n13;9;5;no\n14;3;;yes\n15;2;-20.5;no\n"
MESSY = "a\tb\ta\n1\t2\t3\n4\n5\t6\t7\t8\n"


class QueryError(Exception):
    pass


def infer(values):
    """The narrowest type that reads every value that is there."""
    present = [v for v in values if v != ""]
    for kind in (int, Decimal, date.fromisoformat, {"yes": True, "no": False}.__getitem__):
        try:
            for value in present:
                kind(value)
            return kind if present else str
        except (ValueError, KeyError, ArithmeticError):
            continue
    return str


class Table:
    def __init__(self, name, columns, rows, plan):
        self.name, self.columns, self._rows, self.plan = name, columns, rows, plan

    @classmethod
    def read(cls, name, text, **options):
        dialect = csv.Sniffer().sniff(text.splitlines()[0], delimiters=",;\t") if not options else None
        reader = csv.reader(io.StringIO(text, newline=""), **(options or {"delimiter": dialect.delimiter}))
        columns = next(reader)
        if repeated := [c for c in columns if columns.count(c) > 1]:
            raise QueryError(f"{name}: column {repeated[0]!r} is there twice")
        raw = []
        for row in reader:
            if len(row) != len(columns):
                raise QueryError(f"{name}: line {reader.line_num} has {len(row)} cells, not {len(columns)}")
            raw.append(row)
        kinds = [infer(column) for column in zip(*raw)] if raw else [str] * len(columns)
        rows = [{c: None if v == "" and k is not str else k(v) for c, k, v in zip(columns, kinds, row)} for row in raw]
        return cls(name, columns, lambda: iter(rows), [f"scan {name} ({len(rows)})"])

    def __iter__(self):
        return self._rows()

    def _derive(self, columns, rows, step):
        return Table(self.name, columns, rows, [*self.plan, step])

    def column(self, name):
        if name not in self.columns:
            near = sorted(c for c in self.columns if c.startswith(name[:1]))
            raise QueryError(f"{self.name} has no column {name!r}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
        return name

    OPERATORS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}

    def where(self, text):
        """'total > 10 and paid = yes' by comparisons; a missing value makes any of them false."""
        tests = []
        for part in re.split(r"\s+and\s+", text):
            if not (match := re.fullmatch(r"(\w+)\s*(=|!=|<=|>=|<|>|~|is)\s*(.+)", part)):
                raise QueryError(f"cannot read {part!r}")
            name, symbol, wanted = self.column(match[1]), match[2], match[3].strip("'")
            tests.append((name, symbol, wanted))

        def passes(row):
            for name, symbol, wanted in tests:
                value = row[name]
                if symbol == "is":
                    if (value is None) != (wanted == "missing"):
                        return False
                elif value is None:
                    return False
                elif symbol == "~":
                    if not re.search(wanted, str(value), re.IGNORECASE):
                        return False
                elif not self.OPERATORS[symbol](value, self.like(value, wanted)):
                    return False
            return True

        return self._derive(self.columns, lambda: filter(passes, self), f"filter {text}")

    @staticmethod
    def like(value, text):
        if isinstance(value, bool):
            return text == "yes"
        return date.fromisoformat(text) if isinstance(value, date) else type(value)(text)

    def select(self, *names, **computed):
        for name in names:
            self.column(name)
        build = lambda row: {**{n: row[n] for n in names}, **{n: function(row) for n, function in computed.items()}}
        return self._derive([*names, *computed], lambda: map(build, self), f"select {', '.join([*names, *computed])}")

    def join(self, other, left, right, *, outer=False):
        self.column(left), other.column(right)
        clash = {c: f"{other.name}.{c}" if c in self.columns else c for c in other.columns}

        def rows():
            index = defaultdict(list)
            for row in other:
                index[row[right]].append(row)
            empty = [dict.fromkeys(other.columns)] if outer else []
            for row in self:
                for match in index.get(row[left]) or empty:
                    yield {**row, **{clash[c]: v for c, v in match.items()}}

        return self._derive([*self.columns, *clash.values()], rows, f"hash join {other.name} on {left}={right}{' outer' if outer else ''}")

    def group(self, *keys, **aggregates):
        for key in keys:
            self.column(key)

        def rows():
            groups = defaultdict(list)
            for row in self:
                groups[tuple(row[k] for k in keys)].append(row)
            for key, members in groups.items():
                yield {**dict(zip(keys, key)), **{name: function(members) for name, function in aggregates.items()}}

        return self._derive([*keys, *aggregates], rows, f"group by {', '.join(keys) or 'nothing'}")

    def order(self, *names):
        def rows():
            out = list(self)
            for name in reversed(names):
                key, reverse = self.column(name.lstrip("-")), name.startswith("-")
                present = sorted((r for r in out if r[key] is not None), key=lambda row: row[key], reverse=reverse)
                out = present + [r for r in out if r[key] is None]
            return iter(out)

        return self._derive(self.columns, rows, f"sort {', '.join(names)}")

    def show(self):
        cells = [self.columns, *([("-" if v is None else str(v).replace("\n", "⏎")) for v in row.values()] for row in self)]
        widths = [max(len(row[i]) for row in cells) for i in range(len(self.columns))]
        print("\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in cells))


def total(name):
    return lambda rows: sum((r[name] for r in rows if r[name] is not None), Decimal(0))


people, orders = Table.read("people", PEOPLE), Table.read("orders", ORDERS)
people.show()
orders.show()
print({type(v).__name__ for row in orders for v in row.values()} == {"int", "Decimal", "bool", "NoneType"}, [type(v).__name__ for v in next(iter(people)).values()])
joined = people.join(orders, "id", "person", outer=True)
query = joined.where("name ~ ^[a-ç]").select("name", "total", vat=lambda r: r["total"] and (r["total"] * Decimal("0.2")).quantize(Decimal("0.01"))).order("name", "-total")
print(*query.plan, sep=" > ")
query.show()
joined.group("name", orders=lambda rows: sum(r["order"] is not None for r in rows), spent=total("total"), paid=lambda rows: all(r["paid"] for r in rows)).order("-spent").show()
people.group("city", first=lambda rows: min(r["joined"] or date.max for r in rows)).order("city").show()
orders.where("paid = yes and total >= 99.9").show()
orders.where("total is missing").group(count=len).show()
people.where("joined >= 2024-02-29").select("id", "note").show()
print(reduce(lambda table, text: table.where(text), ["total > 0", "total < 1000", "paid = no"], orders).plan)
out = io.StringIO()
writer = csv.DictWriter(out, ["name", "note", "extra"], restval="-", extrasaction="ignore", quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
writer.writeheader()
writer.writerows(people)
print(out.getvalue(), end="")
for action in (
    lambda: people.where("nam = x"), lambda: people.where("id ?? 3"), lambda: people.select("zip"), lambda: Table.read("messy", MESSY),
    lambda: Table.read("short", MESSY.replace("\ta\n", "\tc\n")), lambda: list(people.where("joined > soon")), lambda: list(csv.reader(['"open'], strict=True)),
):  # fmt: skip
    try:
        print(action())
    except (QueryError, ValueError, csv.Error) as error:
        print(f"{type(error).__name__}: {error}")
