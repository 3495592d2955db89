"""Arithmetic on floats: ROUNDS steps (default 1) of a small system of equations and an approximation of pi."""

import math
import os


def run(rounds):
    x, y, z, area = 1.0, 0.5, 0.25, 0.0
    for i in range(rounds):
        dx, dy, dz = 10.0 * (y - x), x * (28.0 - z) - y, x * y - 2.667 * z
        x, y, z = x + 0.005 * dx, y + 0.005 * dy, z + 0.005 * dz
        area += math.sqrt(1.0 - ((i + 0.5) / rounds) ** 2) / rounds
    return x, y, z, 4 * area


rounds = int(os.environ.get("ROUNDS", "1"))
print(rounds, *(f"{value:.6f}" for value in run(rounds)))
