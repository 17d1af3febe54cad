"""`make bench`: all benchmarks in sequence."""

from __future__ import annotations

from bench import (
    copy_speed,
    fleet_neighbour,
    fleet_speed,
    listing_latency,
    listing_memory,
    pages_ahead,
    profiles,
    server_memory,
    start_up,
)
from bench.command import run


def main(*, quick: bool) -> bool:
    """Run all benchmarks, even if one misses its target; return whether all targets are met."""
    listings = (listing_memory, listing_latency, pages_ahead, server_memory)
    fleets = (fleet_speed, fleet_neighbour)
    results = [benchmark.main(quick=quick) for benchmark in (*listings, profiles, start_up, copy_speed, *fleets)]
    return all(results)


if __name__ == "__main__":
    run(main, __doc__)
