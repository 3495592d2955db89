"""Lists, dictionaries, sets, tuples and comprehensions: ROUNDS rounds (default 1)."""

import os


def run(rounds):
    checksum = 0
    for number in range(rounds):
        items = [(i * 7919 + number) % 101 for i in range(24)]
        counts = {}
        for item in items:
            counts[item] = counts.get(item, 0) + 1
        seen = {item for item in items if item & 1}
        pairs = sorted(counts.items(), key=lambda pair: (pair[1], -pair[0]))
        checksum = (checksum * 31 + pairs[0][0] + len(seen) + sum(items[3:9])) & 0xFFFFFFFF
    return checksum


rounds = int(os.environ.get("ROUNDS", "1"))
print(rounds, run(rounds))
