"""Errors that are raised and caught."""
class Refused(Exception):
    pass


def check(number):
    if number % 3 == 0:
        raise Refused(number)
    return {1: "one"}[number % 3]


counts = [0, 0, 0]
for number in range(120000):
    try:
        counts[len(check(number)) - 3] += 1
    except Refused as refused:
        counts[1] += refused.args[0] & 1
    except KeyError:
        counts[2] += 1
print(counts)
