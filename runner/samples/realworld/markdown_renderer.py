# /// sample
# title: A Markdown renderer
# tier: realworld
# ///
"""Blocks, nested lists, tables, inline marks and links become HTML; what looks like a mark and is none stays text."""

import html
import re
import textwrap

DOCUMENT = """\
Title with *stress* & <angle>
=============================

A paragraph with **bold**, *it_al_ic*, ***both***, `code <b> *not*`, ~~gone~~ and a
hard break  
here. snake_case_stays, 2 * 3 * 4 stays, \\*escaped\\*, a ** alone.

## Links ##

[home](http://example.org/?a=1&b=2 "The \\"title\\""), [ref][one], [One][], ![alt *x*](i.png),
<https://auto.example/x_y_z>, <me@example.org>, [broken](, [unknown][nope], [evil](javascript:alert(1)).

[one]: /target 'Reference title'

* first
* second
  with a lazy line
  1. inner one
  7. inner two
     - deep

     still deep paragraph
* [x] done task
* [ ] open task

10. starts at ten
11. eleven

> Quoted **text**
continued lazily
> > nested
>
> * list in quote

| left | center | right |
|:-----|:------:|------:|
| a    | `b|c`  |   1   |
| **d** | e \\| f |

```python title
def f(x):
    return x < 1 and "*"
```

    indented code
      keeps space

***
Setext two
---
Last line with "quotes" and trailing #hash
#not a heading
####### seven
"""


class Inline:
    RULES = re.compile(
        r"""\\(?P<escape>[\\`*_{}\[\]()#+\-.!|~<>"])
        |(?P<ticks>`+)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)
        |<(?P<auto>[a-z][a-z+.-]+:[^\s<>]+|[\w.+-]+@[\w-]+(?:\.[\w-]+)+)>
        |(?P<image>!)?\[(?P<text>(?:[^\[\]\\]|\\.|\[[^\]]*\])*)\](?:\((?P<url>[^\s()]*(?:\([^\s()]*\))?)(?:\s+(?P<quote>["'])(?P<title>(?:\\.|(?!(?P=quote)).)*)(?P=quote))?\)|\[(?P<ref>[^\]]*)\])
        |(?P<mark>\*\*\*|\*\*|\*|~~|(?<!\w)_)(?=\S)(?P<inner>(?:.(?!(?P=mark)))*?\S)(?P=mark)(?!\*)(?(mark)(?<!\\\*))
        |(?P<break>\ {2,}\n)""",
        re.VERBOSE | re.DOTALL,
    )
    TAGS = {"***": ("<em><strong>", "</strong></em>"), "**": ("<strong>", "</strong>"), "*": ("<em>", "</em>"), "_": ("<em>", "</em>"), "~~": ("<del>", "</del>")}

    def __init__(self, references):
        self.references = references

    def render(self, text):
        out, position = [], 0
        for match in self.RULES.finditer(text):
            out += html.escape(text[position : match.start()], quote=False), self.replace(match)
            position = match.end()
        return "".join(out) + html.escape(text[position:], quote=False)

    def replace(self, match):
        if match["escape"]:
            return html.escape(match["escape"])
        if match["code"]:
            return f"<code>{html.escape(match['code'].strip(), quote=False)}</code>"
        if auto := match["auto"]:
            return f'<a href="{"mailto:" if ":" not in auto else ""}{html.escape(auto)}">{html.escape(auto)}</a>'
        if match["mark"]:
            before, after = self.TAGS[match["mark"]]
            return f"{before}{self.render(match['inner'])}{after}"
        if match["break"]:
            return "<br>\n"
        return self.link(match)

    def link(self, match):
        url, title = match["url"], match["title"]
        if url is None:
            key = " ".join((match["ref"] or match["text"]).lower().split())
            if key not in self.references:
                return html.escape(match[0], quote=False)
            url, title = self.references[key]
        if re.match(r"(?i)\s*(javascript|data|vbscript):", url):
            return self.render(match["text"])
        extra = f' title="{html.escape(re.sub(r"\\(.)", r"\1", title))}"' if title else ""
        if match["image"]:
            return f'<img src="{html.escape(url)}" alt="{html.escape(re.sub("[*_`]", "", match["text"]))}"{extra}>'
        return f'<a href="{html.escape(url)}"{extra}>{self.render(match["text"])}</a>'


class Blocks:
    ITEM = re.compile(r"(?P<mark>[*+-]|(?P<number>\d{1,9})[.)])(?P<space> +|$)")

    def __init__(self, text):
        self.references = {}
        text = re.sub(r"(?m)^\[([^\]]+)\]:\s*(\S+)(?:\s+['\"(](.*)['\")])?\n", self.collect, text)
        self.inline, self.lines = Inline(self.references), text.split("\n")

    def collect(self, match):
        self.references[match[1].lower()] = (match[2], match[3])
        return ""

    def render(self, lines=None, loose=True):
        lines = list(self.lines if lines is None else lines)
        while lines:
            line = lines[0]
            if not line.strip():
                lines.pop(0)
            elif fence := re.match(r"(```+|~~~+) *(\w*)", line):
                body = self.take(lines[1:], lambda l: not l.startswith(fence[1]))
                del lines[: len(body) + 2]
                language = f' class="language-{fence[2]}"' if fence[2] else ""
                yield f"<pre><code{language}>{html.escape(chr(10).join(body))}\n</code></pre>"
            elif line.startswith("    "):
                body = self.take(lines, lambda l: l.startswith("    ") or not l.strip())
                del lines[: len(body)]
                yield f"<pre><code>{html.escape(textwrap.dedent(chr(10).join(body)).rstrip())}\n</code></pre>"
            elif re.fullmatch(r" {0,3}([*_-])(?: *\1){2,} *", line):
                lines.pop(0)
                yield "<hr>"
            elif heading := re.fullmatch(r"(#{1,6}) +(.*?)(?: +#+)? *", line):
                lines.pop(0)
                yield f"<h{len(heading[1])}>{self.inline.render(heading[2])}</h{len(heading[1])}>"
            elif line.startswith(">"):
                body = self.take(lines, lambda l: l.strip())
                del lines[: len(body)]
                yield "<blockquote>\n" + "\n".join(self.render([re.sub("^> ?", "", l) for l in body])) + "\n</blockquote>"
            elif self.ITEM.match(line):
                yield from self.list(lines)
            elif "|" in line and len(lines) > 1 and re.fullmatch(r"\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?", lines[1]):
                yield from self.table(lines)
            else:
                yield from self.paragraph(lines, loose)

    @staticmethod
    def take(lines, test):
        return lines[: next((i for i, line in enumerate(lines) if not test(line)), len(lines))]

    def paragraph(self, lines, loose):
        body = [lines.pop(0)]
        while lines and lines[0].strip() and not re.match(r"#{1,6} |>|```|[*+-] |\d+[.)] ", lines[0]):
            if underline := re.fullmatch(r"(=+|-+) *", lines[0]):
                level = 1 if underline[1][0] == "=" else 2
                lines.pop(0)
                yield f"<h{level}>{self.inline.render(chr(10).join(body))}</h{level}>"
                return
            body.append(lines.pop(0).lstrip())
        text = self.inline.render("\n".join(body))
        yield f"<p>{text}</p>" if loose else text

    def list(self, lines):
        first = self.ITEM.match(lines[0])
        tag = "ol" if first["number"] else "ul"
        items = []
        while lines and (mark := self.ITEM.match(lines[0])) and bool(mark["number"]) == bool(first["number"]):
            width = mark.end() if mark["space"] else mark.end() + 1
            body = [lines.pop(0)[width:]]
            while lines and (not lines[0].strip() or lines[0].startswith(" " * min(width, 2)) or (body[-1].strip() and not self.ITEM.match(lines[0]))):
                if not lines[0].strip() and not (len(lines) > 1 and (lines[1].startswith("  ") or self.ITEM.match(lines[1]))):
                    break
                line = lines.pop(0)
                body.append(line[min(width, len(line) - len(line.lstrip())) :])
            items.append(body)
        loose = any(any(not line.strip() for line in body[:-1]) for body in items)
        yield f"<ol start={first['number']}>" if first["number"] not in (None, "1") else f"<{tag}>"
        for body in items:
            box = re.match(r"\[([ x])\] ", body[0])
            checkbox = f"<input type=checkbox disabled{' checked' if box[1] == 'x' else ''}> " if box else ""
            body[0] = body[0][4:] if box else body[0]
            yield "<li>" + checkbox + "\n".join(self.render(body, loose)) + "</li>"
        yield f"</{tag}>"

    def table(self, lines):
        split = lambda line: [cell.strip() for cell in re.findall(r"(?:`[^`]*`|\\.|[^|\\])+", line.strip().strip("|"))]
        head, rule = split(lines.pop(0)), split(lines.pop(0))
        align = [{(True, True): "center", (False, True): "right"}.get((c[0] == ":", c[-1] == ":")) for c in rule]
        yield "<table>"
        for index, row in enumerate([head, *map(split, self.take(lines, lambda l: "|" in l))]):
            cells = zip([*row, *[""] * len(head)][: len(head)], align)
            tag = "td" if index else "th"
            yield "<tr>" + "".join(f"<{tag}{f' align={a}' if a else ''}>{self.inline.render(c)}</{tag}>" for c, a in cells) + "</tr>"
        del lines[: len(self.take(lines, lambda l: "|" in l))]
        yield "</table>"


print("\n".join(Blocks(DOCUMENT).render()))
for text in ("", "*a", "**a*", "`` ` ``", "[a]()", "***", "-\n-", "a_b_c _d_", "\\", "&amp; & <", "**é**ñ"):
    print(f"{text!r:<14} {list(Blocks(text).render())}")
