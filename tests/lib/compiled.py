# SPDX-License-Identifier: LGPL-2.1-or-later
"""The suites that meson knows: run as they are, under valgrind, and built with sanitizers."""

import json
import os
import re
import subprocess

from results import SKIP, execute, last_line, say

# Not of children: valgrind's own descriptors and system calls do not fit in the worker's sandbox
# (RLIMIT_NOFILE, then the filter). The worker is looked at by the sanitizers, built without the filter.
VALGRIND = (
    "valgrind -q --error-exitcode=99 --leak-check=full"
    " --errors-for-leak-kinds=definite,indirect,possible"
    " --show-leak-kinds=definite,indirect,possible"
)
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
# cmocka's programs count each of their tests, whether their meson.build asks for it or not.
TAP_OUTPUT = {"CMOCKA_MESSAGE_OUTPUT": "TAP"}
# "not ok N # SKIP name" is cmocka's way; "ok N - name # SKIP reason" is everybody else's.
TAP = re.compile(r"^(not )?ok\b *\d* *(?:- )?(.*?) *(?:# *(SKIP|TODO)\b *(.*))?$", re.IGNORECASE)
# What a child of the program may have printed: whoever started it need not ask how it ended.
REPORT = re.compile(
    r"runtime error: |ERROR: (?:Address|Leak)Sanitizer|"
    r"^==\d+== +(?:Invalid |Use of uninit|Conditional jump|.* points to uninit|.* definitely lost in loss)",
    re.MULTILINE,
)
GOOD = ("OK", "EXPECTEDFAIL")
LIMIT = 3000


class Flavour:
    """One way of running the same tests."""

    def __init__(self, name, build, wrapper=None, env=None, slowness=1):
        self.name = name
        self.build = build
        self.wrapper = wrapper
        self.env = env or {}
        self.slowness = slowness


def introspect(build):
    """All tests that meson knows of in a build folder."""
    text = subprocess.run(
        ["meson", "introspect", "--tests", build], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return json.loads(text)


def names_of(build, suite, programs_only):
    """The names of a suite's tests; with programs_only without scripts: valgrind would look at
    their interpreter."""
    names = []
    for test in introspect(build):
        if not any(s == suite or s.endswith(":" + suite) for s in test["suite"]):
            continue
        compiled = os.path.realpath(test["cmd"][0]).startswith(os.path.realpath(build) + os.sep)
        if compiled or not programs_only:
            names.append(test["name"])
    return names


def _skip_reason(comments, rest):
    return rest or (comments[-1] if comments else "no reason given")


def count_tap(results, prefix, output):
    """Counts each test that a program reports. Returns how many were passed, failed, skipped."""
    passed = failed = skipped = 0
    comments = []
    for line in output.splitlines():
        match = TAP.match(line)
        if not match:
            if line.strip() and not line.startswith("1.."):
                comments.append(line.lstrip("# "))
            continue
        bad, name, directive, rest = match.groups()
        if directive and directive.upper() == "SKIP":
            skipped += 1
            name, rest = (name, rest) if name else (rest, "")
            results.skip(f"{prefix}/{name}", _skip_reason(comments, rest))
        elif bad:
            failed += 1
            results.fail(f"{prefix}/{name}", "see above")
        else:
            passed += 1
        comments = []
    results.count_ok(passed)
    return passed, failed, skipped


def _is_tap(output):
    return re.search(r"^(1\.\.\d+|TAP version)", output, re.MULTILINE) is not None


def count_program(results, prefix, entry):
    """Counts one line of meson's log."""
    output = entry.get("stdout", "")
    result, code = entry["result"], entry.get("returncode", -1)
    name = f"{prefix}/{entry['name'].split(' / ')[-1].split(':')[-1].strip()}"
    log = output + entry.get("stderr", "")
    if REPORT.search(log):
        results.fail(f"{name}/memory", "valgrind or a sanitizer found an error", log)
    if result == "SKIP" and not _is_tap(output):
        results.skip(name, last_line(log, "no reason given"))
    elif not _is_tap(output):
        if result in GOOD:
            results.count_ok(1)
        else:
            results.fail(name, f"{result.lower()}, exit status {code}", log)
    else:
        if result not in GOOD + ("SKIP",):
            for line in log.splitlines()[-200:]:
                say(f"  | {line}")
        passed, failed, skipped = count_tap(results, name, output)
        if result in GOOD + ("SKIP",):
            if passed + failed + skipped == 0:
                results.fail(name, "reports no test at all")
        elif failed == 0 and not (skipped and code in (0, SKIP)):
            results.fail(name, f"{result.lower()}, exit status {code}")


def run(results, suite, flavour):
    """Runs a suite in one flavour. Returns how many programs there were."""
    names = names_of(flavour.build, suite, flavour.wrapper is not None)
    if not names:
        return 0
    title = f"{suite}{' ' + flavour.name if flavour.name else ''}"
    log = "testlog-" + title.replace(" ", "-")
    argv = ["meson", "test", "-C", flavour.build, "--no-rebuild", "--logbase", log,
            "-t", str(flavour.slowness), "--suite", suite]  # fmt: skip
    if flavour.wrapper:
        argv += ["--wrapper", flavour.wrapper]
        log += "-" + flavour.wrapper.split()[0]
    path = os.path.join(flavour.build, "meson-logs", log + ".json")
    if os.path.exists(path):
        os.unlink(path)
    say(f"# {title}: {len(names)} programs")
    code, output = execute(title, argv + names, limit=LIMIT, env={**os.environ, **TAP_OUTPUT, **flavour.env})
    seen = 0
    if os.path.exists(path):
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                count_program(results, title.replace(" ", "-"), json.loads(line))
                seen += 1
    if seen != len(names):
        results.fail(title, f"{seen} of {len(names)} programs ran, meson: {code}", output)
    return len(names)
