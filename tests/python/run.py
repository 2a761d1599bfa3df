#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the tests of the Python package: a line per test, and `N passed, N failed, N skipped` as the last.

    run.py [PATTERN]    only the tests whose name contains the pattern (test_errors.Format.test_headers ...)

Each file of tests runs in a process of its own: once as users run it, and once with the interpreter's development mode
and debug allocator, where a warning is an error. BUILD names the folder with python/ and atf-generate (../../build).
"""
import glob
import os
import subprocess
import sys
import time
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("BUILD", os.path.join(FOLDER, "..", "..", "build")))
MODES = {"": [], " (dev)": ["-X", "dev", "-W", "error"]}


class Lines(unittest.TestResult):
    """A line per test as soon as it is done, and below it why it failed."""

    def startTest(self, test):
        super().startTest(test)
        self.started, self.outcome, self.why = time.monotonic(), "PASS", []

    def stopTest(self, test):
        super().stopTest(test)
        self.write(test, f" ({time.monotonic() - self.started:.1f} s)")
        self.why = []

    def write(self, test, more=""):
        lines = [line for why in self.why for line in why.splitlines()]
        print(f"{self.outcome} {test.id()}{more}", *lines, sep="\n  ", flush=True)

    def addError(self, test, err):
        self.outcome, self.why = "FAIL", [*getattr(self, "why", []), self._exc_info_to_string(err, test)]
        if not isinstance(test, unittest.TestCase):  # setUpClass
            self.write(test)

    addFailure = addError

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.why.append(subtest._subDescription())
            self.addError(test, err)

    def addSkip(self, test, reason):
        self.outcome, self.why = "SKIP", [reason]


def tests_of(suite):
    for test in suite:
        yield from tests_of(test) if isinstance(test, unittest.TestSuite) else (test,)


def run_module(module, pattern):
    """In a process of its own."""
    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    unittest.TestSuite(test for test in tests_of(suite) if pattern in test.id()).run(Lines())


def start_module(module, mode, pattern, counts):
    environment = {**os.environ, "PYTHONPATH": os.path.join(BUILD, "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    if mode:
        environment["PYTHONMALLOC"] = "debug"
    process = subprocess.Popen([sys.executable, *MODES[mode], os.path.abspath(__file__), "--module", module, pattern],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)
    for line in process.stdout:
        if line[:5] in ("PASS ", "FAIL ", "SKIP "):
            counts[line[:4]] += 1
            line = line[:5] + line[5:].replace(" (", mode + " (", 1)
        print(line, end="", flush=True)
    if process.wait() != 0:
        print(f"FAIL {module}{mode} ended with status {process.returncode}", flush=True)
        counts["FAIL"] += 1


def main(arguments):
    if arguments[:1] == ["--module"]:
        run_module(*arguments[1:])
        return 0
    counts = dict.fromkeys(("PASS", "FAIL", "SKIP"), 0)
    for path in sorted(glob.glob(os.path.join(FOLDER, "test_*.py"))):
        for mode in MODES:
            start_module(os.path.basename(path)[:-3], mode, arguments[0] if arguments else "", counts)
    print("{PASS} passed, {FAIL} failed, {SKIP} skipped".format(**counts))
    return 1 if counts["FAIL"] or not counts["PASS"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
