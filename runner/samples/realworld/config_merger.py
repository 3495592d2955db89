# /// sample
# title: Layers of INI, JSON and TOML merged into one configuration
# tier: realworld
# ///
"""Reads three formats, merges by rules, substitutes references, tells where each value came from, and validates."""

import configparser
import json
import re
import tomllib
from dataclasses import dataclass
from datetime import date

DEFAULTS_INI = """
[server]
host = localhost
port = 8080
url = http://${server.host}:${server.port}/
debug = no

[paths]
root = /srv/app
logs = ${paths.root}/logs
; a comment
multi =
    first
    second
"""
SITE_TOML = """
title = "Überseite"
[server]
port = 9000
timeouts = { connect = 1.5, read = 30 }
[[users]]
name = "ann"
roles = ["admin", "dev"]
[[users]]
name = "bob"
since = 2024-02-29
[paths]
"with space" = '${paths.root}/a b'
big = 0xff_ff
text = '''
two
lines'''
"""
USER_JSON = """
{"server": {"debug": true, "timeouts": {"read": null, "write": 5}, "tags+": ["x"]},
 "users": [{"name": "cy", "roles": ["dev"]}],
 "paths": {"root": "/home/me", "cost": "$${not a reference}", "escaped": "\\u00fc\\ud83d\\ude00"}}
"""
BROKEN = {
    "twice.ini": "[a]\nx=1\nx=2\n", "nosection.ini": "x=1\n", "bad.toml": 'a = 1\na = 2\n', "worse.toml": "[t\nx = 1", "date.toml": "d = 2023-02-30",
    "bad.json": '{"a": 1,}', "nan.json": '{"a": NaN}', "list.json": "[1]", "twice.json": '{"a": 1, "a": 2}', "what.yaml": "a: 1",
}  # fmt: skip


class ConfigError(Exception): ...


@dataclass
class Value:
    content: object
    origin: str


def unique(pairs):
    table = dict(pairs)
    if len(table) != len(pairs):
        names = [key for key, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} is there twice")
    return table


def parse(name, text):
    try:
        match name.rsplit(".", 1)[-1]:
            case "ini":
                parser = configparser.ConfigParser(interpolation=None, strict=True)
                parser.optionxform = str
                parser.read_string(text, name)
                return {section: {key: guess(value) for key, value in parser[section].items()} for section in parser.sections()}
            case "toml":
                return tomllib.loads(text)
            case "json":
                data = json.loads(text, object_pairs_hook=unique, parse_constant=lambda name: int(name))
                if not isinstance(data, dict):
                    raise ValueError(f"a table is wanted, not {type(data).__name__}")
                return data
            case other:
                raise ValueError(f"cannot read .{other}")
    except (ValueError, configparser.Error) as error:
        raise ConfigError(f"{name}: {' '.join(str(error).split())}") from error


def guess(text):
    if text.lower() in ("yes", "no", "on", "off", "true", "false"):
        return text.lower() in ("yes", "on", "true")
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    return text.strip().split("\n") if "\n" in text else text


def merge(base, layer, origin, path=()):
    """Tables merge, null removes, `key+` adds to a list, everything else replaces."""
    for key, value in layer.items():
        adding = key.endswith("+")
        key = key.removesuffix("+")
        here = base.get(key)
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict):
            if not isinstance(here, dict):
                here = base[key] = {}
            merge(here, value, origin, (*path, key))
        elif adding:
            if here is not None and not isinstance(here.content, list):
                raise ConfigError(f"{origin}: {'.'.join((*path, key))} is no list")
            base[key] = Value((here.content if here else []) + value, f"{here.origin}+{origin}" if here else origin)
        else:
            base[key] = Value(value, origin)
    return base


def lookup(tree, path):
    for part in path.split("."):
        if not isinstance(tree, dict) or part not in tree:
            raise ConfigError(f"nothing at {path}")
        tree = tree[part]
    return tree


def resolve(tree, text, seen=()):
    def substitute(match):
        if match[0] == "$$":
            return "$"
        path = match[1]
        if path in seen:
            raise ConfigError(f"circle: {' -> '.join((*seen, path))}")
        found = lookup(tree, path)
        if isinstance(found, dict):
            raise ConfigError(f"{path} is a table")
        content = found.content
        return resolve(tree, content, (*seen, path)) if isinstance(content, str) else str(content)

    return re.sub(r"\$\$|\$\{([^}]*)\}", substitute, text)


def flatten(tree, path=()):
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from flatten(value, (*path, key))
        else:
            yield ".".join((*path, key)), value


SCHEMA = {"server.port": (int, range(1, 10000)), "server.debug": (bool, None), "server.host": (str, None), "server.timeouts.read": (float, None), "paths.root": (str, None)}


def validate(flat):
    for path, (kind, allowed) in SCHEMA.items():
        if path not in flat:
            yield f"{path} is missing"
        elif type(flat[path].content) is not kind:
            yield f"{path} should be {kind.__name__}, is {flat[path].content!r} (from {flat[path].origin})"
        elif allowed is not None and flat[path].content not in allowed:
            yield f"{path} out of {allowed} (from {flat[path].origin})"


def encode(value):
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} in output")


tree = {}
for name, text in (("defaults.ini", DEFAULTS_INI), ("site.toml", SITE_TOML), ("user.json", USER_JSON)):
    merge(tree, parse(name, text), name)
merge(tree, {"server": {"tags+": ["y"], "port": 99999}}, "argv")
flat = dict(flatten(tree))
for path in sorted(flat):
    value = flat[path]
    content = resolve(tree, value.content) if isinstance(value.content, str) else value.content
    print(f"{path:<24} {json.dumps(content, default=encode, ensure_ascii=False):<58} {value.origin}")
print("problems:", *validate(flat), sep="\n  ")
print("== errors")
for name, text in BROKEN.items():
    try:
        print(parse(name, text))
    except ConfigError as error:
        print(error, "<-", type(error.__cause__).__name__)
for layer in ({"a": "${b.c}", "b": {"c": "${a}"}}, {"a": "${b}", "b": {"c": 1}}, {"a": "${x.y}"}):
    try:
        print(resolve(merge({}, layer, "test"), layer["a"], ("a",)))
    except ConfigError as error:
        print(error)
try:
    merge({"a": Value(1, "x")}, {"a+": [2]}, "y")
except ConfigError as error:
    print(error)
