"""`make bench`: all benchmarks, one after the other."""

from __future__ import annotations

from bench import (
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
    """All of them, also after one whose demand is not met."""
    listings = (listing_memory, listing_latency, pages_ahead, server_memory)
    fleets = (fleet_speed, fleet_neighbour)
    results = [benchmark.main(quick=quick) for benchmark in (*listings, profiles, start_up, *fleets)]
    return all(results)


if __name__ == "__main__":
    run(main, __doc__)
