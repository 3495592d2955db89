"""Palindromes and letter counts of generated words."""
letters = "abcdefghijklmnopqrstuvwxyz"
found, counts = 0, dict.fromkeys(letters, 0)
for number in range(40000):
    word = "".join(letters[(number >> shift) % 26] for shift in range(0, 15, 3))
    found += word == word[::-1]
    counts[word[0]] += len(word.strip("a").replace("b", "bb").title())
print(found, sorted(counts.items(), key=lambda pair: -pair[1])[:3])
