# /// sample
# title: Round trips through every compressor
# tier: realworld
# requires: module:zlib, module:bz2, module:lzma
# ///
"""Each compressor takes a text in pieces and gives it back; damage is noticed. Sizes are not shown: they are the library's."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

TEXT = "".join(f"{i:05d} the quick brown fox, žluťoučký kůň\n" for i in range(3000)).encode()


def in_pieces(compressor):
    parts = [compressor.compress(TEXT[at : at + 4096]) for at in range(0, len(TEXT), 4096)]
    return b"".join([*parts, compressor.flush()])


for name, compressor, decompress in (
    ("zlib", zlib.compressobj(9), zlib.decompress),
    ("bz2", bz2.BZ2Compressor(), bz2.decompress),
    ("xz", lzma.LZMACompressor(), lzma.decompress),
    ("lzma", lzma.LZMACompressor(lzma.FORMAT_ALONE), lzma.decompress),
    ("gzip", zlib.compressobj(6, zlib.DEFLATED, 31), gzip.decompress),
):
    packed = in_pieces(compressor)
    print(f"{name}: a tenth at most: {len(packed) * 10 < len(TEXT)}, equal: {decompress(packed) == TEXT}")
    try:
        decompress(packed[: len(packed) // 2])
    except (zlib.error, EOFError, ValueError, lzma.LZMAError) as error:
        print(f"  cut off: {type(error).__name__}")

print(f"crc32 {zlib.crc32(TEXT):08x}, adler32 {zlib.adler32(TEXT):08x}")

archive = io.BytesIO()
with zipfile.ZipFile(archive, "w") as out:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        out.writestr(zipfile.ZipInfo(f"method-{method}.txt"), TEXT[:5000], compress_type=method)
with zipfile.ZipFile(archive) as back:
    print([(info.filename, info.file_size) for info in back.infolist()], back.testzip())

for mode in ("gz", "bz2", "xz"):
    tape = io.BytesIO()
    with tarfile.open(fileobj=tape, mode=f"w:{mode}") as out:
        entry = tarfile.TarInfo("folder/text.txt")
        entry.size = len(TEXT)
        out.addfile(entry, io.BytesIO(TEXT))
    tape.seek(0)
    with tarfile.open(fileobj=tape) as back:
        member = back.getmember("folder/text.txt")
        print(mode, member.size, back.extractfile(member).read() == TEXT)
