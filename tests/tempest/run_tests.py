"""Runs tests of one module of octavia-tempest-plugin. Usage: run_tests.py MODULE REGEX RESULT-FILE

The regular expression selects by the tests' names. Each outcome is a line of JSON in RESULT-FILE: name, outcome, detail, seconds.
"""

import json
import re
import sys
import time
import unittest

import testtools


class Result(testtools.TestResult):
    def __init__(self, file):
        super().__init__()
        self._file = file
        self._started = time.monotonic()

    def startTest(self, test):
        super().startTest(test)
        self._started = time.monotonic()

    def _write(self, test, outcome, detail=""):
        line = {"name": test.id(), "outcome": outcome, "detail": detail, "seconds": time.monotonic() - self._started}
        print(json.dumps(line), file=self._file, flush=True)

    def addSuccess(self, test, details=None):
        self._write(test, "passed")

    def addSkip(self, test, reason=None, details=None):
        self._write(test, "skipped", reason or text_of(details, "reason"))

    def addFailure(self, test, err=None, details=None):
        self._write(test, "failed", str(err[1]) if err else text_of(details, "traceback"))

    addError = addFailure


def text_of(details, word):
    found = [content.as_text() for name, content in (details or {}).items() if word in name]
    return "\n".join(found)


def tests(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests(test)
        else:
            yield test


def main():
    module, regex, path = sys.argv[1:]
    chosen = [test for test in tests(unittest.defaultTestLoader.loadTestsFromName(module))
              if re.search(regex, test.id().rsplit(".", 1)[1])]
    with open(path, "w", encoding="utf-8") as file:
        unittest.TestSuite(chosen).run(Result(file))


main()
