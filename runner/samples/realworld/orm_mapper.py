# /// sample
# title: An object mapper over tables in memory
# tier: realworld
# ///
"""Models declared as classes, queries built with operators, relations loaded late, a unit of work that can roll back."""

import itertools
import operator


class Expression:
    def __init__(self, test, text):
        self.test, self.text = test, text

    def __or__(self, other):
        return Expression(lambda row: self.test(row) or other.test(row), f"({self.text} OR {other.text})")

    def __invert__(self):
        return Expression(lambda row: not self.test(row), f"NOT {self.text}")

    def __bool__(self):
        raise TypeError("combine conditions with | and ~, or by commas")


class Column:
    def __init__(self, kind, *, key=False, null=False, unique=False, default=None):
        self.kind, self.key, self.null, self.unique, self.default = kind, key, null, unique, default

    def __set_name__(self, owner, name):
        self.name = name

    def __get__(self, instance, owner=None):
        return self if instance is None else instance._values[self.name]

    def __set__(self, instance, value):
        if value is None:
            if not self.null and not self.key:
                raise ValueError(f"{type(instance).__name__}.{self.name} must not be null")
        try:
            value = value if value is None else self.kind(value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{type(instance).__name__}.{self.name}: {error}") from None
        session.changed(instance, self.name, value)
        instance._values[self.name] = value

    def _compare(symbol, test):
        def build(self, other):
            safe = lambda row: row[self.name] is not None and test(row[self.name], other)
            plain = lambda row: test(row[self.name], other)
            return Expression(plain if symbol in "=!=" else safe, f"{self.name} {symbol} {other!r}")

        return build

    __eq__, __ne__ = _compare("=", operator.eq), _compare("!=", operator.ne)
    __lt__, __gt__ = _compare("<", operator.lt), _compare(">", operator.gt)
    __le__, __ge__ = _compare("<=", operator.le), _compare(">=", operator.ge)
    is_in, like = _compare("IN", lambda value, others: value in others), _compare("LIKE", lambda value, part: part.lower() in value.lower())
    __hash__ = object.__hash__
    del _compare


class Reference:
    """Many to one, loaded when it is asked for; the other side gets a list."""

    def __init__(self, target, back):
        self.target, self.back = target, back

    def __set_name__(self, owner, name):
        self.column = Column(int, null=True)
        self.column.name = f"{name}_id"
        setattr(owner, self.column.name, self.column)
        owner._columns[self.column.name] = self.column
        setattr(self.target, self.back, property(lambda one: owner.where(self.column == one.id).all()))

    def __get__(self, instance, owner=None):
        return self if instance is None else self.target.get(instance._values[self.column.name])

    def __set__(self, instance, value):
        setattr(instance, self.column.name, None if value is None else value.id)


class Model:
    _columns = {}

    def __init_subclass__(cls):
        cls._columns = {**cls._columns, **{k: v for k, v in vars(cls).items() if isinstance(v, Column)}}
        cls._rows, cls._ids = {}, itertools.count(1)

    def __init__(self, **values):
        for name in values:
            if not isinstance(getattr(type(self), name, None), (Column, Reference)):
                raise TypeError(f"{type(self).__name__} has no {name}")
        self._values = {}
        defaults = {name: column.default() if callable(column.default) else column.default for name, column in self._columns.items()}
        for name, value in {**defaults, **values}.items():
            setattr(self, name, value)
        self._values["id"] = next(self._ids)
        session.new(self)

    def __repr__(self):
        return f"<{type(self).__name__} {', '.join(f'{k}={v!s}' for k, v in self._values.items())}>"

    where = classmethod(lambda cls, *conditions: Query(cls, conditions))
    get = classmethod(lambda cls, identity: cls._rows.get(identity))


class Query:
    def __init__(self, model, conditions=(), order=()):
        self.model, self.conditions, self.ordering = model, conditions, order

    def where(self, *more):
        return Query(self.model, (*self.conditions, *more), self.ordering)

    def order(self, *columns):
        return Query(self.model, self.conditions, columns)

    def all(self):
        found = [one for one in self.model._rows.values() if all(condition.test(one._values) for condition in self.conditions)]
        return sorted(found, key=lambda one: [(one._values[c.name] is not None, one._values[c.name]) for c in self.ordering])

    def __str__(self):
        return f"SELECT * FROM {self.model.__name__.lower()}" + (" WHERE " + " AND ".join(c.text for c in self.conditions) if self.conditions else "")


class Session:
    def __init__(self):
        self.undo = None

    def new(self, one):
        for name, column in one._columns.items():
            if column.unique and any(other._values[name] == one._values[name] for other in one._rows.values()):
                raise ValueError(f"{type(one).__name__}.{name} {one._values[name]!r} exists")
        one._rows[one.id] = one
        if self.undo is not None:
            self.undo.append(lambda: one._rows.pop(one.id))

    def changed(self, one, name, value):
        if self.undo is not None and name in one._values:
            before = one._values[name]
            self.undo.append(lambda: one._values.__setitem__(name, before))

    def __enter__(self):
        self.undo = []
        return self

    def __exit__(self, kind, error, trace):
        steps, self.undo = self.undo, None
        for step in reversed(steps if kind else []):
            step()
        if kind:
            print(f"  rolled back {len(steps)} steps: {error}")
        return kind is not None and issubclass(kind, ValueError)


session = Session()


class Author(Model):
    id = Column(int, key=True)
    name = Column(str, unique=True)
    born = Column(int, null=True)


class Book(Model):
    id = Column(int, key=True)
    title = Column(str)
    price = Column(float, default=lambda: 9.5)
    author = Reference(Author, "books")


ursula, italo = Author(name="Ursula", born="1929"), Author(name="Italo")
for title, price, author in (("Lathe", 12, ursula), ("Cities", 8.25, italo), ("Dispossessed", "15.5", ursula), ("Anonymous", 1, None)):
    Book(title=title, price=price, author=author)
Book(title="Default")
print(ursula.books, ursula.books[0].author is ursula, Book.get(4).author, sep="\n")
cheap = Book.where((Book.price < 10) | Book.title.like("LATHE"), ~(Book.title == "Cities"))
print(cheap, [book.title for book in cheap.order(Book.price).all()], sep="\n")
print([book.title for book in Book.where().order(Book.author_id, Book.price).all()[:4]])
print(Author.where(Author.born > 1900).all(), Author.where(Author.born == None).all(), Book.where(Book.id.is_in((1, 3, 9))).all()[-1])
with session:
    italo.born, ursula.name = 1923, "U. K."
    Book(title="Temporary", author=italo)
    print(len(italo.books), end="")
    Author(name="U. K.")
print(italo, ursula, len(italo.books), len(Book._rows))
with session:
    italo.born = 1923
print(italo)
for action in (
    lambda: Book(title=None), lambda: Book(title="x", price="cheap"), lambda: Book(name="x"), lambda: Author(name="Italo"),
    lambda: Book.where((Book.price > 1) and (Book.price < 2)), lambda: setattr(ursula, "born", "long ago"),
):  # fmt: skip
    try:
        print(action())
    except (ValueError, TypeError) as error:
        print(f"{type(error).__name__}: {error}")
book = Book.get(1)
book.author = None
print(book, [b.title for b in ursula.books], Book.where(Book.price >= 12).where(Book.price <= 12).all()[0] is book)
