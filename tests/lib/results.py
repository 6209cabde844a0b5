# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counts of tests, and running one program as one test."""

import contextlib
import fnmatch
import os
import signal
import subprocess
import sys
import threading
import time

SKIP = 77
STILL_RUNNING_SECONDS = 30

_lock = threading.Lock()


def say(text):
    """One line to the user, whole even if several threads talk."""
    with _lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()


class Results:
    """What became of the tests; a skip that is not in the list of expected ones is a failure."""

    def __init__(self, expected_skips=None):
        self.passed = self.failed = self.skipped = 0
        self.trouble = []
        self.expected_skips = expected_skips

    def ok(self, name, note=""):
        """A test passed."""
        self.passed += 1
        say(f"ok {name}{note}")

    def count_ok(self, number):
        """Tests that passed and that somebody else has already named."""
        self.passed += number

    def fail(self, name, why, output=""):
        """A test failed; its output helps to see why."""
        self.failed += 1
        self.trouble.append(f"failed: {name}: {why}")
        text = "".join(f"\n  | {line}" for line in output.splitlines()[-200:])
        say(f"not ok {name} ({why}){text}")

    def skip(self, name, reason):
        """A test said that it cannot run here."""
        if self.expected_skips is not None and not any(
            fnmatch.fnmatch(name, pattern) for pattern in self.expected_skips
        ):
            self.fail(name, f"skipped, which is not expected: {reason}")
            return
        self.skipped += 1
        self.trouble.append(f"skipped: {name}: {reason}")
        say(f"skip {name}: {reason}")

    def counts(self):
        """The numbers so far."""
        return (self.passed, self.failed, self.skipped)


def last_line(output, otherwise):
    """A program's last word: by convention the reason of its skip."""
    lines = output.strip().splitlines()
    return lines[-1].strip() if lines else otherwise


def _stop(process):
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
            return


def _read(process, lines, live):
    for line in process.stdout:
        lines.append(line)
        if live:
            say("  | " + line.rstrip("\n"))


def execute(name, argv, *, limit, env=None, cwd=None, live=False):
    """Runs a program without stdin. Returns exit status (None: over its time limit) and output;
    says every now and then that it is still running."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", env=env, cwd=cwd, start_new_session=True,
    )  # fmt: skip
    lines = []
    reader = threading.Thread(target=_read, args=(process, lines, live), daemon=True)
    reader.start()
    begin = said = time.monotonic()
    try:
        while process.poll() is None:
            now = time.monotonic()
            if now - begin > limit:
                return None, "".join(lines)
            if now - said > STILL_RUNNING_SECONDS and not live:
                said = now
                say(f"# {name} has been running for {now - begin:.0f} s")
            time.sleep(0.02)
        # Something that it left behind may hold the pipe open.
        reader.join(2)
        if not reader.is_alive():
            process.stdout.close()
        return process.returncode, "".join(lines)
    finally:
        _stop(process)


def run_program(results, name, argv, **how):
    """Runs one program as one test: 0 passed, 77 skipped, all else failed."""
    begin = time.monotonic()
    try:
        code, output = execute(name, argv, **how)
    except OSError as error:
        results.fail(name, str(error))
        return
    seconds = f"{time.monotonic() - begin:.1f} s"
    shown = "" if how.get("live") else output
    if code == 0:
        results.ok(name, f" ({seconds})")
    elif code == SKIP:
        results.skip(name, last_line(output, "no reason given"))
    elif code is None:
        results.fail(name, f"no end within {how['limit']} s", shown)
    else:
        results.fail(name, f"exit status {code}, {seconds}", shown)
