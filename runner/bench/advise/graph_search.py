"""Shortest paths on a grid, with a heap."""
import heapq

size = 90
cost = {(x, y): (x * 7 + y * 13) % 9 + 1 for x in range(size) for y in range(size)}
best, heap = {(0, 0): 0}, [(0, (0, 0))]
while heap:
    distance, (x, y) = heapq.heappop(heap)
    if distance > best[x, y]:
        continue
    for step in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
        if step in cost and distance + cost[step] < best.get(step, 10**9):
            best[step] = distance + cost[step]
            heapq.heappush(heap, (best[step], step))
print(best[size - 1, size - 1])
