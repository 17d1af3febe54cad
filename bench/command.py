"""The command line of all benchmarks."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Protocol

import msgspec

_results: dict[str, Any] = {}


class Benchmark(Protocol):
    """A benchmark, which prints its results and returns whether its targets are met."""

    def __call__(self, *, quick: bool) -> bool: ...


def record(name: str, result: Any) -> None:
    """Record a result for the JSON file."""
    _results[name] = result


def run(benchmark: Benchmark, about: str | None) -> None:
    """Run a benchmark with the options of the command line; exit with 1 if it misses a target."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="Run fewer rounds, and only benchmarks with a target.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="Also write the measurements to FILE as JSON.")
    options = parser.parse_args()
    met = benchmark(quick=options.quick)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(_results)) + b"\n")
    sys.exit(0 if met else 1)
