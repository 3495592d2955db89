# /// sample
# title: A tokenizer built on regular expressions, and a pretty-printer
# tier: realworld
# ///
"""A small C-like language: tokens with positions, nested comments, error recovery, re-formatting, and statistics."""

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

SOURCE = r'''
/* header /* nested */ still comment */
int main(char **argv) {
  double x=1.5e-3,y = .5; // end of line
  if(x<=y&&argv[0]!=NULL){return 0x1F;}else{x+=y<<2;}
  string s = "tab\t quote\" u\u00e9 \
next line" ; char c='\n';
  while (x --> 0) { call(s, 'a', 007, 1_000u); @ }
  for(;;){ b = "never closed
  ; naïve = 0b102; π = r"raw\n" ; }
}
'''.lstrip()


class Kind(StrEnum):
    COMMENT = r"//[^\n]*"
    NUMBER = r"0[xX][\da-fA-F_]+u?|0[bB][01_]+u?|(?:\d[\d_]*)?\.\d+(?:[eE][+-]?\d+)?|\d[\d_]*(?:[eE][+-]?\d+|\.(?!\.))?u?"
    STRING = r'(?P<raw>r)"[^"\n]*"|"(?:[^"\\\n]|\\(?:.|\n))*"'
    CHAR = r"'(?:[^'\\\n]|\\.)'"
    NAME = r"[^\W\d]\w*"
    OPERATOR = r"<<=|>>=|\.\.\.|[-+*/%&|^=<>!]=|&&|\|\||<<|>>|->|\+\+|--|[-+*/%&|^=<>!~?:.,;(){}\[\]]"
    SPACE = r"[ \t]+"
    NEWLINE = r"\n"


KEYWORDS = frozenset("int char double string if else while for return".split())
MASTER = re.compile("|".join(f"(?P<{kind.name}>{kind.value})" for kind in Kind))
ESCAPES = {"n": "\n", "t": "\t", "\\": "\\", '"': '"', "'": "'", "0": "\0", "\n": ""}


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    line: int
    column: int
    value: object = None

    def __str__(self):
        shown = f" = {self.value!r}" if self.value is not None else ""
        return f"{self.line}:{self.column:<3} {self.kind:<8} {self.text!r}{shown}"


class Lexer:
    def __init__(self, source):
        self.source, self.position, self.line, self.start_of_line = source, 0, 1, 0
        self.errors = []

    def error(self, message):
        self.errors.append(f"{self.line}:{self.position - self.start_of_line + 1}: {message}")

    def advance(self, text):
        self.position += len(text)
        if lines := text.count("\n"):
            self.line += lines
            self.start_of_line = self.position - (len(text) - text.rindex("\n") - 1)

    def nested_comment(self):
        depth, end = 0, self.position
        for match in re.finditer(r"/\*|\*/", self.source[self.position :]):
            depth += 1 if match[0] == "/*" else -1
            end = self.position + match.end()
            if depth == 0:
                return self.source[self.position : end]
        self.error("comment is never closed")
        return self.source[self.position :]

    def value(self, kind, text, raw):
        if kind == "NUMBER":
            digits = text.rstrip("u").replace("_", "")
            if re.fullmatch(r"0\d+", digits):
                return int(digits, 8)
            return int(digits, 0) if re.fullmatch(r"\d+|0[xXbB].*", digits) else float(digits)
        if kind in ("STRING", "CHAR"):
            return text[2:-1] if raw else re.sub(r"\\(?:u([\da-f]{4})|(.|\n))", self.unescape, text[1:-1])
        return None

    def unescape(self, match):
        if match[1]:
            return chr(int(match[1], 16))
        if match[2] not in ESCAPES:
            self.error(f"unknown escape \\{match[2]}")
        return ESCAPES.get(match[2], match[2])

    def __iter__(self):
        while self.position < len(self.source):
            line, column = self.line, self.position - self.start_of_line + 1
            if self.source.startswith("/*", self.position):
                text = self.nested_comment()
                yield Token("COMMENT", text, line, column)
            elif match := MASTER.match(self.source, self.position):
                kind, text = match.lastgroup if match.lastgroup != "raw" else "STRING", match[0]
                following = self.source[match.end() : match.end() + 1]
                if kind == "NUMBER" and (following.isalnum() or following == "_"):
                    text += re.match(r"\w*", self.source[match.end() :])[0]
                    self.error(f"bad number {text!r}")
                    yield Token("BAD", text, line, column)
                elif kind == "NAME" and text in KEYWORDS:
                    yield Token("KEYWORD", text, line, column)
                elif kind not in ("SPACE", "NEWLINE"):
                    yield Token(kind, text, line, column, self.value(kind, text, match["raw"]))
            elif self.source[self.position] in "\"'":
                text = re.match(r"[^\n]*", self.source[self.position :])[0]
                self.error("literal is never closed")
                yield Token("BAD", text, line, column)
            else:
                text = self.source[self.position]
                self.error(f"unexpected {text!r}")
            self.advance(text)


def pretty(tokens):
    """One statement a line, braces indented, spaces by rule."""
    out, depth, line, previous, parens = [], 0, "", "", 0

    def flush():
        nonlocal line
        if line:
            out.append("    " * depth + line)
        line = ""

    for token in tokens:
        text = " ".join(token.text.split()) if token.kind == "COMMENT" else token.text
        tight = text in ";,)]" or previous in ("(", "[", "") or (text in "([" and re.fullmatch(r"\w+", previous) and previous not in ("if", "while", "for"))
        if text == "}":
            flush()
            depth -= 1
        if token.kind == "COMMENT" and text.startswith("/*"):
            flush()
        line += ("" if tight or not line else " ") + text
        parens += (text == "(") - (text == ")")
        if text in ("{", "}") or (text == ";" and not parens) or token.kind in ("COMMENT", "BAD"):
            flush()
            depth += text == "{"
        previous = text
    flush()
    return out


lexer = Lexer(SOURCE)
tokens = list(lexer)
print(*tokens[:14], *(t for t in tokens if t.value is not None), sep="\n")
print("errors:", *lexer.errors, sep="\n  ")
print(Counter(token.kind for token in tokens).most_common())
print("\n".join(pretty(tokens)))
again = list(Lexer("\n".join(pretty(t for t in tokens if t.kind != "BAD"))))
print([t.text for t in again if t.kind != "COMMENT"] == [t.text for t in tokens if t.kind not in ("BAD", "COMMENT")])

print("== corners of re")
print(re.findall(r"(?<![\w.])(\d+)(?!\d*\.)", "1 2.5 x3 44 .5 6."), re.split(r"(,|;)\s*", "a, b;c,,d"), re.sub(r"(?i)(?P<w>\w)(?P=w)", r"<\g<w>>", "Aa bb cd EE"))
print(re.fullmatch(r"(a+)+b", "aaab").span(1), re.search(r"(?s:a.b)", "a\nb") is not None, re.match(r"(?:(x)|(y))+", "xy").groups(), re.compile(r"\d", re.ASCII).findall("1٢"))
print(re.sub(r"\b(\w)(\w*)\b", lambda m: m[2] + m[1] + "ay", "pig latin"), [m.group() for m in re.finditer(r"(?=(\w{2}))", "abcd")], re.findall(r"(?=(\w{2}))", "abcd"))
print(re.match(r"(?>a+)ab", "aaab"), re.match(r"a++b", "aaab")[0], re.match(r"(a)?(?(1)b|c)", "c")[0], re.escape("a.b*[c]"), re.findall(r"\w+", "naïve café 日本"))
for pattern in (r"(", r"a**", r"(?P<1>x)", r"[z-a]", r"(?<=a+)b", r"\1", r"(?i"):
    try:
        re.compile(pattern)
    except re.error as error:
        print(f"{pattern!r:<12} {error.msg} at {error.pos}")
