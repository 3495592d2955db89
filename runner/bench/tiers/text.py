"""Strings: ROUNDS rounds (default 1) of splitting, joining, formatting, replacing and encoding."""

import os

LINE = "the quick brown fox, jumps over; the lazy dog: naïve café 12345"


def run(rounds):
    total = 0
    for number in range(rounds):
        words = f"{LINE} {number:06d}".replace(",", " ").split()
        text = "-".join(word.capitalize() for word in words if not word.isdigit())
        total += len(text.encode()) + text.count("o") + text.find("Dog") + len(text.upper().strip(";"))
        total += sum(1 for letter in text if letter in "aeiou")
    return total


rounds = int(os.environ.get("ROUNDS", "1"))
print(rounds, run(rounds))
