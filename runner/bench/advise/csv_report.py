"""A table in CSV, read, grouped and written."""
import collections
import csv
import io

source = "day,shop,amount\n" + "".join(f"{i % 365},{'north' if i % 3 else 'south'},{i % 97}\n" for i in range(40000))
sums = collections.Counter()
for row in csv.DictReader(io.StringIO(source)):
    sums[row["shop"], int(row["day"]) // 31] += int(row["amount"])
output = io.StringIO()
csv.writer(output).writerows((*key, value) for key, value in sorted(sums.items()))
print(output.getvalue().count("\n"), sums.most_common(2))
