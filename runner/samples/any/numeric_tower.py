# /// sample
# title: The numeric tower, mixed and at its edges
# tier: any
# ///
"""Integers of any size, floats to the last bit, exact fractions and decimals, and a number type of one's own."""

import math
import numbers
import operator
from decimal import Decimal, FloatOperation, localcontext
from fractions import Fraction


class Mod7:
    """Integers modulo 7, mixing with int from either side."""

    def __init__(self, value):
        self.value = operator.index(value) % 7

    def _coerce(self, other):
        if isinstance(other, Mod7):
            return other.value
        if isinstance(other, int):
            return other
        return None

    def _binary(op):
        def forward(self, other):
            number = self._coerce(other)
            return NotImplemented if number is None else Mod7(op(self.value, number))

        def backward(self, other):
            number = self._coerce(other)
            return NotImplemented if number is None else Mod7(op(number, self.value))

        return forward, backward

    __add__, __radd__ = _binary(operator.add)
    __sub__, __rsub__ = _binary(operator.sub)
    __mul__, __rmul__ = _binary(operator.mul)
    del _binary

    def __pow__(self, exponent, modulo=None):
        return Mod7(pow(self.value, exponent, 7))

    def __truediv__(self, other):
        return self * pow(self._coerce(other), -1, 7)

    def __eq__(self, other):
        number = self._coerce(other)
        return NotImplemented if number is None else self.value == number % 7

    def __hash__(self):
        return hash(self.value)

    def __round__(self, digits=None):
        return f"rounded to {digits}"

    def __divmod__(self, other):
        return ("divmod", self.value, other)

    def __neg__(self):
        return Mod7(-self.value)

    def __repr__(self):
        return f"{self.value} mod 7"


def attempt(label, action):
    try:
        print(f"{label:<34} {action()!r}")
    except (ArithmeticError, ValueError, TypeError) as error:
        print(f"{label:<34} {type(error).__name__}: {error}")


print("== integers")
big = 3**200
print(big, big.bit_length(), big.bit_count(), (-big).bit_length(), len(str(big)))
print(math.isqrt(big) ** 2 == big, math.gcd(2**64, 6**30), math.lcm(12, 18, 27), math.comb(60, 30), math.perm(10, 3))
print([divmod(a, b) for a in (7, -7) for b in (3, -3)], [(-7) // 2, -7 % 3, 7 >> 1, -7 >> 1, ~7, -1 << 3])
print(pow(3, 1000, 10**9 + 7), pow(38, -1, 97), (5).to_bytes(2, "big"), (-5).to_bytes(2, "little", signed=True).hex())
print(int("-0x1F", 16), int("0b101", 0), int("１２"), int("1_000"), 0o17, f"{1234567:_} {1234567:,} {255:#x} {-5:08b}")
attempt("int('12a')", lambda: int("12a"))
attempt("pow(2, -1, 4)", lambda: pow(2, -1, 4))
attempt("1 << -1", lambda: 1 << -1)
attempt("str of 5000 digits", lambda: str(10**5000))

print("== floats")
print(0.1 + 0.2, 1e16 + 1, 5e-324, 1.7976931348623157e308, 1e22, 1e23, -0.0, 100000000000000000.0)
print((0.1).hex(), float.fromhex("0x1.8p+1"), (0.1).as_integer_ratio(), (1e300).is_integer(), (2.5).__floor__())
print([round(x) for x in (0.5, 1.5, 2.5, -0.5)], round(2.675, 2), round(1234, -2), round(-1250, -2), round(1e22, 2))
print(math.fsum([0.1] * 10), sum([0.1] * 10), math.nextafter(1, 2), math.ulp(1.0), math.frexp(10), math.ldexp(0.625, 4))
print(float("1e400"), -float("inf"), math.inf - math.inf, 1e308 * 10, max(1.0, math.nan), min(math.nan, 1.0))
print(-7.5 // 2, -7.5 % 2, math.fmod(-7.5, 2), math.remainder(7.5, 2), math.trunc(-2.7), math.ceil(-2.7), 5.0 % -math.inf)
print(f"{1e10:g} {12345.678:.2e} {0.000012345:g} {2/3:.3%} {3.0:+.1f} {math.pi:10.4f}| {1e15:,.1f} {7.0!r:>6}")
attempt("1.0 / 0", lambda: 1.0 / 0)
attempt("0.0 ** -1", lambda: 0.0**-1)
attempt("int(inf)", lambda: int(math.inf))
attempt("10 ** 400 + 0.5", lambda: 10**400 + 0.5)
attempt("float('0x10')", lambda: float("0x10"))

print("== exact")
third = Fraction(1, 3)
print(third + Fraction("0.25"), third * 3 == 1, third + 0.5, third + 1, Fraction(0.1), Fraction(0.1).limit_denominator(100))
print(third**2, third**-2, Fraction(4) ** Fraction(1, 2), -third // 1, round(Fraction(7, 2)), f"{Fraction(22, 7):.5f}")
with localcontext() as context:
    context.prec = 12
    print(Decimal(1) / 3, Decimal("1.10") + 2, Decimal("-7") % 3, Decimal("-7") // 2, Decimal(2).sqrt(), Decimal("1e-3"))
    print(Decimal("0.1") == Fraction(1, 10), Decimal("0.1") == 0.1, Decimal(0.5) == 0.5, Decimal("1.0").normalize())
    context.traps[FloatOperation] = True
    attempt("Decimal compared to float, trapped", lambda: Decimal("0.5") < 0.6)
attempt("Fraction + Decimal", lambda: third + Decimal(1))
attempt("Fraction(1, 0)", lambda: Fraction(1, 0))

print("== complex")
z = 3 - 4j
print(abs(z), z.conjugate() * z, z == 3 - 4j, complex("1+2j"), z**2, (1 + 0j) == 1, -z, 1j * 1j, f"{z:.2f}")
attempt("3 < 4j", lambda: 3 < 4j)
attempt("int(1j)", lambda: int(1j))

print("== mixing and the abstract tower")
values = [True, 2, 0.5, Fraction(1, 4), 1j]
for value in values:
    kinds = [kind.__name__ for kind in (numbers.Integral, numbers.Rational, numbers.Real, numbers.Complex) if isinstance(value, kind)]
    print(type(value).__name__, [type(value + other).__name__ for other in values], kinds)
print(isinstance(Decimal(1), numbers.Number), isinstance(Decimal(1), numbers.Real), sum(values), math.prod(values[:4]))

print("== modulo seven")
three = Mod7(3)
print(three + 5, 5 - three, three * three, 2 * three, three**6, three / 5, -three, sum([three] * 4), three == 10, three == 3.0)
print(round(three, 2), divmod(three, 2), {three: "x"}[Mod7(10)])
attempt("Mod7 + 1.5", lambda: three + 1.5)
attempt("Mod7 / 7", lambda: three / 7)
