"""Large integers: a factorial, a power and Fibonacci numbers."""
a, b = 0, 1
for _ in range(12000):
    a, b = b, a + b
product = 1
for i in range(1, 2500):
    product *= i
print(a % 10**20, product % (10**9 + 7), pow(3, 100003, 10**40 + 1), len(bin(product)))
