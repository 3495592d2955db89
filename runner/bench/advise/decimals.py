"""Money with decimals, and exact fractions."""
from decimal import Decimal
from fractions import Fraction

balance = Decimal("1000.00")
for month in range(20000):
    balance += (balance * Decimal("0.0001")).quantize(Decimal("0.01")) - Decimal("0.07")
print(balance, sum((Fraction(1, n) for n in range(1, 300)), Fraction()).limit_denominator(10**6))
