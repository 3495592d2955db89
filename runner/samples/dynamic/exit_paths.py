# /// sample
# title: The order of things at exit: finally, atexit, finalisers, status 3
# tier: dynamic
# argv: --status 3 "last words"
# ///
"""A worker that is told to stop: SystemExit passes through handlers, then the exit functions run, newest first."""

import argparse
import atexit
import contextlib
import os
import sys


def register_all():
    """Later registrations run earlier; errors in one do not stop the others."""

    @atexit.register
    def first():
        print("exit 1: runs last, argv was", sys.argv[1:])

    atexit.register(print, "exit 2:", "arguments", sep=" / ")
    removed = atexit.register(lambda: print("never"))
    atexit.register(Failing())

    def nested():
        print("exit 4: registers another")
        atexit.register(print, "exit 5: registered while exiting")

    atexit.register(nested)
    atexit.register(removed)
    atexit.unregister(removed)


class Failing:
    def __call__(self):
        return 1 / 0

    def __repr__(self):
        return "<a callback that fails>"


class Worker:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        print(f"{self.name} leaves with {kind.__name__} {error.code!r}, as Exception: {isinstance(error, Exception)}")

    def __del__(self):
        print(f"{self.name} is finalised")


def stop(status, words):
    with Worker("inner"):
        try:
            sys.exit(status)
        except Exception:
            print("not reached: SystemExit is no Exception")
        finally:
            print("finally:", words)


def codes():
    """What SystemExit carries for each kind of argument."""
    for argument in (None, 0, 5, -1, True, "text", 2.5, (1, 2), [3]):
        try:
            sys.exit(argument)
        except SystemExit as error:
            print(f"sys.exit({argument!r}) -> code {error.code!r}, args {error.args!r}")
    try:
        sys.exit()
    except SystemExit as error:
        print("no argument:", error.code, error.args)
    try:
        raise SystemExit(1, 2)
    except SystemExit as error:
        print("two arguments:", error.code, str(error))
    with contextlib.suppress(SystemExit):
        quit(9)
    try:
        exec("exit('from site')")
    except SystemExit as error:
        print("exit():", error.code)


def parser_exits():
    parser = argparse.ArgumentParser(prog="worker", add_help=False, exit_on_error=False)
    parser.add_argument("--level", type=int, choices=(1, 2))
    for arguments in (["--level", "2"], ["--level", "x"], ["--level", "3"]):
        try:
            print(parser.parse_args(arguments))
        except argparse.ArgumentError as error:
            print(error)
    strict = argparse.ArgumentParser(prog="worker", usage="worker --level N")
    try:
        with contextlib.redirect_stderr(sys.stdout):
            strict.parse_args(["--wrong"])
    except SystemExit as error:
        print("argparse exits with", error.code)


def swallowed():
    """A finally that returns eats even SystemExit."""
    try:
        sys.exit("eaten")
    finally:
        return "still here"


def main():
    parser = argparse.ArgumentParser(prog="exit_paths")
    parser.add_argument("--status", type=int)
    parser.add_argument("words")
    options = parser.parse_args()
    print(options.status, repr(options.words), os.path.basename(sys.argv[0]))
    codes()
    parser_exits()
    with contextlib.suppress(SyntaxWarning):
        print(swallowed())
    register_all()
    sys.stderr.write("no newline at the end of stderr")
    stop(options.status, options.words)
    print("not reached")


unflushed = sys.stdout
kept_until_shutdown = Worker("module global")
if __name__ == "__main__":
    main()
