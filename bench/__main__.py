"""`make bench`: all benchmarks in sequence."""

from __future__ import annotations

from bench import (
    command_latency,
    copy_speed,
    fleet_neighbour,
    fleet_speed,
    listing_latency,
    listing_memory,
    notebook_speed,
    pages_ahead,
    profiles,
    server_memory,
    start_up,
    state_apply,
    state_plan,
    token_audit,
)
from bench.command import run


def main(*, quick: bool) -> bool:
    """Run all benchmarks, even if one misses its target; return whether all targets are met."""
    listings = (listing_memory, listing_latency, pages_ahead, server_memory, token_audit)
    fleets = (fleet_speed, fleet_neighbour)
    servers = (notebook_speed, command_latency, copy_speed)
    states = (state_plan, state_apply)
    results = [benchmark.main(quick=quick) for benchmark in (*listings, profiles, start_up, *servers, *states, *fleets)]
    return all(results)


if __name__ == "__main__":
    run(main, __doc__)
