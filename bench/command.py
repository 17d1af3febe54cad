"""The command line that all benchmarks have."""

from __future__ import annotations

import argparse
import sys
from typing import Protocol


class Benchmark(Protocol):
    """Prints what it finds; says whether what is demanded is met."""

    def __call__(self, *, quick: bool) -> bool: ...


def run(benchmark: Benchmark, about: str | None) -> None:
    """Run it as the command line says, and exit with 1 where a demand is not met."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, and only what is demanded")
    sys.exit(0 if benchmark(quick=parser.parse_args().quick) else 1)
