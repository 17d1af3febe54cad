"""The program of `make test-matrix` and `make record-matrix`."""

from __future__ import annotations

import argparse
import asyncio
import re
import signal
import sys
from pathlib import Path

from matrix.environments import FOLDER, ROOT, SUPPORTED, environment, http_proxy, kubernetes_tests
from matrix.processes import run
from matrix.results import differences, last_run, read, record, recorded
from matrix.sign_in.table import methods_table, put_into_page
from matrix.table import put_into_readme, table

AT_ONCE = 2
"""Number of versions that are installed, and tested, at a time."""


async def test(versions: list[str]) -> int:
    """Run the tests on each version, and compare the results with the recorded ones."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, _current().cancel)
    if await http_proxy() is None:
        print("configurable-http-proxy needs npm: the tests behind it are skipped")
    installing, testing = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(AT_ONCE)

    async def one(version: str) -> bool:
        async with installing:
            folder = await environment(version)
        async with testing:
            return await test_one(version, folder)

    async with asyncio.TaskGroup() as group:
        running = [group.create_task(one(version)) for version in versions]
    passed = all(task.result() for task in running)
    found = [results for version in versions if (results := read(last_run(version))) is not None]
    known = recorded()
    news = [line for results in found for line in differences(results, known.get(results.major))]
    for line in news:
        print(line)
    if news and passed:
        print(f"If this is right, run: make record-matrix VERSIONS={' '.join(versions)!r}")
    if passed and not news:
        print(f"The results are as recorded on JupyterHub {', '.join(results.jupyterhub for results in found)}.")
    return 0 if passed and not news else 1


async def test_one(version: str, folder: Path) -> bool:
    """Run the tests on one version, and show pytest's output; return whether they passed."""
    results = last_run(version)
    results.unlink(missing_ok=True)
    print(f"JupyterHub {version}: testing", flush=True)
    runs = [[str(ROOT / "tests" / "matrix"), "--results", str(results)]]
    if files := kubernetes_tests(version):
        # They wait most of the time, and each file has a hub of its own.
        runs.append(["-p", "matrix.conftest", "-n", str(len(files)), "--dist", "loadfile", *map(str, files)])
    logs = [FOLDER / f"{version}{name}.log" for name in ("", ".kubernetes")[: len(runs)]]
    # Long tracebacks show arguments, and some are passwords.
    pytest = [sys.executable, "-m", "pytest", "--tb=short", "--environment", str(folder)]
    codes = await asyncio.gather(*(run([*pytest, *arguments], log) for arguments, log in zip(runs, logs, strict=True)))
    for log in logs:
        print(f"\nJupyterHub {version}:\n{log.read_text(errors='replace')}", flush=True)
    return not any(codes)


def keep(versions: list[str]) -> int:
    """Record the results of the last run on these versions, and update the tables."""
    for version in versions:
        results = read(last_run(version))
        if results is None or not results.complete:
            print(
                f"JupyterHub {version}: no results without failures and gaps; run: make test-matrix VERSIONS={version}"
            )
            return 1
        record(results)
        print(f"JupyterHub {results.jupyterhub}: recorded")
    put_into_readme(table(recorded()))
    put_into_page(methods_table(recorded()))
    return 0


def _current() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _version(text: str) -> str:
    if not re.fullmatch(r"\d+(\.\w+)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a version such as 4.1.6 or 6")
    return text


def main() -> int:
    """Run the command line, and return its exit code."""
    parser = argparse.ArgumentParser(prog="matrix", description="Run the tests of tests/matrix on several JupyterHubs.")
    parser.add_argument(
        "versions", nargs="*", type=_version, default=SUPPORTED, help="such as 4.1.6, or 6 for the newest 6"
    )
    parser.add_argument("--record", action="store_true", help="record the results of the last run instead")
    arguments = parser.parse_args()
    versions = list(dict.fromkeys(arguments.versions))
    return keep(versions) if arguments.record else asyncio.run(test(versions))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit(130)
