"""Runs of one module of tests, without and with the extension, each bounded in time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from upstream.environment import FOLDER, PYTHON, ROOT, idle_culler_tests, programs

HERE = Path(__file__).parent
TEST_SECONDS = 120
MODULE_SECONDS = 1800
END_SECONDS = 30
"""Time that pytest has to stop its hubs when its run is ended."""

SEVERITY = ("passed", "skipped", "failed")
"""Outcomes of the phases of a test, the one that counts last."""


@dataclass(frozen=True)
class Run:
    """One run of a module."""

    outcomes: dict[str, str]
    seconds: float
    log: Path
    complete: bool


def run(module: str, node: Path, *, extension: bool, only: Sequence[str] = ()) -> Run:
    """Run the tests of a module, or only those of these names, with or without the extension."""
    name = f"{module}-{'with' if extension else 'without'}{'-again' if only else ''}"
    log, outcomes = FOLDER / "logs" / f"{name}.log", FOLDER / "logs" / f"{name}.jsonl"
    log.parent.mkdir(exist_ok=True)
    outcomes.write_text("")
    plugins = ["-p", "upstream.inside.outcomes", "--outcomes", str(outcomes)]
    path = f"jupyterhub.tests.{module}"
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([*programs(node), os.environ["PATH"]]),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(HERE.parent)]),
    }
    if module == "test_idle_culler":
        plugins += ["-p", "upstream.inside.idle_culler"]
        path = str(idle_culler_tests())
        environment["UPSTREAM_EXTENSION"] = "yes" if extension else ""
    elif extension:
        plugins += ["-p", "upstream.inside.load_extension"]
    # No other worker and no other plugin's retries: each outcome is that of one attempt.
    pytest = [str(PYTHON), "-m", "pytest", "-q", "-c", str(HERE / "pytest.ini"), f"--timeout={TEST_SECONDS}"]
    tests = [f"{path}::{test.partition('::')[2]}" for test in only] or [path]
    start = time.monotonic()
    complete = run_pytest([*pytest, *plugins, "--pyargs", *tests], environment, log)
    return Run(read_outcomes(outcomes.read_text()), time.monotonic() - start, log, complete)


def run_pytest(command: list[str], environment: Mapping[str, str], log: Path) -> bool:
    """Run pytest with its output in a file; return whether it ran all tests within MODULE_SECONDS."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=FOLDER,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(MODULE_SECONDS) in (0, 1)  # passed, or some failed
        except subprocess.TimeoutExpired:
            end(process)
            output.write(f"\nnot finished after {MODULE_SECONDS} s\n".encode())
            return False
        except BaseException:
            end(process)
            raise


def end(process: subprocess.Popen[bytes]) -> None:
    """End pytest, which stops its hubs, or else everything that it has started."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for child in children:
        if child.is_running():
            child.kill()


def read_outcomes(lines: str) -> dict[str, str]:
    """Return the outcome of each test from the lines of the plugin: the most severe of its phases."""
    found: dict[str, str] = {}
    for line in lines.splitlines():
        path, outcome = json.loads(line)
        # The part before it is the path of the file, which depends on the folder of the environment.
        test = path.partition("::")[2]
        found[test] = max(found.get(test, "passed"), outcome, key=SEVERITY.index)
    return found
