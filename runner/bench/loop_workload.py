"""The pure loop: LOOP_N rounds (default 1) of arithmetic on small integers in a function, and nothing else.

It imports nothing but `os`, which every start has loaded anyway, and prints one line: the rounds and the sum.
"""

import os


def run(rounds):
    total = 0
    for i in range(rounds):
        total += i * i - (i & 7)
    return total


rounds = int(os.environ.get("LOOP_N", "1"))
print(rounds, run(rounds))
