# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs test suites and counts. Called by tests/run, once all packages are there."""

import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import compiled
from results import Results, execute, run_program, say

TOP = pathlib.Path(__file__).resolve().parents[2]
TESTS = TOP / "tests"
BUILD = TOP / "build"
SANITIZED = TOP / "build-sanitize"
SETUP = TESTS / "lib" / "setup"


class BuildFailed(Exception):
    """The tree does not build."""


def executables(pattern):
    """The programs under tests/ that match, in order of their names."""
    found = sorted(p for p in TESTS.glob(pattern) if p.is_file() and os.access(p, os.X_OK))
    return [str(p) for p in found if not p.name.startswith(".")]


def short(path):
    """tests/check/format -> check/format"""
    return str(pathlib.Path(path).relative_to(TESTS))


def environment():
    """What every test finds in its environment."""
    return {**os.environ, "LUKS_KMS_BUILD": str(BUILD), "PYTHONDONTWRITEBYTECODE": "1"}


def build(folder, *options, compiler=None):
    """Configures and builds; the output goes to the user."""
    env = {**os.environ, **({"CC": compiler} if compiler else {})}
    done = subprocess.run(
        [SETUP, "build", folder.name, *options], env=env, stdin=subprocess.DEVNULL, check=False
    )
    if done.returncode != 0:
        raise BuildFailed(folder.name)


def run_programs(results, programs, limit, live=False):
    """One after the other, each a test. Returns how many there were."""
    for path in programs:
        if live:
            say(f"# {short(path)}")
        run_program(results, short(path), [path], limit=limit, env=environment(), cwd=TOP, live=live)
    return len(programs)


def suite_check(results):
    """Checks of the repository: many and short, so several at a time."""
    programs = executables("check/*")
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = [
            pool.submit(
                run_program, results, short(path), [path], limit=300, env=environment(), cwd=TOP
            )
            for path in programs
        ]
    for done in running:
        done.result()  # raises what it raised: no check must end unseen
    return len(programs)


def meson_suite(name, checked):
    """A suite of compiled tests; if checked, under valgrind and with sanitizers as well."""

    def run(results):
        programs = compiled.run(results, name, compiled.Flavour("", str(BUILD)))
        if programs and checked:
            under = compiled.Flavour(
                "valgrind", str(BUILD), wrapper=compiled.VALGRIND, env={"TESTS_RUN_SLOWLY": "1"}, slowness=5
            )
            programs += compiled.run(results, name, under)
            try:
                # The worker gets no environment that could tell it to stop at the first error.
                build(
                    SANITIZED, "-Db_sanitize=address,undefined", "-Db_lundef=false",
                    "-Dc_args=-fno-sanitize-recover=all", compiler="clang-14",
                )  # fmt: skip
            except BuildFailed as error:
                results.fail(f"{name}: build of {error}", "see above")
                return programs
            other = compiled.Flavour("sanitizers", str(SANITIZED), env=compiled.SANITIZERS, slowness=2)
            programs += compiled.run(results, name, other)
        return programs

    return run


def suite_interop(results):
    """Programs that are not ours against ours, and against the simulator."""
    return run_programs(results, executables("sim/selftest") + executables("interop/*"), 900)


def count_lines(results, prefix, output):
    """Counts what a program of tests/vm reports, a line for each test. Returns the numbers."""
    before = results.counts()
    section = ""
    for line in output.splitlines():
        if line.startswith("# power cuts: "):
            section = line.removeprefix("# power cuts: ") + ": "
        elif line.startswith("not ok "):
            name, _, why = line.removeprefix("not ok ").partition(" (")
            results.fail(f"{prefix}/{section}{name}", why.rstrip(")"))
        elif line.startswith("ok "):
            results.count_ok(1)
        elif line.startswith("skip "):
            name, _, reason = line.removeprefix("skip ").partition(": ")
            results.skip(f"{prefix}/{section}{name}", reason)
    return [b - a for a, b in zip(before, results.counts())]


def run_reporting(results, prefix, argv, limit, expected=1):
    """Runs a program that reports several tests and their total in its last line."""
    code, output = execute(prefix, argv, limit=limit, env=environment(), cwd=TOP, live=True)
    passed, failed, skipped = count_lines(results, prefix, output)
    total = re.search(r"^(\d+) passed, (\d+) failed, (\d+) skipped\s*\Z", output, re.MULTILINE)
    if code is None:
        results.fail(prefix, f"no end within {limit} s")
    elif not total or int(total[1]) != passed or sum(map(int, total.groups())) < expected:
        results.fail(prefix, f"{passed + failed + skipped} tests have a result, exit status {code}")
    elif code != 0 and not failed:
        results.fail(prefix, f"exit status {code}")


def suite_vm(results):
    """The machine itself, and how it is switched off, then all tests of devices in one boot, then machines whose memory is
    searched, then one that loses its power at each write."""
    programs = run_programs(results, executables("vm/selftest") + executables("vm/poweroff"), 900)
    if tests := executables("vm/t/*"):
        # The demo checks each of its steps, and is run by nobody else.
        names = [pathlib.Path(t).name for t in tests] + ["../demo"]
        argv = [TESTS / "vm" / "suite", "--timeout", "600", *names]
        run_reporting(results, "vm", argv, 4500, expected=len(names))
        programs += len(names)
    for path in executables("vm/memory") + executables("vm/powercuts"):
        run_reporting(results, short(path), [path], 3000)
        programs += 1
    return programs


def suite_bench(results):
    """Measurements, which fail where they are beyond their limit."""
    return run_programs(results, executables("bench/*"), 1800, live=True)


def suite_boot(results):
    """Whole systems, each of which reports its tests."""
    programs = executables("boot/*")
    for path in programs:
        run_reporting(results, short(path), [path], 1800)
    return len(programs)


# In this order: what is quick comes first.
SUITES = {
    "check": suite_check,
    "unit": meson_suite("unit", True),
    "contract": meson_suite("contract", True),
    "vectors": meson_suite("vectors", True),
    "fuzz": meson_suite("fuzz", False),
    "interop": suite_interop,
    "vm": suite_vm,
    "bench": suite_bench,
    "boot": suite_boot,
}


def run_suite(name, results):
    """Runs one suite and says what came out. Returns how many programs it has."""
    begin = time.monotonic()
    before = results.counts()
    programs = SUITES[name](results)
    if programs:
        passed, failed, skipped = (b - a for a, b in zip(before, results.counts()))
        seconds = time.monotonic() - begin
        say(f"{name}: {passed} passed, {failed} failed, {skipped} skipped ({seconds:.0f} s)")
    else:
        say(f"{name}: no tests belong to it yet")
    return programs


def arguments():
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="tests/run",
        description="Runs the named suites, or all. A failure gives exit status 1.",
        epilog="Suites: " + " ".join(SUITES),
    )
    parser.add_argument("--expected-skips", metavar="FILE",
                        help="fail on any skip whose name matches no line of FILE")  # fmt: skip
    parser.add_argument("suites", nargs="*", metavar="SUITE")
    options = parser.parse_args()
    for name in options.suites:
        if name not in SUITES:
            parser.error(f"there is no suite {name}; the suites are {' '.join(SUITES)}")
    return options


def read_expected(path):
    """Names, or patterns of names, of the tests that may be skipped."""
    if path is None:
        return None
    lines = (line.partition("#")[0].strip() for line in pathlib.Path(path).read_text().splitlines())
    return [line for line in lines if line]


def main():
    """Runs and returns the exit status."""
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    results = Results(read_expected(options.expected_skips))
    empty = 0
    try:
        build(BUILD)
        for name in options.suites or SUITES:
            empty += run_suite(name, results) == 0
    except BuildFailed as error:
        results.fail(f"build of {error}", "see above")
    for line in results.trouble:
        say(line)
    passed, failed, skipped = results.counts()
    say(f"{passed} passed, {failed} failed, {skipped} skipped")
    if failed:
        return 1
    if options.suites and empty:
        return 2
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
