"""The command line that all benchmarks have."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Protocol

import msgspec

_results: dict[str, Any] = {}


class Benchmark(Protocol):
    """Prints what it finds; says whether what is demanded is met."""

    def __call__(self, *, quick: bool) -> bool: ...


def record(name: str, result: Any) -> None:
    """What a benchmark found, for whoever asked for it as JSON."""
    _results[name] = result


def run(benchmark: Benchmark, about: str | None) -> None:
    """Run it as the command line says, and exit with 1 where a demand is not met."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and only what is demanded")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what is kept of the measurements there, too")
    options = parser.parse_args()
    met = benchmark(quick=options.quick)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(_results)) + b"\n")
    sys.exit(0 if met else 1)
