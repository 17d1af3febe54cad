"""How long it takes to start 200 servers, and 1 000: `python -m bench.fleet_speed [--quick] [--json FILE]`.

Each hub is a real one whose servers are no processes, so that it is itself the limit. Who starts them has a process of
its own each time, and all servers are stopped in between. The ways: a loop of one call after the other (20 starts,
extrapolated), all at once, fixed numbers at a time, and jhub. The two numbers that were best in one sweep are measured
again, in turns with jhub.

Exits with 1 if jhub, given all of the hub, takes more than 1.15 of the time of the best fixed number (the time of its
first server, which must come up before others are sent, is counted apart), loses a server, or needs more than 2.5
requests for each; or is not 20 times faster than one call after the other, at the limit of 100 and 1 s for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import median

from bench.command import record, run
from bench.fleet_contest import Contest, Hub, contest
from bench.fleet_start import Started
from bench.fleet_table import contest_table, extrapolated

DELAYS = (0.2, 1, 5)
HUBS = [
    *(Hub(limit=100, delay=delay) for delay in DELAYS),
    # As zero-to-jupyterhub sets them: such a hub answers before the server is there.
    *(Hub(limit=64, delay=delay, slow_spawn_timeout=0) for delay in DELAYS),
    *(Hub(limit=10, delay=delay) for delay in DELAYS),
    Hub(limit=100, delay=0.2, users=1_000),
]
QUICK_HUBS = [Hub(limit=100, delay=1), Hub(limit=10, delay=0.2)]
FASTER_AT = Hub(limit=100, delay=1)

ROUNDS, QUICK_ROUNDS = 9, 3
"""One way differs from itself by a third from one time to the next."""
SLOWER_AT_MOST = 1.15
REQUESTS_AT_MOST = 2.5
FASTER_AT_LEAST = 20


def rest(fleet: Started) -> float:
    """Seconds without those of the first server, for as many as there were."""
    return (fleet.seconds - fleet.first) * fleet.wanted / (fleet.wanted - 1)


def slower(found: Contest) -> float:
    """jhub's time to that of the best fixed number: the median of the ratios within each round."""
    return max(
        median(rest(ours) / theirs.seconds for ours, theirs in zip(found.jhub, fleets, strict=True))
        for fleets in found.best.values()
    )


def faster(found: Contest) -> float:
    """By how much jhub is, its first server included, than one call after the other."""
    one_by_one = extrapolated(found.one_by_one, found.hub.users)
    return one_by_one.seconds / median(fleet.seconds for fleet in found.jhub)


def demands(found: Contest) -> Iterator[tuple[bool, str]]:
    """Whether each is met, and how it stands."""
    ratio = slower(found)
    yield ratio <= SLOWER_AT_MOST, f"jhub takes {ratio:.2f} of the best fixed number, at most {SLOWER_AT_MOST} wanted"
    lost = sum(fleet.lost for fleet in found.jhub)
    yield not lost, f"of {sum(fleet.wanted for fleet in found.jhub):,} servers {lost} are lost, none wanted"
    asked = max(fleet.requests_each for fleet in found.jhub)
    yield asked <= REQUESTS_AT_MOST, f"{asked:.2f} requests for each server, at most {REQUESTS_AT_MOST} wanted"
    if found.hub == FASTER_AT:
        times = faster(found)
        yield times >= FASTER_AT_LEAST, f"{times:.0f} times faster than one by one, at least {FASTER_AT_LEAST} wanted"


def judged(found: Contest) -> bool:
    """Print it, and tell whether all demands are met."""
    hub = found.hub
    print(
        f"{hub.users:,} starts of {hub.delay} s each, limit {hub.limit}, slow_spawn_timeout {hub.slow_spawn_timeout}:\n"
    )
    print(contest_table(found), end="\n\n")
    every = list(demands(found))
    for met, what in every:
        print(f"{'met' if met else 'NOT MET'}: {what}")
    print(flush=True)
    return all(met for met, _ in every)


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether the demands are met."""
    print(f"Fleets. Load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n", flush=True)
    found, met = [], []
    rounds = QUICK_ROUNDS if quick else ROUNDS
    for hub in QUICK_HUBS if quick else HUBS:
        found.append(contest(hub, rounds))
        met.append(judged(found[-1]))
    record("fleets", found)
    return all(met)


if __name__ == "__main__":
    run(main, __doc__)
