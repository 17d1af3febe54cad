"""The command line that all benchmarks have."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any, Protocol

import msgspec

_found: dict[str, Any] = {}


class Benchmark(Protocol):
    """Prints what it finds; says whether what is demanded is met."""

    def __call__(self, *, quick: bool) -> bool: ...


def keep(name: str, found: Any) -> None:
    """What a benchmark found, for whoever asked for it as JSON."""
    _found[name] = found


def run(benchmark: Benchmark, about: str | None) -> None:
    """Run it as the command line says, and exit with 1 where a demand is not met."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and only what is demanded")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write what is kept of the measurements there, too")
    given = parser.parse_args()
    met = benchmark(quick=given.quick)
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(_found)) + b"\n")
    sys.exit(0 if met else 1)
