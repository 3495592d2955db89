"""Many small objects with methods, compared and hashed."""
from dataclasses import dataclass, replace


@dataclass(frozen=True, order=True)
class Point:
    x: int
    y: int

    def moved(self, by):
        return replace(self, x=self.x + by, y=self.y - by)


points = [Point(i % 50, i % 31) for i in range(12000)]
moved = {point.moved(3) for point in points}
print(len(moved), max(moved), sum(point.x for point in sorted(points)[:100]))
