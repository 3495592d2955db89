"""The standard library is there, extension modules too, and nothing of another Python."""
# title: The standard library of an embedded Python
import ctypes
import decimal
import hashlib
import json
import sqlite3
import sys
import zlib

print(sys.version_info[:3], sys.implementation.name)
print(json.dumps({"sum": str(decimal.Decimal("0.1") + decimal.Decimal("0.2"))}))
print(hashlib.sha256(b"embedded").hexdigest())
print(zlib.decompress(zlib.compress(b"squeezed")))
print(sqlite3.connect(":memory:").execute("select 1 + 1").fetchone())
print(ctypes.sizeof(ctypes.c_void_p) in (4, 8))
print(json.__file__.startswith(sys.prefix), sys.prefix == sys.base_prefix, __name__)
