"""Runs a script as `python3 script.py arguments` would, and prints as JSON what its time went into.

    python3 profile.py SCRIPT [ARGUMENT...]

The output of the script is discarded. Every half millisecond the instruction that was just executed is looked at
(setitimer(2)): CPython handles signals behind calls, at the beginning of functions and at the ends of loops, so `call` is
time in functions of C, `function` in Python's own, `loop` in loops; `import` all below an import statement; `long` what went
by without any of them, in one operation of C. Milliseconds of CPU time. `error` is there where the script cannot be compiled.
"""

import opcode
import os
import signal
import sys
import time
import _thread

INTERVAL = 0.0005
LONG = 4 * INTERVAL
DEPTH = 60

KINDS = {"RESUME": "function", "JUMP_BACKWARD": "loop", "JUMP_BACKWARD_NO_INTERRUPT": "loop"}
totals = dict.fromkeys(("call", "function", "loop", "import", "long", "other"), 0.0)
threads = 0
last = 0.0


def tick(_number, frame):
    global last
    now = time.process_time()
    spent, last = now - last, now
    kind = kind_of(frame)
    if kind != "import" and spent > LONG:
        totals["long"] += spent - INTERVAL
        spent = INTERVAL
    totals[kind] += spent


def kind_of(frame):
    code, at = frame.f_code.co_code, frame.f_lasti
    for _ in range(DEPTH):
        if frame is None:
            break
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return "import"
        frame = frame.f_back
    name = opcode.opname[code[at]] if at >= 0 else ""
    return "call" if name.startswith("CALL") else KINDS.get(name, "other")


def counting(start):
    def started(*arguments, **options):
        global threads
        threads += 1
        return start(*arguments, **options)

    return started


def main():
    global last
    report = os.fdopen(os.dup(1), "w")
    nothing = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nothing, number)
    script = sys.argv[1]
    with open(script, "rb") as file:
        source = file.read()
    try:
        code = compile(source, script, "exec", dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        report.write(json({"error": [error.__class__.__name__, str(error), getattr(error, "lineno", None)]}))
        return
    sys.argv[:] = sys.argv[1:]
    sys.path[0] = os.path.dirname(script)
    for name in ("start_new_thread", "start_joinable_thread"):
        if hasattr(_thread, name):
            setattr(_thread, name, counting(getattr(_thread, name)))
    before = set(sys.modules)
    own = sys.modules["__main__"]
    module = sys.modules["__main__"] = type(sys)("__main__")
    module.__file__, module.__builtins__ = script, __builtins__
    signal.signal(signal.SIGALRM, tick)
    begun = last = time.process_time()
    signal.setitimer(signal.ITIMER_REAL, INTERVAL, INTERVAL)
    try:
        exec(code, module.__dict__)
    except BaseException:
        pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    spent = time.process_time() - begun
    sys.modules["__main__"] = own
    new = set(sys.modules) - before
    native = sorted(name for name in new if is_extension(sys.modules.get(name)))
    report.write(
        json({
            "ms": spent * 1000,
            "samples": {kind: value * 1000 for kind, value in totals.items()},
            "modules": len(new),
            "extensions": native[:40],
            "threads": threads,
        })
    )
    report.close()


def is_extension(module):
    return type(getattr(getattr(module, "__spec__", None), "loader", None)).__name__ == "ExtensionFileLoader"


def json(value):
    """Of what is reported here: the module `json` may be one of those that the script imports."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json(name)}:{json(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(json, value)) + "]"
    if value is None:
        return "null"
    if isinstance(value, str):
        return '"' + "".join(f"\\u{ord(c):04x}" if c in '"\\' or not " " <= c <= "~" else c for c in value[:400]) + '"'
    return repr(value)


main()
