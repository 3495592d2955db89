"""Products of matrices as lists of lists."""
def product(a, b):
    columns = list(zip(*b))
    return [[sum(x * y for x, y in zip(row, column)) for column in columns] for row in a]


matrix = [[(i * j) % 10 for j in range(60)] for i in range(60)]
result = matrix
for _ in range(4):
    result = [[value % 1000003 for value in row] for row in product(result, matrix)]
print(sum(map(sum, result)))
