"""A pytest plugin that appends the outcome of each test to a file, which remains if the run is ended early."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

FILE: list[Path] = []
"""The file of this run."""


def pytest_addoption(parser: Any) -> None:
    """Add the option for the file."""
    parser.addoption("--outcomes", required=True, help="the file to append outcomes to")


def pytest_configure(config: Any) -> None:
    """Read the option."""
    FILE[:] = [Path(config.getoption("--outcomes"))]


def pytest_runtest_logreport(report: Any) -> None:
    """Append the outcome of a setup, a test or a teardown."""
    with FILE[0].open("a") as file:
        file.write(json.dumps([report.nodeid, report.outcome]) + "\n")
