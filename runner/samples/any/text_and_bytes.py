# /// sample
# title: Text, bytes and what lies between
# tier: any
# ///
"""Decoding what came over a wire, cleaning it, and laying it out again."""

import base64
import binascii
import codecs
import string
import struct
import textwrap
import unicodedata
from string import Template

SAMPLES = ["plain", "naïve café", "日本語", "🎉 party", "ß", "ﬁne", "İstanbul", "e\u0301", "\u202eabc", "tab\there", ""]


def attempt(action):
    try:
        return repr(action())
    except (UnicodeError, ValueError, LookupError, struct.error) as error:
        return f"{type(error).__name__}: {error}"


def widths():
    print("== code points, code units, cases")
    for text in SAMPLES:
        utf8 = text.encode()
        print(
            f"{text!a:<16} {len(text)} chars {len(utf8)} utf-8 {len(text.encode('utf-16-le')) // 2} utf-16"
            f" upper={text.upper()!a} fold={text.casefold()!a}"
        )
    print("Straße".casefold() == "STRASSE".casefold(), "ǆ".title(), "ΑΣ".lower(), "it's o'clock".title(), string.capwords("it's  o'clock"))


def normal_forms():
    print("== normal forms")
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        print(form, [ascii(unicodedata.normalize(form, text)) for text in ("é", "e\u0301", "ﬁ", "①", "Å")])
    print([(unicodedata.name(c, "?"), unicodedata.category(c), unicodedata.numeric(c, -1)) for c in "½٣a_\n"])
    strip = lambda text: "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    print(strip("Žluťoučký kůň"), "x²".isidentifier(), "日本".isidentifier(), "²".isdigit(), "²".isdecimal(), "½".isnumeric())


def error_handlers():
    print("== error handlers")
    broken = b"ok \xff\xfe caf\xc3 \xed\xa0\x80 end"
    for handler in ("strict", "replace", "ignore", "backslashreplace", "surrogateescape"):
        print(f"{handler:<18}", attempt(lambda: ascii(broken.decode("utf-8", handler))))
    escaped = broken.decode("utf-8", "surrogateescape")
    print(escaped.encode("utf-8", "surrogateescape") == broken)
    for handler in ("strict", "replace", "xmlcharrefreplace", "namereplace"):
        print(f"{handler:<18}", attempt(lambda: "π ≈ 3".encode("latin-1", handler)))

    def question(error):
        return ("<" + error.object[error.start : error.end].hex() + ">", error.end)

    codecs.register_error("bracket", question)
    print(broken.decode("ascii", "bracket"))
    print(attempt(lambda: b"abc".decode("no-such-codec")), attempt(lambda: "\ud800".encode()))
    decoder = codecs.getincrementaldecoder("utf-8")()
    print([decoder.decode(bytes([byte])) for byte in "é€".encode()], attempt(lambda: decoder.decode(b"\xe2", final=True)))


def raw_bytes():
    print("== bytes")
    buffer = bytearray(b"header:payload")
    view = memoryview(buffer)
    view[7:] = b"PAYLOAD"
    view[0:6:5] = b"H!"
    print(buffer, bytes(view[::-3]), view[-1], view.tolist()[:3])
    try:
        buffer.append(1)
    except BufferError as error:
        print("BufferError:", error)
    view.release()
    buffer.extend(b"\x00\x01")
    print(buffer.partition(b":"), buffer.translate(None, b"AEIOU!"), bytes.fromhex("DE ad 0a").hex("-"), b"%05d|%b" % (7, b"x"))
    packet = struct.pack(">BHhIq3sd", 1, 515, -2, 0xDEADBEEF, -(2**40), b"abcd", 1.5)
    print(packet.hex(), struct.unpack(">BHhIq3sd", packet), struct.calcsize("<BHI"))
    print(attempt(lambda: struct.pack("<B", 256)), attempt(lambda: struct.unpack("<I", b"abc")))
    print(base64.b64encode(b"\xfb\xff?"), base64.urlsafe_b64encode(b"\xfb\xff?"), base64.b32encode(b"hi"), base64.b85encode(b"hello"))
    print(attempt(lambda: base64.b64decode("abc")), binascii.crc32(b"123456789"), binascii.b2a_qp("é=".encode()))


def layout():
    print("== layout")
    for spec in ("<12", ">12", "^12", "*^12", "=+12", ".3", "5.2"):
        print(f"{spec:<6}|", attempt(lambda: format("text", spec)), "|", attempt(lambda: format(-3.14159, spec)))
    rows = [("id", "naam"), (1, "Zoë"), (20, "Bo")]
    for key, name in rows:
        print(f"|{key!s:>4}|{name:-<6}|")
    text = "The quick brown fox, surprisingly, jumps over extraordinarily lazy dogs."
    print(textwrap.fill(text, 28, subsequent_indent="  "), textwrap.shorten(text, 30), textwrap.dedent("   a\n     b\n   c"), sep="\n")
    print(Template("$who owes $$${amount}").safe_substitute(who="Ann"), "{0[k]} {1.real} {0[k]!r:>5}".format({"k": "v"}, 3))
    print("a,b,,c".split(","), " a  b ".split(), "a\r\nb\x0bc\n".splitlines(True), "x=1=2".rpartition("="), "abcabc".replace("b", "-", 1))
    print("banana".strip("ab"), "banana".removesuffix("na"), "%-5s|%+d|%x" % ("ab", 3, 255), str.maketrans("ab", "xy", "c"), "a\0b".isprintable())


widths()
normal_forms()
error_handlers()
raw_bytes()
layout()
