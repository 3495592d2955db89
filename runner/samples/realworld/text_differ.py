# /// sample
# title: A text differ: Myers, words, three-way merge, patches
# tier: realworld
# ///
"""Its own shortest edit script, compared with difflib; unified patches written, parsed and applied; merges with conflicts."""

import difflib
import re
from itertools import groupby

OLD = """\
The quick brown fox
jumps over
the lazy dog.

It was a bright cold day
in April, and the clocks
were striking thirteen.
The end.
""".splitlines(keepends=True)
NEW = """\
A preface
The quick red fox
jumps over
the lazy dog.
It was a bright cold day
in April; and the clocks
were striking thirteen.
Was it?
The end.
""".splitlines(keepends=True)


def myers(a, b):
    """Shortest edit script: list of (op, a index, b index), op one of ' ', '-', '+'."""
    furthest, trail = {1: 0}, []
    for distance in range(len(a) + len(b) + 1):
        trail.append(dict(furthest))
        for k in range(-distance, distance + 1, 2):
            down = k == -distance or (k != distance and furthest[k - 1] < furthest[k + 1])
            x = furthest[k + 1] if down else furthest[k - 1] + 1
            while x < len(a) and x - k < len(b) and a[x] == b[x - k]:
                x += 1
            furthest[k] = x
            if x >= len(a) and x - k >= len(b):
                return backtrack(a, b, trail)
    raise AssertionError("unreachable")


def backtrack(a, b, trail):
    x, y, script = len(a), len(b), []
    for distance, furthest in reversed(list(enumerate(trail))):
        k = x - y
        down = k == -distance or (k != distance and furthest[k - 1] < furthest[k + 1])
        before_k = k + 1 if down else k - 1
        before_x = furthest[before_k]
        before_y = before_x - before_k
        while x > before_x and y > before_y and x > 0 and y > 0:
            x, y = x - 1, y - 1
            script.append((" ", x, y))
        if distance:
            script.append(("+", x, before_y) if down else ("-", before_x, y))
        x, y = before_x, before_y
    return script[::-1]


def apply_script(a, b, script):
    return [a[i] if op == " " else b[j] for op, i, j in script if op != "-"]


class PatchError(Exception):
    pass


def apply_patch(lines, patch):
    """Applies a unified diff, looking a few lines around where a hunk does not fit."""
    lines, shift = list(lines), 0
    body = [line for line in patch if not line.startswith(("---", "+++"))]
    hunks = re.split(r"(?m)^(?=@@ )", "".join(body))[1:]
    for number, hunk in enumerate(hunks, start=1):
        header, *rows = hunk.splitlines(keepends=True)
        start = int(re.match(r"@@ -(\d+)", header)[1]) - 1 + shift
        wanted = [row[1:] for row in rows if row[0] in " -"]
        given = [row[1:] for row in rows if row[0] in " +"]
        for offset in sorted(range(-3, 4), key=abs):
            at = max(start + offset, 0)
            if lines[at : at + len(wanted)] == wanted:
                lines[at : at + len(wanted)] = given
                shift += len(given) - len(wanted) + offset
                break
        else:
            raise PatchError(f"hunk {number} ({header.strip()}) fits nowhere")
    return lines


def merge3(base, ours, theirs):
    """Chunks in which only one side changed are taken, others become conflicts."""
    def edits(side):
        matcher = difflib.SequenceMatcher(None, base, side, autojunk=False)
        return [(i1, i2, side[j1:j2]) for op, i1, i2, j1, j2 in matcher.get_opcodes() if op != "equal"]

    out, position, conflicts = [], 0, 0
    changes = sorted([(*e, "ours") for e in edits(ours)] + [(*e, "theirs") for e in edits(theirs)], key=lambda e: (e[0], e[1], e[3]))
    while changes:
        group, end = [changes.pop(0)], 0
        end = group[0][1]
        while changes and changes[0][0] <= end and (changes[0][0] < end or changes[0][1] == changes[0][0] or group[0][0] == changes[0][0]):
            group.append(changes.pop(0))
            end = max(end, group[-1][1])
        start = group[0][0]
        out += base[position:start]
        versions = {side: list(rebuild(base, start, end, [g for g in group if g[3] == side])) for side in ("ours", "theirs")}
        touched = {g[3] for g in group}
        if len(touched) == 1 or versions["ours"] == versions["theirs"]:
            out += versions[min(touched)]
        else:
            conflicts += 1
            out += ["<<<<<<< ours\n", *versions["ours"], "=======\n", *versions["theirs"], ">>>>>>> theirs\n"]
        position = end
    return out + base[position:], conflicts


def rebuild(base, start, end, edits):
    for first, last, content, _ in edits:
        yield from base[start:first]
        yield from content
        start = last
    yield from base[start:end]


def word_diff(old, new):
    a, b = re.findall(r"\w+|\W", old), re.findall(r"\w+|\W", new)
    parts = []
    for op, steps in groupby(myers(a, b), key=lambda step: step[0]):
        text = "".join(b[j] if op == "+" else a[i] for _, i, j in steps)
        parts.append({" ": "{}", "-": "[-{}-]", "+": "{{+{}+}}"}[op].format(text))
    return "".join(parts)


print("== shortest edit script")
script = myers(OLD, NEW)
print("".join(f"{op}{(NEW[j] if op == '+' else OLD[i])}" for op, i, j in script), end="")
print(sum(op != " " for op, *_ in script), apply_script(OLD, NEW, script) == NEW)
for a, b in (("ABCABBA", "CBABAC"), ("", "abc"), ("abc", ""), ("same", "same"), ("", ""), ("kitten", "sitting")):
    steps = myers(a, b)
    print(f"{a!r} -> {b!r}: {''.join(op for op, *_ in steps)!r} ok={''.join(apply_script(a, b, steps)) == b}")

print("== unified and back")
patch = list(difflib.unified_diff(OLD, NEW, "old.txt", "new.txt", n=1))
print("".join(patch), end="")
print(apply_patch(OLD, patch) == NEW, apply_patch(["moved\n", "down\n", *OLD], patch)[2:] == NEW)
try:
    apply_patch(["nothing alike\n"], patch)
except PatchError as error:
    print("PatchError:", error)

print("== words, ratios, close matches")
print(word_diff("in April, and the clocks", "in May; and then the clocks"))
print(round(difflib.SequenceMatcher(None, "".join(OLD), "".join(NEW)).ratio(), 4), difflib.get_close_matches("appel", ["ape", "apple", "peach", "appeal"]))
print(*difflib.ndiff(["one\n", "two\n"], ["ore\n", "two\n", "tree\n"]), sep="", end="")

print("== three-way merge")
ours = ["A preface\n", *OLD[:5], "in May, and the clocks\n", *OLD[6:]]
theirs = [*OLD[:2], "the sleepy dog.\n", *OLD[3:5], "in June, and the clocks\n", *OLD[6:], "Really.\n"]
merged, conflicts = merge3(OLD, ours, theirs)
print("".join(merged), end="")
print(conflicts, merge3(OLD, OLD, NEW) == (NEW, 0), merge3(OLD, NEW, NEW) == (NEW, 0), merge3(OLD, [], []) == ([], 0))
