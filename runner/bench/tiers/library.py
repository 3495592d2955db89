"""The library's work in C: ROUNDS rounds (default 1) of regular expressions, JSON, digests, compression and sorting."""

import hashlib
import json
import os
import re
import zlib

PATTERN = re.compile(r"(\w+)-(\d{2,})(?:\.(\w+))?")


def run(rounds):
    total = 0
    for number in range(rounds):
        lines = [f"item{i}-{i * number + 10}.part{i % 7}" for i in range(200)]
        text = "\n".join(lines)
        found = PATTERN.findall(text)
        copied = json.loads(json.dumps({"found": found, "number": number}))
        digest = hashlib.sha256(text.encode() * 20).digest()
        packed = zlib.compress(text.encode(), 6)
        ordered = sorted(lines * 3, reverse=True)
        total += len(copied["found"]) + digest[0] + len(zlib.decompress(packed)) + len(ordered[0])
    return total


rounds = int(os.environ.get("ROUNDS", "1"))
print(rounds, run(rounds))
