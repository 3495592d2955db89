"""Digests and checksums of growing texts."""
import hashlib
import zlib

digest, check = hashlib.sha256(), 0
for i in range(3000):
    text = f"block {i} ".encode() * 200
    digest.update(text)
    check = zlib.crc32(hashlib.md5(text).digest(), check)
print(digest.hexdigest(), check)
