# /// sample
# title: An archive in Zstandard
# tier: realworld
# requires: files, module:_zstd
# python: >=3.14
# ///
"""PEP 784: compression.zstd with a dictionary, in pieces, damaged, and inside of tar and zip. Sizes are the library's."""

import io
import os
import tarfile
import tempfile
import zipfile
from compression import zstd
from compression.zstd import CompressionParameter, DecompressionParameter, Strategy

TEXT = "".join(f"{n:05d}\tentry {n % 17}\t{'x' * (n % 23)}\n" for n in range(3000)).encode()


def attempt(label, work):
    try:
        print(label, "->", work())
    except (zstd.ZstdError, EOFError, ValueError, TypeError) as error:
        print(label, "->", type(error).__name__)


print("== whole")
for level in (-5, 1, 3, 19):
    packed = zstd.compress(TEXT, level)
    print(level, zstd.decompress(packed) == TEXT, len(packed) < len(TEXT) // 3)
checked = {CompressionParameter.compression_level: 7, CompressionParameter.checksum_flag: True}
packed = zstd.compress(TEXT, options=checked)
info = zstd.get_frame_info(packed)
print(info.decompressed_size == len(TEXT), info.dictionary_id, zstd.get_frame_size(packed) == len(packed))

print("== in pieces")
compressor, pieces = zstd.ZstdCompressor(options={CompressionParameter.strategy: Strategy.btopt}), []
for start in range(0, len(TEXT), 4093):
    pieces.append(compressor.compress(TEXT[start : start + 4093]))
pieces.append(compressor.flush())
stream = b"".join(pieces) + b"the rest"
decompressor, out = zstd.ZstdDecompressor(), bytearray()
while not decompressor.eof:
    if decompressor.needs_input:
        chunk, stream = stream[:1000], stream[1000:]
        out += decompressor.decompress(chunk, 5000)
    else:
        out += decompressor.decompress(b"", 5000)
print(out == TEXT, decompressor.eof, decompressor.unused_data + stream == b"the rest")
two = zstd.compress(b"first ") + zstd.compress(b"second")
print(zstd.decompress(two))

print("== damage")
attempt("cut off", lambda: zstd.decompress(packed[:-10]))
attempt("flipped", lambda: zstd.decompress(packed[:200] + bytes([packed[200] ^ 255]) + packed[201:]))
attempt("other", lambda: zstd.decompress(b"no frame at all"))
attempt("window", lambda: zstd.decompress(packed, options={DecompressionParameter.window_log_max: 10}))
attempt("level", lambda: zstd.compress(b"", 1000))
attempt("both", lambda: zstd.compress(b"", 3, checked))

print("== dictionary")
samples = [f'{{"id": {n}, "name": "name {n % 10}", "kind": "entry of the table"}}'.encode() for n in range(1000)]
dictionary = zstd.train_dict(samples, 4096)
with_it, without = zstd.compress(samples[5], zstd_dict=dictionary), zstd.compress(samples[5])
print(len(with_it) < len(without), zstd.decompress(with_it, zstd_dict=dictionary) == samples[5])
print(zstd.get_frame_info(with_it).dictionary_id == dictionary.dict_id != 0)
attempt("without the dictionary", lambda: zstd.decompress(with_it))
again = zstd.ZstdDict(dictionary.dict_content)
print(again.dict_id == dictionary.dict_id, zstd.decompress(with_it, zstd_dict=again) == samples[5])

print("== files")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "text.zst")
    with zstd.open(path, "wt", encoding="utf-8") as file:
        file.write(TEXT.decode())
    with zstd.open(path, "at", encoding="utf-8") as file:
        file.write("ende\n")
    with zstd.open(path, "rt", encoding="utf-8") as file:
        lines = file.readlines()
    print(len(lines), lines[0], lines[-1], sep="|", end="\n")
    with zstd.ZstdFile(path) as file:
        file.seek(6)
        print(file.read(7), file.tell(), file.seekable())

    archive = os.path.join(folder, "a.tar.zst")
    with tarfile.open(archive, "w:zst", level=5) as tar:
        member = tarfile.TarInfo("folder/text")
        member.size = len(TEXT)
        tar.addfile(member, io.BytesIO(TEXT))
    with tarfile.open(archive) as tar:
        print(tar.getnames(), tar.extractfile("folder/text").read() == TEXT)

    archive = os.path.join(folder, "a.zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_ZSTANDARD) as zipped:
        zipped.writestr("text", TEXT)
    with zipfile.ZipFile(archive) as zipped:
        print(zipped.testzip(), zipped.getinfo("text").compress_type == zipfile.ZIP_ZSTANDARD, zipped.read("text") == TEXT)
