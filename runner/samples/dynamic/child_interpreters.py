# /// sample
# title: The interpreter started again as a child
# tier: dynamic
# requires: subprocess
# timeout: 240
# ///
"""sys.executable as a tool: pipes, statuses, isolated mode, modules, and standard streams that are closed or broken."""

import json
import os
import subprocess
import sys
import textwrap


def python(*options, script=None, stdin="", **settings):
    command = [sys.executable, *options]
    if script is not None:
        command += ["-c", textwrap.dedent(script)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, **settings)


def show(label, run):
    """The end of stderr, with what names the interpreter and the folder taken out."""
    error = run.stderr.replace(sys.executable, "python").replace(os.path.join(os.getcwd(), "nowhere.py"), "nowhere.py").strip().splitlines()
    print(f"{label}: status {run.returncode}, out {run.stdout!r}, err {error[-1:] if error else []}")


print("== statuses")
show("plain", python(script="print(1 + 1)"))
show("exit number", python(script="raise SystemExit(42)"))
show("exit text", python(script="raise SystemExit('gone')"))
show("exit none", python(script="raise SystemExit(None)"))
show("above a byte", python(script="raise SystemExit(256 + 7)"))
show("unhandled", python(script="{}['k']"))
show("syntax", python(script="1 +"))
show("hard exit", python(script="import os; print('lost in the buffer', end=''); os._exit(5)"))
show("no such file", python("nowhere.py"))
show("no such module", python("-m", "no_such_module"))
show("unknown option", python("--nonsense"))

print("== arguments, input, environment")
show("argv", python(script="import sys; print(sys.argv)"))
script = "import sys, json; json.dump({'argv': sys.argv[1:], 'stdin': sys.stdin.read()}, sys.stdout)"
run = subprocess.run([sys.executable, "-c", script, "--flag", "two words", "é", ""], input="line\n", capture_output=True, text=True)
print(json.loads(run.stdout))
show("script on stdin", python("-", "a", stdin="import sys\nprint(__name__, sys.argv, input())\ntwo\n"))
show("stdin is empty", python(script="print(repr(input()))"))
show("module", python("-m", "json.tool", "--compact", stdin='{"b": [1, 2],   "a": null}'))
show("isolated", python("-I", script="import sys; print(sys.flags.isolated, sys.flags.no_user_site, '' in sys.path)"))
show("optimised", python("-OO", script="assert False, 'gone'\ndef f(): 'doc'\nprint(__debug__, f.__doc__)"))
show("warnings", python("-W", "error::UserWarning", script="import warnings; warnings.warn('as an error')"))
show("x option", python("-X", "int_max_str_digits=640", script="import sys; print(sys._xoptions, sys.flags.int_max_str_digits)"))
show("hash seed", python(script="print(len({hash('x') for _ in range(3)}), hash(0))", env={"PYTHONHASHSEED": "0"}))
show("unbuffered", python("-u", script="import os, sys; print('seen', end=''); os._exit(0)"))

print("== same interpreter")
same = python(script="import sys; print([sys.version, sys.prefix, sys.executable, sys.implementation.name])")
print(eval(same.stdout) == [sys.version, sys.prefix, sys.executable, sys.implementation.name])
nested = python(script="import subprocess, sys; print(subprocess.check_output([sys.executable, '-c', 'print(6 * 7)']))")
show("grandchild", nested)

print("== a conversation")
worker = subprocess.Popen(
    [sys.executable, "-u", "-c", "import sys\nfor line in sys.stdin:\n    print(eval(line))\nprint('bye')\nsys.exit(3)"],
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
)  # fmt: skip
with worker:
    for expression in ("2 ** 10", "'-'.join('abc')", "[n for n in range(3)]"):
        worker.stdin.write(expression + "\n")
        print(expression, "->", worker.stdout.readline().strip())
    print(worker.poll())
    rest, _ = worker.communicate()
print(repr(rest), worker.returncode)

print("== broken streams")
reader = subprocess.Popen([sys.executable, "-c", "print('x' * 10)"], stdout=subprocess.PIPE)
print(reader.stdout.read(), reader.wait())
closed = subprocess.Popen(
    [sys.executable, "-c", "import sys\nsys.stdin.readline()\nprint('nobody listens')"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
)
closed.stdout.close()
closed.stdin.write(b"go\n")
closed.stdin.close()
message = closed.stderr.read().decode()
closed.stderr.close()
print(closed.wait(), "BrokenPipeError" in message)
try:
    subprocess.run([sys.executable, "-c", "while True: pass"], timeout=0.5)
except subprocess.TimeoutExpired as error:
    print("TimeoutExpired after", round(error.timeout, 1))
try:
    subprocess.run([sys.executable, "-c", "raise SystemExit(4)"], check=True)
except subprocess.CalledProcessError as error:
    print("CalledProcessError", error.returncode)
interrupted = subprocess.Popen([sys.executable, "-c", "import signal; signal.raise_signal(signal.SIGTERM)"])
print("ended by signal", -interrupted.wait())
