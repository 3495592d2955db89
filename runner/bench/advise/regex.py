"""A log read by regular expressions."""
import re

line = re.compile(r"^(\d+\.\d+\.\d+\.\d+) - \[([^\]]+)\] \"(GET|POST) ([^\"]*)\" (\d{3})$")
log = [f'10.0.{i % 256}.{i % 7} - [2026-01-{i % 28 + 1:02d}] "{"GET" if i % 3 else "POST"} /page/{i % 97}" {200 + i % 5 * 100}' for i in range(30000)]
hits = {}
for entry in log:
    address, _, method, path, status = line.match(entry).groups()
    hits[method, status] = hits.get((method, status), 0) + len(re.sub(r"\d+", "#", path))
print(sorted(hits.items()))
