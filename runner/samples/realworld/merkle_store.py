# /// sample
# title: A content-addressed store with hashes, snapshots and proofs
# tier: realworld
# ///
"""Files by the hash of their content, trees in canonical JSON, history, differences, Merkle proofs and damage found."""

import hashlib
import hmac
import json
import secrets
from base64 import b32encode
from dataclasses import dataclass


class Damaged(Exception):
    pass


def digest(data, algorithm="sha256"):
    return hashlib.new(algorithm, data).hexdigest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


class Store:
    def __init__(self):
        self.objects, self.refs = {}, {}

    def put(self, kind, data):
        body = b"%s %d\0%s" % (kind.encode(), len(data), data)
        name = digest(body)
        self.objects.setdefault(name, body)
        return name

    def get(self, name, kind):
        body = self.objects.get(name)
        if body is None:
            raise KeyError(f"no object {name[:8]}")
        if digest(body) != name:
            raise Damaged(f"object {name[:8]} is damaged")
        header, _, data = body.partition(b"\0")
        found, size = header.decode().split()
        if found != kind or int(size) != len(data):
            raise Damaged(f"object {name[:8]} is {header.decode()}, not a {kind}")
        return data

    def put_tree(self, tree):
        entries = {name: ["tree", self.put_tree(item)] if isinstance(item, dict) else ["blob", self.put("blob", item)] for name, item in tree.items()}
        return self.put("tree", canonical(entries))

    def walk(self, name, path=()):
        for entry, (kind, target) in json.loads(self.get(name, "tree")).items():
            if kind == "tree":
                yield from self.walk(target, (*path, entry))
            else:
                yield "/".join((*path, entry)), target

    def commit(self, branch, tree, message):
        parent = self.refs.get(branch)
        name = self.put("commit", canonical({"tree": self.put_tree(tree), "parent": parent, "message": message}))
        self.refs[branch] = name
        return name

    def log(self, branch):
        name = self.refs[branch]
        while name:
            commit = json.loads(self.get(name, "commit"))
            yield name, commit
            name = commit["parent"]

    def diff(self, old, new):
        """Subtrees with one hash are not looked into."""
        left, right = (dict(self.walk(json.loads(self.get(name, "commit"))["tree"])) for name in (old, new))
        moved = {target: path for path, target in left.items() if path not in right}
        for path in sorted(left.keys() | right.keys()):
            if path not in left:
                source = moved.pop(right[path], None)
                yield f"R {source} -> {path}" if source else f"A {path}"
            elif path not in right:
                if left[path] not in right.values():
                    yield f"D {path}"
            elif left[path] != right[path]:
                yield f"M {path}"

    def check(self):
        problems, reached, queue = [], set(), [("commit", name) for name in self.refs.values()]
        while queue:
            kind, name = queue.pop()
            if name in reached:
                continue
            reached.add(name)
            try:
                data = self.get(name, kind)
            except (KeyError, Damaged) as error:
                problems.append(error.args[0])
                continue
            if kind == "commit":
                commit = json.loads(data)
                queue += [("tree", commit["tree"])] + ([("commit", commit["parent"])] if commit["parent"] else [])
            elif kind == "tree":
                queue += map(tuple, json.loads(data).values())
        return sorted(problems), len(self.objects) - len(reached & self.objects.keys())


@dataclass(frozen=True)
class Merkle:
    """A hash tree over a list; an odd node moves up as it is. Leaves and nodes are hashed apart."""

    leaves: tuple

    def levels(self):
        level = [digest(b"\0" + leaf) for leaf in self.leaves]
        yield level
        while len(level) > 1:
            level = [digest(b"\1" + bytes.fromhex("".join(level[i : i + 2]))) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
            yield level

    @property
    def root(self):
        return list(self.levels())[-1][0]

    def proof(self, index):
        steps = []
        for level in list(self.levels())[:-1]:
            sibling = index ^ 1
            if sibling < len(level):
                steps.append(("left" if sibling < index else "right", level[sibling]))
            index //= 2
        return steps


def verify(root, leaf, steps):
    current = digest(b"\0" + leaf)
    for side, sibling in steps:
        pair = sibling + current if side == "left" else current + sibling
        current = digest(b"\1" + bytes.fromhex(pair))
    return hmac.compare_digest(current, root)


def chunks(data, mask=0x1F, least=8):
    """Cut where a rolling sum says so: an insertion moves few borders."""
    start, rolling = 0, 0
    for position, byte in enumerate(data):
        rolling = (rolling * 31 + byte) & 0xFFFFFFFF
        if position - start + 1 >= least and (rolling >> 7) & mask == 0:
            yield data[start : position + 1]
            start, rolling = position + 1, 0
    if start < len(data):
        yield data[start:]


store = Store()
first = store.commit("main", {"readme": b"hello\n", "src": {"a.py": b"a", "b.py": b"b"}, "copy": {"a.py": b"a", "b.py": b"b"}, "empty": {}}, "first")
second = store.commit("main", {"readme": b"hello, world\n", "src": {"a.py": b"a"}, "lib": {"b.py": b"b"}, "copy": {"a.py": b"a", "b.py": b"b"}, "ü": b"\xff"}, "söcond")
print(first, second, sep="\n")
print([(name[:8], commit["message"]) for name, commit in store.log("main")], len(store.objects), list(store.diff(first, second)), sep="\n")
print({path: name[:6] for path, name in store.walk(json.loads(store.get(second, "commit"))["tree"])})
print(store.check())
blob = store.put("blob", b"unreachable")
victim = dict(store.walk(json.loads(store.get(first, "commit"))["tree"]))["readme"]
store.objects[victim] = store.objects[victim].replace(b"hello", b"jello")
print(store.check())
for action in (lambda: store.get(victim, "blob"), lambda: store.get(first, "blob"), lambda: store.get("0" * 64, "tree")):
    try:
        action()
    except (Damaged, KeyError) as error:
        print(f"{type(error).__name__}: {error.args[0]}")

print("== proofs")
for count in (1, 2, 5, 8):
    tree = Merkle(tuple(f"leaf {n}".encode() for n in range(count)))
    good = [verify(tree.root, leaf, tree.proof(n)) for n, leaf in enumerate(tree.leaves)]
    forged = verify(tree.root, b"forged", tree.proof(0)), verify(tree.root, tree.leaves[0], tree.proof(count - 1)[::-1]) if count > 2 else False
    print(count, tree.root[:16], all(good), forged, [side for side, _ in tree.proof(count - 1)])

print("== chunks")
text = b"".join(hashlib.sha256(bytes([n])).digest() for n in range(40))
changed = text[:300] + b"INSERTED" + text[300:]
before, after = ([digest(chunk) for chunk in chunks(data)] for data in (text, changed))
print(len(before), len(after), len(set(before) & set(after)), b"".join(chunks(changed)) == changed, [len(c) for c in chunks(text)][:8])

print("== algorithms")
for name in ("md5", "sha1", "sha224", "sha512", "sha3_256", "blake2b", "blake2s"):
    print(f"{name:<9}", digest(b"abc", name)[:32], hashlib.new(name).digest_size, hashlib.new(name).block_size)
print(hashlib.shake_128(b"x").hexdigest(8), hashlib.blake2b(b"x", digest_size=8, key=b"k", salt=b"s", person=b"p").hexdigest())
print(hmac.new(b"key", b"message", "sha256").hexdigest()[:32], b32encode(hashlib.sha1(b"").digest()).decode())
running = hashlib.sha256()
for part in (b"a", b"b"):
    running.update(part)
fork = running.copy()
fork.update(b"c")
print(running.hexdigest() == digest(b"ab"), fork.hexdigest() == digest(b"abc"), len(secrets.token_hex(8)), secrets.compare_digest(b"a", b"b"))
