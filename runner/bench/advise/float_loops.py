"""Bodies that attract each other."""
bodies = [[float(i), i * 0.5, -i * 0.25, 0.0, 0.0, 0.0, 1.0 + i] for i in range(1, 6)]
for _ in range(2500):
    for i, one in enumerate(bodies):
        for other in bodies[i + 1 :]:
            dx, dy, dz = one[0] - other[0], one[1] - other[1], one[2] - other[2]
            pull = 0.001 / (dx * dx + dy * dy + dz * dz + 0.1) ** 1.5
            for axis, d in enumerate((dx, dy, dz)):
                one[3 + axis] -= d * other[6] * pull
                other[3 + axis] += d * one[6] * pull
    for one in bodies:
        for axis in range(3):
            one[axis] += 0.001 * one[3 + axis]
print([round(value, 4) for value in bodies[0]])
