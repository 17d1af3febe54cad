"""What others on the hub notice of a fleet: `python -m bench.fleet_neighbour [--quick] [--json FILE]`.

How long somebody else's `GET /user` takes while 2 000 users are created, and while 200 servers are started with the
default load. Every hub is a fresh one. Exits with 1 if the 95th percentile is 250 ms or more in either, or if users are
created at less than 90 % of the throughput of one giant call, the median of several pairs with nobody else on the hub.
"""

from __future__ import annotations

import os
import random
import time
from statistics import median, quantiles

from bench.command import record, run
from bench.fleet_contest import DEFAULT_LOAD
from bench.fleet_hub import Settings, fleet_hub
from bench.fleet_start import start
from bench.neighbour import Neighbour
from bench.table import table
from bench.user_creation import USERS, Create, in_chunks, in_one_call

SERVERS = 200
BUSY = Settings(users=SERVERS, delay=1, concurrent_spawn_limit=100)
QUIET_SECONDS = 3
PAIRS, QUICK_PAIRS = 7, 3
WAIT_BELOW = 0.250
THROUGHPUT_AT_LEAST = 0.90


def nothing() -> list[float]:
    """Seconds that the neighbour waits while nothing happens."""
    with fleet_hub(BUSY) as hub, Neighbour(hub.url, hub.token) as neighbour:
        began = time.monotonic()
        time.sleep(QUIET_SECONDS)
        ended = time.monotonic()
    return neighbour.waits(began, ended)


def creating(create: Create) -> list[float]:
    """While users are created."""
    with fleet_hub(BUSY) as hub, Neighbour(hub.url, hub.token) as neighbour:
        began, ended = create(hub)
    return neighbour.waits(began, ended)


def starting() -> list[float]:
    """While servers are started, from the first request to the last server."""
    with fleet_hub(BUSY) as hub, Neighbour(hub.url, hub.token) as neighbour:
        fleet = start(hub, "jhub", SERVERS, DEFAULT_LOAD)
    return neighbour.waits(fleet.began, fleet.began + fleet.seconds)


def throughput(pairs: int) -> list[float]:
    """Of jhub's creation of users, to that of one giant call."""
    ratios = []
    for _ in range(pairs):
        seconds = {}
        for create in random.sample((in_one_call, in_chunks), 2):
            with fleet_hub(BUSY) as hub:
                began, ended = create(hub)
            seconds[create] = ended - began
        ratios.append(seconds[in_one_call] / seconds[in_chunks])
    return ratios


def percentile(waits: list[float]) -> float:
    """The 95th."""
    return quantiles(waits, n=20)[-1]


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether the demands are met."""
    print(f"Neighbours. Load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n", flush=True)
    waits = {
        "nothing": nothing(),
        f"{USERS:,} users created by jhub": creating(in_chunks),
        f"{SERVERS} servers started by jhub": starting(),
        f"{USERS:,} users created in one call": creating(in_one_call),
    }
    rows = [
        (name, str(len(each)), *(f"{wait * 1000:.0f}" for wait in (median(each), percentile(each), max(each))))
        for name, each in waits.items()
    ]
    print("How many ms somebody else's GET /user takes meanwhile:\n")
    print(table(["what happens", "requests", "median", "95th percentile", "longest"], rows), end="\n\n")
    _, users, servers, _ = waits.values()
    ratios = throughput(QUICK_PAIRS if quick else PAIRS)
    record("neighbour", {"waits": waits, "throughput": ratios})
    demands = [
        (percentile(users) < WAIT_BELOW, f"{percentile(users) * 1000:.0f} ms while users are created"),
        (percentile(servers) < WAIT_BELOW, f"{percentile(servers) * 1000:.0f} ms while servers start"),
        (median(ratios) >= THROUGHPUT_AT_LEAST, f"users are created at {median(ratios):.2f} of one giant call"),
    ]
    for met, what in demands:
        print(f"{'met' if met else 'NOT MET'}: {what}")
    print(f"Wanted: below {WAIT_BELOW * 1000:.0f} ms, and at least {THROUGHPUT_AT_LEAST}.\n")
    return all(met for met, _ in demands)


if __name__ == "__main__":
    run(main, __doc__)
