"""What every platform has, WebAssembly too."""
# title: The standard library without facilities of a platform
import decimal
import json
import sys

print(json.dumps({"version": list(sys.version_info[:3]), "sum": str(decimal.Decimal("0.1") + 1)}))
print(json.__file__.startswith(sys.prefix), __name__)
