"""Sorting of numbers, of strings and by keys."""
state, numbers = 42, []
for _ in range(60000):
    state = (state * 1103515245 + 12345) % 2**31
    numbers.append(state)
words = [str(number) for number in numbers]
pairs = sorted(zip(numbers, words), key=lambda pair: (pair[0] % 1000, pair[1]))
numbers.sort(), words.sort(reverse=True)
print(numbers[0], words[0], pairs[5])
