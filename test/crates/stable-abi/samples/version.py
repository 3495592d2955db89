# /// sample
# title: The version that a program for the stable ABI finds
# ///
"""Which interpreter it is, and a part of its own standard library."""

import json
import platform
import sys

print(platform.python_version(), platform.python_implementation())
print(sys.version_info >= (3, 11), sys.hexversion == int(f"{sys.hexversion}"))
print(json.dumps({"release": list(sys.version_info[:3]), "cache": sys.implementation.cache_tag}))
try:
    import stable
except ImportError:
    # The reference interpreter, which has none of the program's modules.
    total, counts = sum, [1, 2, 3]
else:
    counter = stable.Counter()
    total, counts = stable.total, [counter(), counter(), counter()]
print(total([1, 2, 3, 4]), counts)
