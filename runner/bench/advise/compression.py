"""Compression of text and back."""
import bz2
import lzma
import zlib

text = "".join(f"line {i} of a text that repeats itself {i % 7}\n" for i in range(8000)).encode()
print([(len(module.compress(text)) < len(text) // 5, module.decompress(module.compress(text)) == text) for module in (zlib, bz2, lzma)])
