"""Generators that feed each other, and coroutines by hand."""
def numbers(end):
    yield from range(end)


def pairs(source):
    for one in source:
        other = next(source, None)
        if other is not None:
            yield one, other


def running():
    total = 0
    while True:
        total += yield total


adder = running()
next(adder)
for one, other in pairs(x for x in numbers(200000) if x % 3):
    result = adder.send(one ^ other)
print(result)
