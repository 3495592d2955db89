"""A sieve on a bytearray and trial division."""
size = 400000
sieve = bytearray([1]) * size
sieve[0:2] = b"\0\0"
for i in range(2, int(size**0.5) + 1):
    if sieve[i]:
        sieve[i * i :: i] = bytes(len(range(i * i, size, i)))
print(sum(sieve), [n for n in range(100000, 100100) if all(n % d for d in range(2, 320))])
