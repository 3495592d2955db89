"""Starts a server, waits until it listens, asks it, and ends it: all in one sandbox, whose network nobody else sees.

Reads a job as JSON from standard input and writes its outcome as JSON to standard output (`Job` and `Outcome` in job.ts). Whether
a port is listened on is read from the kernel's table (proc(5), /proc/net/tcp) and not tried: a server that takes one
connection and ends would be asked by the trial already.
"""

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

#: State of a socket that listens (TCP_LISTEN, include/net/tcp_states.h of Linux).
LISTENS = "0A"
#: Seconds between two looks at what a server does.
LOOK = 0.02
#: Seconds that a server may take to end after SIGTERM.
GRACE = 5
#: Bytes of each output, and of an answer, that are kept.
LARGEST = 8 * 1024 * 1024



class Server:
    def __init__(self, job):
        self.outputs = {name: open(f"server.{name}", "w+b") for name in ("stdout", "stderr")}
        with open("server.stdin", "w+b") as given:
            given.write(job["stdin"].encode())
            given.seek(0)
            self.process = subprocess.Popen(
                job["command"] + job["args"], env=job["env"], stdin=given, start_new_session=True, **self.outputs
            )

    def read(self, name):
        with open(f"server.{name}", "rb") as output:
            return output.read(LARGEST)

    def ended(self):
        return self.process.poll() is not None

    def end(self):
        """Ends it by SIGTERM, and with SIGKILL what is left of it; returns whether SIGTERM was sent."""
        asked = not self.ended()
        if asked:
            self.process.terminate()
            try:
                self.process.wait(GRACE)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        return asked


def listeners(port):
    """Addresses that are listened on at a port, those of IPv4 first."""
    found = []
    for table, address in (("tcp", "127.0.0.1"), ("tcp6", "::1")):
        try:
            with open(f"/proc/net/{table}") as lines:
                rows = [line.split() for line in lines][1:]
        except OSError:
            continue
        if any(row[3] == LISTENS and int(row[1].rpartition(":")[2], 16) == port for row in rows):
            found.append(address)
    return found


def printed_port(server, ready):
    """Whether the text of `ready` was printed, and the port in it where it has one."""
    pattern = re.escape(ready).replace(re.escape("{port}"), "([0-9]{1,5})").encode()
    for name in ("stdout", "stderr"):
        match = re.search(pattern, server.read(name))
        if match is not None:
            return True, int(match[1]) if match.groups() else None
    return False, None


def wait_until_it_listens(server, job):
    """Port and address of a server that listens; `None` where it ended, or the time is over, before that."""
    until = time.monotonic() + job["start"]
    while True:
        port, printed = job.get("port"), True
        if "ready" in job:
            printed, named = printed_port(server, job["ready"])
            port = port if named is None else named
        addresses = [] if port is None else listeners(port)
        if printed and (port is None or addresses):
            return {"port": port, "address": addresses[0] if addresses else None}
        if server.ended() or time.monotonic() > until:
            return None
        time.sleep(LOOK)


def ask(job, where, request, seconds):
    if "http" in request:
        return ask_http(where, request, seconds)
    if "tcp" in request:
        return ask_tcp(where, request, seconds)
    words = [word.replace("{port}", str(where["port"])) for word in request["args"]]
    done = subprocess.run(
        job["command"] + words,
        env=job["env"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
    )
    return {"status": done.returncode, "body": done.stdout, "stderr": done.stderr}


def ask_http(where, request, seconds):
    link = http.client.HTTPConnection(where["address"], where["port"], timeout=seconds)
    body = request.get("body")
    link.request(request["method"], request["http"], None if body is None else body.encode())
    answer = link.getresponse()
    return {"status": answer.status, "body": answer.read(LARGEST)}


def ask_tcp(where, request, seconds):
    """Sends the text and reads until the server closes, or as many bytes as are expected have come."""
    until = time.monotonic() + seconds
    wanted = LARGEST if request.get("expect") is None else len(request["expect"].encode())
    with socket.create_connection((where["address"], where["port"]), seconds) as link:
        link.sendall(request["tcp"].encode())
        answer = b""
        while len(answer) < wanted:
            link.settimeout(max(LOOK, until - time.monotonic()))
            try:
                more = link.recv(65536)
            except TimeoutError:
                if answer:
                    break
                raise
            if not more:
                break
            answer += more
    return {"body": answer}


def answers(job, server, where):
    until = time.monotonic() + job["timeout"]
    for request in job["ask"]:
        began = time.monotonic()
        try:
            answer = ask(job, where, request, max(LOOK, until - began))
        except (TimeoutError, subprocess.TimeoutExpired):
            answer = {"error": f"no answer came within {round(time.monotonic() - began, 1)} s"}
        except (OSError, http.client.HTTPException) as error:
            answer = {"error": f"{type(error).__name__}: {error}".rstrip(": ")}
        yield answer
        if "error" in answer:
            return


def main():
    job = json.load(sys.stdin)
    if "port" in job and listeners(job["port"]):
        return {"outcome": "taken"}
    server = Server(job)
    where = wait_until_it_listens(server, job)
    outcome = "asked" if where is not None else "ended" if server.ended() else "silent"
    given = list(answers(job, server, where)) if where is not None else []
    terminated = server.end()
    code = server.process.returncode
    return {
        "outcome": outcome,
        "answers": given,
        "terminated": terminated,
        "exit": {"status": code} if code >= 0 else {"signal": signal.Signals(-code).name},
        "stdout": server.read("stdout"),
        "stderr": server.read("stderr"),
    }


def encoded(value):
    return base64.b64encode(value).decode("ascii")


json.dump(main(), sys.stdout, default=encoded)
