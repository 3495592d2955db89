"""The interpreter's loop and integers, and nothing else: 5 million rounds in a function."""


def loop(rounds):
    acc = 0
    for i in range(rounds):
        acc += i * i - (i & 7)
    return acc


print(loop(5_000_000))
