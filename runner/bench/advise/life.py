"""Conway's game of life on a set of cells."""
cells = {(x, y) for x in range(40) for y in range(40) if (x * y + x) % 3 == 0}
for _ in range(12):
    counts = {}
    for x, y in cells:
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                if dx or dy:
                    key = x + dx, y + dy
                    counts[key] = counts.get(key, 0) + 1
    cells = {cell for cell, count in counts.items() if count == 3 or (count == 2 and cell in cells)}
print(len(cells), sum(x * y for x, y in cells))
