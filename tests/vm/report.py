# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tests of one run and their results, as tests/vm/run prints them.

A result is what guest-runner, or run itself, left in the test's folder: output, microseconds, rc.
No rc means that the test did not end, whatever else is there.
"""

import os
import pathlib
import sys

import job

SKIP = 77
TIMED_OUT = (124, 137)


class Test:
    """One test of the list, its folder in the share and what is known of its result."""

    def __init__(self, number, name, share):
        self.name = name
        named = job.HERE / "t" / name
        self.path = named if named.is_file() else pathlib.Path(name).absolute()
        self.folder = share / "results" / f"{number:02}-{self.path.name}"
        self.shown = 0
        self.unfinished = ""

    def runnable(self):
        """Whether there is such a program."""
        return self.path.is_file() and os.access(self.path, os.X_OK)

    def read(self, name):
        """One of the files that the guest leaves, or None."""
        try:
            return (self.folder / name).read_text(errors="replace")
        except FileNotFoundError:
            return None

    def started(self):
        """Whether the test has begun."""
        return (self.folder / "output").exists()

    def ended(self):
        """Whether there is an exit status."""
        return (self.folder / "rc").exists()

    def show_new_output(self, last=False):
        """Prints lines that have come since the last call."""
        if not self.started():
            return
        with open(self.folder / "output", "rb") as file:
            file.seek(self.shown)
            data = file.read()
        if not last:
            data = data[: data.rfind(b"\n") + 1]
        self.shown += len(data)
        for line in data.decode(errors="replace").splitlines():
            print(f"  | {line}", flush=True)


class Report:
    """Counts and prints results."""

    def __init__(self, live, limit):
        self.live = live
        self.limit = limit
        self.passed = self.failed = self.skipped = 0

    def progress(self, test):
        """Called again and again while a test runs."""
        if self.live:
            test.show_new_output()

    def ended(self, test):
        """A test that has an exit status."""
        if self.live:
            test.show_new_output(last=True)
        code = int(test.read("rc"))
        seconds = int(test.read("microseconds")) / 1e6
        lines = (test.read("output") or "").strip().splitlines()
        if code == 0:
            self.passed += 1
            print(f"ok {test.name} ({seconds:.1f} s)")
        elif code == SKIP:
            self.skipped += 1
            print(f"skip {test.name}: {lines[-1] if lines else 'no reason given'}")
        elif code in TIMED_OUT and seconds >= self.limit:
            self.broken(test, f"exit {code}: no end within {self.limit} s")
        else:
            self.broken(test, f"exit {code}")
        if left := test.read("left-behind"):
            print("  # left behind: " + "; ".join(left.split("\n")).strip("; "))
        sys.stdout.flush()

    def broken(self, test, why):
        """A test that failed, or never came to an end."""
        self.failed += 1
        if self.live:
            test.show_new_output(last=True)
        print(f"not ok {test.name} ({why})")
        if not self.live:
            for line in (test.read("output") or "").splitlines():
                print(f"  | {line}")
        sys.stdout.flush()

    def note(self, title, text):
        """A block of text that helps to understand a failure."""
        print(f"  # {title}:")
        for line in text.splitlines():
            print(f"  #   {line}")

    def total(self):
        """Prints the last line and returns the exit status."""
        print(f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped", flush=True)
        return 1 if self.failed else 0
