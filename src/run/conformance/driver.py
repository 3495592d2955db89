"""Runs one module of CPython's own tests and reports the outcome of each test in it.

    driver.py MODULE [--without FACILITY]...

Both interpreters run it alike, with the package `test` beside it. Outcomes are written to standard output as a JSON text
sequence (RFC 7464): a record begins with the control character RS, so that whatever the tests print themselves can
stand between. The last record has `"end": true`: without it the module did not come to its end. With `"arguments": false` the
program that runs this did not give its arguments to Python.
"""

import importlib
import json
import os
import re
import sys
import traceback
import types
import unittest

from test import support

RS = b"\x1e"
#: Characters of a message that are kept: the end is the most useful part.
MESSAGE = 4000


def report(record):
    data = memoryview(b"\n" + RS + json.dumps(record).encode("ascii") + b"\n")
    while data:
        data = data[os.write(1, data):]


class Reporter(unittest.TestResult):
    """Reports each test when it is over: one with several outcomes (subtests, clean-up) by the worst of them."""

    RANK = ("passed", "skipped", "failed")

    def __init__(self):
        super().__init__()
        self.outcome, self.message = "passed", None
        self.seen = {}

    def startTest(self, test):
        super().startTest(test)
        self.outcome, self.message = "passed", None

    def stopTest(self, test):
        super().stopTest(test)
        self.report_test(test, self.outcome, self.message)

    def report_test(self, test, outcome, message):
        name = test.id()
        self.seen[name] = self.seen.get(name, 0) + 1
        if self.seen[name] > 1:
            name = f"{name} #{self.seen[name]}"
        record = {"test": name, "outcome": outcome}
        if message is not None:
            record["message"] = message[-MESSAGE:]
        report(record)

    def note(self, test, outcome, message):
        if not isinstance(test, unittest.TestCase):
            # `setUpClass` and `setUpModule` are reported without being started.
            self.report_test(test, outcome, message)
        elif self.RANK.index(outcome) > self.RANK.index(self.outcome):
            self.outcome, self.message = outcome, message

    def addError(self, test, err):
        self.note(test, "failed", self._exc_info_to_string(err, test))

    def addFailure(self, test, err):
        self.note(test, "failed", self._exc_info_to_string(err, test))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.note(test, "failed", f"{subtest}\n{self._exc_info_to_string(err, test)}")

    def addSkip(self, test, reason):
        self.note(test, "skipped", str(reason))

    def addUnexpectedSuccess(self, test):
        self.note(test, "failed", "It was expected to fail and did not.")


def prepare(without):
    """What `test.regrtest` sets before it runs a module: the plain tests, no resources beyond them."""
    support.use_resources = []
    support.verbose = 0
    support.max_memuse = 0
    if "subprocess" in without:
        # CPython knows by itself only that WASI and the like have none. Read by `support.requires_subprocess`.
        support.has_subprocess_support = False
    sys.unraisablehook = lambda args: None


class Absent(types.ModuleType):
    """An extension that CPython has for its tests alone, where a build for use leaves it out: what calls it is skipped."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)

        def skip(*args, **options):
            raise unittest.SkipTest(f"the build leaves {self.__name__} out")

        return skip


def load(module):
    """The module; where it cannot be imported without such an extension, its other tests can still be run."""
    while True:
        try:
            return importlib.import_module(f"test.{module}")
        except (ImportError, unittest.SkipTest) as error:
            missing = re.search(r"No module named '(_test\w+)'", str(error))
            if missing is None or missing[1] in sys.modules:
                raise
            sys.modules[missing[1]] = Absent(missing[1])


def main(module, without):
    prepare(without)
    try:
        loaded = load(module)
    except unittest.SkipTest as skipped:
        report({"end": True, "skipped": str(skipped)})
        return
    except BaseException:
        report({"end": True, "broken": traceback.format_exc()[-MESSAGE:]})
        return
    unittest.defaultTestLoader.loadTestsFromModule(loaded).run(Reporter())
    report({"end": True})


if __name__ == "__main__":
    if len(getattr(sys, "argv", ())) < 2:
        report({"end": True, "arguments": False})
        raise SystemExit(2)
    main(sys.argv[1], [word for word in sys.argv[2:] if word != "--without"])
