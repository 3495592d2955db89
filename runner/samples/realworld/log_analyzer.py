# /// sample
# title: A log analyzer over standard input
# tier: realworld
# argv: --top 3 --slow 500
# stdin: |
#   10.0.0.1 - ann [29/Feb/2024:23:59:58 +0000] "GET /index.html HTTP/1.1" 200 5120 "-" "curl/8.0" 12ms
#   10.0.0.2 - - [29/Feb/2024:23:59:59 +0000] "GET /index.html HTTP/1.1" 304 0 "http://a.example/?q=\"x\"" "Mozilla/5.0 (X11; Linux)" 3ms
#   10.0.0.1 - ann [01/Mar/2024:01:00:00 +0100] "POST /api/items?id=7&tag=a%20b HTTP/1.1" 201 77 "-" "curl/8.0" 640ms
#   2001:db8::1 - - [01/Mar/2024:00:00:01 +0000] "GET /api/items/7 HTTP/2.0" 404 19 "-" "Bot/1.0 (+http://bot.example)" 5ms
#   Traceback (most recent call last):
#     File "app.py", line 3, in handler
#   ValueError: bad id
#   10.0.0.3 - bob [01/Mar/2024:00:00:05 +0000] "GET /api/items/../../etc/passwd HTTP/1.1" 400 0 "-" "-" 1ms
#   not a log line at all
#   10.0.0.1 - ann [01/Mar/2024:00:00:07 +0000] "GET /api/items/8?x=1;y=%C3%A9 HTTP/1.1" 500 0 "-" "curl/8.0" 1502ms
#   Traceback (most recent call last):
#     File "app.py", line 9, in fetch
#   TimeoutError
#   10.0.0.4 - - [01/Mar/2024:00:05:00 +0000] "DELETE /api/items/8 HTTP/1.1" 204 0 "-" "curl/8.0" 88ms
#   10.0.0.4 - - [31/Feb/2024:00:05:00 +0000] "GET / HTTP/1.1" 200 1 "-" "curl/8.0" 1ms
#   10.0.0.4 - - [01/Mar/2024:00:05:01 +0000] "\x16\x03\x01" 400 0 "-" "-" 0ms
#   10.0.0.2 - - [01/Mar/2024:00:06:10 +0000] "GET /api/items/9 HTTP/1.1" 200 100000 "-" "Mozilla/5.0 (X11; Linux)" 499ms
# ///
"""Parses access lines, joins tracebacks to the request before them, groups, computes percentiles, draws a histogram."""

import argparse
import ipaddress
import re
import statistics
import sys
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from urllib.parse import parse_qsl, unquote, urlsplit

LINE = re.compile(
    r"""
    (?P<host>\S+)\ \S+\ (?P<user>\S+)\ \[(?P<time>[^\]]+)\]\         # who and when
    "(?P<request>(?:[^"\\]|\\.)*)"\ (?P<status>\d{3})\ (?P<size>\d+)\  # what
    "(?P<referer>(?:[^"\\]|\\.)*)"\ "(?P<agent>[^"]*)"\ (?P<ms>\d+)ms   # from where
    """,
    re.VERBOSE,
)
REQUEST = re.compile(r"(?P<method>[A-Z]+) (?P<target>\S+) HTTP/(?P<version>\d(?:\.\d)?)")


class Hit(NamedTuple):
    host: ipaddress.IPv4Address | ipaddress.IPv6Address
    user: str | None
    time: datetime
    method: str
    path: str
    query: dict
    status: int
    size: int
    ms: int
    agent: str
    trace: list

    @property
    def route(self):
        """Numbers become a placeholder, so that one resource is one row."""
        return re.sub(r"/\d+(?=/|$)", "/:n", self.path)


def parse(line):
    match = LINE.fullmatch(line)
    if not match:
        return None
    request = REQUEST.fullmatch(match["request"])
    method, target = (request["method"], request["target"]) if request else ("?", "/" + match["request"])
    parts = urlsplit(target)
    return Hit(
        ipaddress.ip_address(match["host"]),
        None if match["user"] == "-" else match["user"],
        datetime.strptime(match["time"], "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC),
        method,
        unquote(parts.path),
        dict(parse_qsl(parts.query.replace(";", "&"), keep_blank_values=True)),
        int(match["status"]),
        int(match["size"]),
        int(match["ms"]),
        match["agent"].split("/")[0],
        [],
    )


def read(lines):
    """Yields hits; lines that are none belong to the traceback of the hit before, or are bad."""
    bad, last, tracing = [], None, False
    for number, line in enumerate(lines, start=1):
        line = line.rstrip("\n")
        try:
            hit = parse(line)
        except ValueError as error:
            bad.append((number, str(error)))
            continue
        if hit:
            last, tracing = hit, False
            yield hit
        elif line.startswith("Traceback") or (tracing and (line.startswith("  ") or re.match(r"\w+(Error|Exception)\b", line))):
            tracing = True
            last.trace.append(line.strip())
        else:
            bad.append((number, "not understood"))
    yield from ()
    for number, reason in bad:
        print(f"line {number}: {reason}", file=sys.stderr)


def percentile(values, share):
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    low = int(position)
    return ordered[low] + (ordered[min(low + 1, len(ordered) - 1)] - ordered[low]) * (position - low)


def size_of(count):
    for unit in ("B", "KiB", "MiB"):
        if count < 1024 or unit == "MiB":
            return f"{count:.1f} {unit}".replace(".0 ", " ")
        count /= 1024
    return None


def sessions(hits, gap=timedelta(minutes=2)):
    """Hits of one visitor with no pause longer than `gap`."""
    by_visitor = defaultdict(list)
    for hit in hits:
        by_visitor[(hit.host, hit.agent)].append(hit)
    for (host, agent), visits in sorted(by_visitor.items(), key=lambda item: (item[0][0].version, item[0])):
        start = 0
        for index in range(1, len(visits) + 1):
            if index == len(visits) or visits[index].time - visits[index - 1].time > gap:
                part = visits[start:index]
                yield host, agent, len(part), part[-1].time - part[0].time
                start = index


def main():
    parser = argparse.ArgumentParser("logs")
    parser.add_argument("--top", type=int, default=5)
    parser.add_argument("--slow", type=int, default=1000)
    options = parser.parse_args()
    hits = sorted(read(sys.stdin), key=lambda hit: hit.time)

    print(f"{len(hits)} hits from {hits[0].time:%Y-%m-%d %H:%M:%S} to {hits[-1].time.isoformat()}, {size_of(sum(h.size for h in hits))}")
    print("status", dict(sorted(Counter(f"{hit.status // 100}xx" for hit in hits).items())), "methods", Counter(h.method for h in hits).most_common())
    print("users", Counter(hit.user for hit in hits if hit.user), "private", sum(hit.host.is_private for hit in hits), "v6", sum(h.host.version == 6 for h in hits))
    print("== routes")
    routes = defaultdict(list)
    for hit in hits:
        routes[hit.route].append(hit)
    for route, group in sorted(routes.items(), key=lambda item: (-len(item[1]), item[0]))[: options.top]:
        times = [hit.ms for hit in group]
        print(f"{route:<16} {len(group)} hits, median {statistics.median(times):g} ms, p90 {percentile(times, 0.9):.1f}, sizes {sorted({h.size for h in group})}")
    print("== slow")
    for hit in (hit for hit in hits if hit.ms >= options.slow):
        print(f"{hit.ms:>5} ms {hit.method} {hit.path} {hit.query}" + (f" !! {hit.trace[-1]} in {len(hit.trace)} lines" if hit.trace else ""))
    print("== minutes")
    for minute, group in groupby(hits, key=lambda hit: hit.time.replace(second=0)):
        group = list(group)
        print(f"{minute:%H:%M} {'#' * len(group):<8} {statistics.fmean(h.ms for h in group):.2f} ms")
    print("== sessions")
    for host, agent, count, length in sessions(hits):
        print(f"{host!s:<12} {agent:<8} {count} hits in {length}")
    networks = Counter(str(ipaddress.ip_network(f"{hit.host}/{24 if hit.host.version == 4 else 64}", strict=False)) for hit in hits)
    print(networks.most_common(), [hit.path for hit in hits if ".." in hit.path or hit.method == "?"])


main()
