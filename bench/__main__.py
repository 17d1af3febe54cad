"""`make bench`: all benchmarks, one after the other."""

from __future__ import annotations

from bench import listing_latency, listing_memory, pages_ahead, profiles
from bench.command import run


def main(*, quick: bool) -> bool:
    """All of them, also after one whose demand is not met."""
    every = (listing_memory.main, listing_latency.main, pages_ahead.main, profiles.main)
    met = [benchmark(quick=quick) for benchmark in every]
    return all(met)


if __name__ == "__main__":
    run(main, __doc__)
