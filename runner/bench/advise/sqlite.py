"""A table in memory, filled, indexed and asked."""
import sqlite3

with sqlite3.connect(":memory:") as base:
    base.execute("create table sales (day integer, item text, amount integer)")
    base.executemany("insert into sales values (?, ?, ?)", ((i % 365, f"item{i % 50}", i % 17) for i in range(40000)))
    base.execute("create index by_item on sales (item)")
    rows = base.execute("select item, count(*), sum(amount) from sales where day < 100 group by item order by 3 desc, 1 limit 3").fetchall()
print(rows)
