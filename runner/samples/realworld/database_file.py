# /// sample
# title: A database in a file
# tier: realworld
# requires: files, module:sqlite3
# ///
"""Tables, transactions, functions of ours inside queries, full-text search, and a second look at the file."""

import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path


class Spread:
    """Aggregate: greatest minus least."""

    def __init__(self):
        self.values = []

    def step(self, value):
        self.values.append(value)

    def finalize(self):
        return max(self.values) - min(self.values)


with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "accounts.db"
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        database.executescript(
            """
            CREATE TABLE owner (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
            CREATE TABLE booking (
                owner INTEGER NOT NULL REFERENCES owner(id), cents INTEGER NOT NULL CHECK (cents <> 0), note TEXT
            );
            """
        )
        with database:
            database.executemany("INSERT INTO owner (name) VALUES (?)", [("Žofie",), ("Ines",), ("Óscar",)])
            database.executemany(
                "INSERT INTO booking VALUES (:owner, :cents, :note)",
                [{"owner": i % 3 + 1, "cents": (i * 37) % 101 - 50 or 1, "note": f"item {i}"} for i in range(60)],
            )
        for statement in ("INSERT INTO booking VALUES (9, 1, '')", "INSERT INTO booking VALUES (1, 0, '')"):
            try:
                with database:
                    database.execute(statement)
            except sqlite3.IntegrityError as error:
                print("refused:", error)
        database.create_function("initial", 1, lambda name: name[:1], deterministic=True)
        database.create_aggregate("spread", 1, Spread)

    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        database.create_function("initial", 1, lambda name: name[:1], deterministic=True)
        database.create_aggregate("spread", 1, Spread)
        database.row_factory = sqlite3.Row
        query = """
            WITH totals AS (SELECT owner, sum(cents) AS total, spread(cents) AS spread FROM booking GROUP BY owner)
            SELECT initial(name) AS letter, name, total, spread, rank() OVER (ORDER BY total DESC) AS place
            FROM totals JOIN owner ON owner.id = totals.owner ORDER BY place
        """
        for row in database.execute(query):
            print(dict(row))
        try:
            database.execute("DELETE FROM booking")
        except sqlite3.OperationalError as error:
            print("refused:", error)

with closing(sqlite3.connect(":memory:")) as database:
    database.execute("CREATE VIRTUAL TABLE page USING fts5(title, body)")
    database.executemany(
        "INSERT INTO page VALUES (?, ?)",
        [("Rivers", "The river runs to the sea"), ("Hills", "No water here"), ("Seas", "All rivers end in a sea")],
    )
    print(database.execute("SELECT title FROM page WHERE page MATCH 'sea' ORDER BY rowid").fetchall())
    print(database.execute("SELECT json_extract('{\"a\": [1, {\"b\": \"deep\"}]}', '$.a[1].b')").fetchone())
