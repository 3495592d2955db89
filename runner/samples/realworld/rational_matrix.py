# /// sample
# title: Exact linear algebra over fractions
# tier: realworld
# ///
"""Solving, inverting and decomposing without rounding: Hilbert matrices, underdetermined systems, least squares."""

from fractions import Fraction
from functools import reduce
from itertools import permutations
from math import gcd, prod
from operator import mul


class Singular(ArithmeticError):
    def __init__(self, rank):
        super().__init__(f"singular, rank {rank}")
        self.rank = rank


class Matrix:
    __slots__ = ("rows",)

    def __init__(self, rows):
        self.rows = tuple(tuple(Fraction(cell) for cell in row) for row in rows)
        if len({len(row) for row in self.rows}) > 1:
            raise ValueError(f"rows of lengths {', '.join(str(len(row)) for row in self.rows)}")

    @classmethod
    def identity(cls, size):
        return cls([[int(i == j) for j in range(size)] for i in range(size)])

    @classmethod
    def from_function(cls, size, function):
        return cls([[function(i, j) for j in range(size)] for i in range(size)])

    @property
    def shape(self):
        return len(self.rows), len(self.rows[0]) if self.rows else 0

    @property
    def T(self):
        return Matrix(zip(*self.rows))

    def __getitem__(self, key):
        match key:
            case (int(i), int(j)):
                return self.rows[i][j]
            case (slice() as i, int(j)):
                return [row[j] for row in self.rows[i]]
            case (slice() as i, slice() as j):
                return Matrix(row[j] for row in self.rows[i])
            case _:
                return self.rows[key]

    def __matmul__(self, other):
        if self.shape[1] != other.shape[0]:
            raise ValueError(f"{self.shape} @ {other.shape}")
        columns = list(zip(*other.rows))
        return Matrix([[sum(map(mul, row, column)) for column in columns] for row in self.rows])

    def __add__(self, other):
        return Matrix([map(sum, zip(*pair)) for pair in zip(self.rows, other.rows, strict=True)])

    def __mul__(self, number):
        return Matrix([[cell * number for cell in row] for row in self.rows]) if isinstance(number, (int, Fraction)) else NotImplemented

    __rmul__ = __mul__

    def __sub__(self, other):
        return self + other * -1

    def __pow__(self, exponent):
        if exponent < 0:
            return self.inverse() ** -exponent
        result, square = Matrix.identity(len(self.rows)), self
        while exponent:
            if exponent & 1:
                result = result @ square
            square, exponent = square @ square, exponent >> 1
        return result

    def __eq__(self, other):
        return isinstance(other, Matrix) and self.rows == other.rows

    def __hash__(self):
        return hash(self.rows)

    def __str__(self):
        cells = [[str(cell) for cell in row] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*cells)]
        return "\n".join("[" + " ".join(cell.rjust(width) for cell, width in zip(row, widths)) + "]" for row in cells)

    def echelon(self):
        """Reduced row echelon form, the pivot columns, and the factor the determinant was changed by."""
        rows, pivots, factor = [list(row) for row in self.rows], [], Fraction(1)
        for column in range(self.shape[1]):
            top = len(pivots)
            found = next((r for r in range(top, len(rows)) if rows[r][column]), None)
            if found is None:
                continue
            if found != top:
                rows[top], rows[found] = rows[found], rows[top]
                factor = -factor
            pivot = rows[top][column]
            factor *= pivot
            rows[top] = [cell / pivot for cell in rows[top]]
            for r, row in enumerate(rows):
                if r != top and row[column]:
                    rows[r] = [cell - row[column] * other for cell, other in zip(row, rows[top])]
            pivots.append(column)
        return Matrix(rows), pivots, factor

    @property
    def rank(self):
        return len(self.echelon()[1])

    def determinant(self):
        _, pivots, factor = self.echelon()
        return factor if len(pivots) == len(self.rows) else Fraction(0)

    def inverse(self):
        size = len(self.rows)
        joined = Matrix([(*row, *unit) for row, unit in zip(self.rows, Matrix.identity(size).rows)])
        reduced, pivots, _ = joined.echelon()
        if pivots != list(range(size)):
            raise Singular(self.rank)
        return reduced[:, size:]

    def solve(self, right):
        """One solution and a basis of the null space."""
        width = self.shape[1]
        reduced, pivots, _ = Matrix([(*row, value) for row, value in zip(self.rows, right, strict=True)]).echelon()
        if width in pivots:
            raise Singular(self.rank)
        particular, basis = [Fraction(0)] * width, []
        for row, column in enumerate(pivots):
            particular[column] = reduced[row, width]
        for free in (c for c in range(width) if c not in pivots):
            vector = [Fraction(int(c == free)) for c in range(width)]
            for row, column in enumerate(pivots):
                vector[column] = -reduced[row, free]
            basis.append(vector)
        return particular, basis

    def characteristic(self):
        """Coefficients of det(xI - A), highest first (Faddeev-LeVerrier)."""
        size, coefficients = len(self.rows), [Fraction(1)]
        helper = Matrix.identity(size)
        for k in range(1, size + 1):
            product = self @ helper
            coefficients.append(-sum(product[i, i] for i in range(size)) / k)
            helper = product + Matrix.identity(size) * coefficients[-1]
        return coefficients


def show(vector):
    return "(" + ", ".join(map(str, vector)) + ")"


def leibniz(matrix):
    """The definition, to check the fast way against."""
    size = len(matrix.rows)
    sign = lambda p: (-1) ** sum(p[i] > p[j] for i in range(size) for j in range(i + 1, size))
    return sum(sign(p) * prod(matrix[i, p[i]] for i in range(size)) for p in permutations(range(size)))


hilbert = Matrix.from_function(5, lambda i, j: Fraction(1, i + j + 1))
print(hilbert, hilbert.inverse(), hilbert.determinant(), sep="\n")
print(hilbert @ hilbert.inverse() == Matrix.identity(5), leibniz(hilbert) == hilbert.determinant(), hash(hilbert.T) == hash(hilbert))
system = Matrix([[2, 1, -1], [-3, -1, 2], [-2, 1, 2]])
solution, _ = system.solve([8, -11, -3])
print(show(solution), show(system.characteristic()), system.determinant())
flat = Matrix([[1, 2, 3], [4, 5, 6], [7, 8, 9]])
solution, basis = flat.solve([6, 15, 24])
print(show(solution), [show(v) for v in basis], flat.rank, flat.determinant(), flat.echelon()[1])
for action in (
    lambda: flat.solve([1, 2, 4]), flat.inverse, lambda: flat @ Matrix([[1, 2]]), lambda: Matrix([[1], [2, 3]]), lambda: flat * 1.5, lambda: flat + Matrix([[1]]),
):  # fmt: skip
    try:
        print(action())
    except (Singular, ValueError, TypeError) as error:
        print(f"{type(error).__name__}: {error}")
fibonacci = Matrix([[1, 1], [1, 0]])
print((fibonacci**90)[0, 1], (fibonacci**-7)[0], fibonacci**0 == Matrix.identity(2), (3 * fibonacci - fibonacci)[0:1, :])
points = [(0, 1), (1, 3), (2, 2), (3, 5), (4, 7)]
design = Matrix([[1, x, x * x] for x, _ in points])
fit, _ = (design.T @ design).solve((design.T @ Matrix([[y] for _, y in points]))[:, 0])
print("fit", show(fit), "residual", sum((y - sum(c * x**k for k, c in enumerate(fit))) ** 2 for x, y in points))
common = reduce(lambda a, b: a * b // gcd(a, b), (cell.denominator for cell in fit))
print("as integers over", common, [int(c * common) for c in fit], [round(float(c), 6) for c in fit])
print(Matrix([["1/3", "0.25"], [Fraction(1, 7), 2]]).inverse(), Matrix([[0.1]])[0, 0] == Fraction(1, 10), sep="\n")
