#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the tests of real mounts: a line per test, and `N passed, N failed, N skipped` as the last.

    run.py [PATTERN]    only the tests whose name contains the pattern (test_tree.Tree.test_odd ...)

Two files of tests run at a time, each in a process of its own.
"""
import concurrent.futures
import glob
import os
import signal
import subprocess
import sys
import time
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
TOGETHER = 2
LONGEST_FIRST = ("test_large", "test_tree")


class Lines(unittest.TestResult):
    """A line per test as soon as it is done, and below it why it failed or was skipped."""

    def __init__(self):
        super().__init__()
        self.why = []

    def startTest(self, test):
        super().startTest(test)
        self.started, self.outcome, self.why = time.monotonic(), "PASS", []

    def stopTest(self, test):
        super().stopTest(test)
        self.write(self.outcome, test.id(), f"({time.monotonic() - self.started:.1f} s)")

    def write(self, outcome, name, more):
        lines = [line for why in self.why for line in why.splitlines()]
        print(f"{outcome} {name} {more}".rstrip(), *lines, sep="\n  ", flush=True)
        self.why = []

    def failed(self, test, error):
        self.outcome = "FAIL"
        self.why.append(self._exc_info_to_string(error, test))
        if not isinstance(test, unittest.TestCase):  # setUpClass
            self.write("FAIL", test.id(), "")

    def addError(self, test, err):
        self.failed(test, err)

    def addFailure(self, test, err):
        self.failed(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.why.append(subtest._subDescription())
            self.failed(test, err)

    def addSkip(self, test, reason):
        self.outcome = "SKIP"
        self.why.append(reason)
        if not isinstance(test, unittest.TestCase):
            self.write("SKIP", test.id(), "")


def tests_of(suite):
    for test in suite:
        yield from tests_of(test) if isinstance(test, unittest.TestSuite) else (test,)


def load(module, pattern):
    return [test for test in tests_of(unittest.defaultTestLoader.loadTestsFromName(module)) if pattern in test.id()]


def run_module(module, pattern):
    """In a process of its own."""
    sys.path.insert(0, FOLDER)
    unittest.TestSuite(load(module, pattern)).run(Lines())


def start_module(module, pattern):
    """Passes a module's lines on. Returns how many of each outcome there were."""
    counts = dict.fromkeys(("PASS", "FAIL", "SKIP"), 0)
    process = subprocess.Popen([sys.executable, os.path.abspath(__file__), "--module", module, pattern],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        print(line, end="", flush=True)
        if line[:4] in counts and line[4:5] == " ":
            counts[line[:4]] += 1
    if process.wait() != 0:
        print(f"FAIL {module} ended with status {process.returncode}", flush=True)
        counts["FAIL"] += 1
    return counts


def main(arguments):
    # What a shell starts in the background ignores these, and so would the daemons that this starts.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    if arguments[:1] == ["--module"]:
        run_module(*arguments[1:])
        return 0
    pattern = arguments[0] if arguments else ""
    sys.path.insert(0, FOLDER)
    modules = sorted(os.path.basename(path)[:-3] for path in glob.glob(os.path.join(FOLDER, "test_*.py")))
    modules = [module for module in modules if load(module, pattern)]
    modules.sort(key=lambda module: module not in LONGEST_FIRST)
    with concurrent.futures.ThreadPoolExecutor(TOGETHER) as pool:
        counts = list(pool.map(start_module, modules, [pattern] * len(modules)))
    passed, failed, skipped = (sum(count[outcome] for count in counts) for outcome in ("PASS", "FAIL", "SKIP"))
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed + skipped else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
