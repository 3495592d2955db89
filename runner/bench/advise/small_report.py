"""A short report: a few lines of data, one format."""
rows = [("apples", 3, 0.25), ("pears", 12, 0.4), ("plums", 7, 0.15)]
for name, count, price in rows:
    print(f"{name:<10}{count:>4}{count * price:>8.2f}")
print(f"{'total':<14}{sum(count * price for _, count, price in rows):>8.2f}")
