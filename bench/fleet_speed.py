"""Time to start 200 servers, and 1 000: `python -m bench.fleet_speed [--quick] [--json FILE]`.

Each hub is a real one without server processes, so that the hub itself is the limit. Every measurement runs in a fresh
client process, and all servers are stopped in between. The strategies: a loop of one call after the other (20 starts,
extrapolated), all at once, fixed numbers at a time, and jhub. The two best numbers of the sweep are measured again, in
turns with jhub.

Exits with 1 if jhub, with a load of 1, takes more than 1.15 times as long as the best fixed number (the time of its
first server, the canary, is counted apart), loses a server, or needs more than 2.5 requests for each; or if it is less
than 20 times faster than one call after the other, at the limit of 100 and 1 s for each.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from statistics import median

from bench.command import record, run
from bench.fleet_contest import Contest, Hub, run_contest
from bench.fleet_start import Started
from bench.fleet_table import contest_table, extrapolated

DELAYS = (0.2, 1, 5)
HUBS = [
    *(Hub(limit=100, delay=delay) for delay in DELAYS),
    # The settings of zero-to-jupyterhub: such a hub answers before the server is ready.
    *(Hub(limit=64, delay=delay, slow_spawn_timeout=0) for delay in DELAYS),
    *(Hub(limit=10, delay=delay) for delay in DELAYS),
    Hub(limit=100, delay=0.2, users=1_000),
]
QUICK_HUBS = [Hub(limit=100, delay=1), Hub(limit=10, delay=0.2)]
SPEEDUP_HUB = Hub(limit=100, delay=1)

ROUNDS, QUICK_ROUNDS = 9, 3
"""Number of rounds: the time of a strategy varies by a third from one round to the next."""
MAX_RATIO = 1.15
MAX_REQUESTS_EACH = 2.5
MIN_SPEEDUP = 20


def seconds_after_first(fleet: Started) -> float:
    """Return the seconds without those of the first server, scaled to all servers."""
    return (fleet.seconds - fleet.first) * fleet.wanted / (fleet.wanted - 1)


def ratio_to_fixed(contest: Contest) -> float:
    """Return the ratio of jhub's time to that of the best fixed number, as the median over the rounds."""
    return max(
        median(seconds_after_first(jhub) / fixed.seconds for jhub, fixed in zip(contest.jhub, fleets, strict=True))
        for fleets in contest.best.values()
    )


def speedup(contest: Contest) -> float:
    """Return how many times faster jhub is than one call after the other, including its first server."""
    one_by_one = extrapolated(contest.one_by_one, contest.hub.users)
    return one_by_one.seconds / median(fleet.seconds for fleet in contest.jhub)


def requirements(contest: Contest) -> Iterator[tuple[bool, str]]:
    """Yield for each requirement whether it is met, and the measurement."""
    ratio = ratio_to_fixed(contest)
    yield ratio <= MAX_RATIO, f"jhub takes {ratio:.2f} of the best fixed number, at most {MAX_RATIO} wanted"
    lost = sum(fleet.lost for fleet in contest.jhub)
    yield not lost, f"of {sum(fleet.wanted for fleet in contest.jhub):,} servers {lost} are lost, none wanted"
    requests_each = max(fleet.requests_each for fleet in contest.jhub)
    yield (
        requests_each <= MAX_REQUESTS_EACH,
        f"{requests_each:.2f} requests for each server, at most {MAX_REQUESTS_EACH} wanted",
    )
    if contest.hub == SPEEDUP_HUB:
        times = speedup(contest)
        yield times >= MIN_SPEEDUP, f"{times:.0f} times faster than one by one, at least {MIN_SPEEDUP} wanted"


def report(contest: Contest) -> bool:
    """Print a contest, and return whether all requirements are met."""
    hub = contest.hub
    print(
        f"{hub.users:,} starts of {hub.delay} s each, limit {hub.limit}, slow_spawn_timeout {hub.slow_spawn_timeout}:\n"
    )
    print(contest_table(contest), end="\n\n")
    results = list(requirements(contest))
    for met, text in results:
        print(f"{'met' if met else 'NOT MET'}: {text}")
    print(flush=True)
    return all(met for met, _ in results)


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the requirements are met."""
    print(f"Fleets. Load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n", flush=True)
    contests, met = [], []
    rounds = QUICK_ROUNDS if quick else ROUNDS
    for hub in QUICK_HUBS if quick else HUBS:
        contests.append(run_contest(hub, rounds))
        met.append(report(contests[-1]))
    record("fleets", contests)
    return all(met)


if __name__ == "__main__":
    run(main, __doc__)
