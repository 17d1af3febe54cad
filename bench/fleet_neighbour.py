"""Impact of fleets on other users of the hub: `python -m bench.fleet_neighbour [--quick] [--json FILE]`.

Measures the latency of another user's `GET /user` while 2 000 users are created, and while 200 servers are started with
the default load, each on a fresh hub. Exits with 1 if the 95th percentile is 250 ms or more in either, or if users are
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
SETTINGS = Settings(users=SERVERS, delay=1, concurrent_spawn_limit=100)
QUIET_SECONDS = 3
PAIRS, QUICK_PAIRS = 7, 3
MAX_WAIT_SECONDS = 0.250
MIN_THROUGHPUT = 0.90


def baseline() -> list[float]:
    """Return the neighbour's latencies on an idle hub, in seconds."""
    with fleet_hub(SETTINGS) as hub, Neighbour(hub.url, hub.token) as neighbour:
        began = time.monotonic()
        time.sleep(QUIET_SECONDS)
        ended = time.monotonic()
    return neighbour.waits(began, ended)


def while_creating_users(create: Create) -> list[float]:
    """Return the neighbour's latencies while users are created, in seconds."""
    with fleet_hub(SETTINGS) as hub, Neighbour(hub.url, hub.token) as neighbour:
        began, ended = create(hub)
    return neighbour.waits(began, ended)


def while_starting_servers() -> list[float]:
    """Return the neighbour's latencies from the first start to the last ready server, in seconds."""
    with fleet_hub(SETTINGS) as hub, Neighbour(hub.url, hub.token) as neighbour:
        fleet = start(hub, "jhub", SERVERS, DEFAULT_LOAD)
    return neighbour.waits(fleet.began, fleet.began + fleet.seconds)


def throughput(pairs: int) -> list[float]:
    """Return the ratios of jhub's throughput in creating users to that of one giant call."""
    ratios = []
    for _ in range(pairs):
        seconds = {}
        for create in random.sample((in_one_call, in_chunks), 2):
            with fleet_hub(SETTINGS) as hub:
                began, ended = create(hub)
            seconds[create] = ended - began
        ratios.append(seconds[in_one_call] / seconds[in_chunks])
    return ratios


def percentile(waits: list[float]) -> float:
    """Return the 95th percentile."""
    return quantiles(waits, n=20)[-1]


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the requirements are met."""
    print(f"Neighbours. Load of this machine before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores.\n", flush=True)
    waits = {
        "nothing": baseline(),
        f"{USERS:,} users created by jhub": while_creating_users(in_chunks),
        f"{SERVERS} servers started by jhub": while_starting_servers(),
        f"{USERS:,} users created in one call": while_creating_users(in_one_call),
    }
    rows = [
        (name, str(len(each)), *(f"{wait * 1000:.0f}" for wait in (median(each), percentile(each), max(each))))
        for name, each in waits.items()
    ]
    print("Latency of another user's GET /user, in ms:\n")
    print(table(["what happens", "requests", "median", "95th percentile", "longest"], rows), end="\n\n")
    _, users, servers, _ = waits.values()
    ratios = throughput(QUICK_PAIRS if quick else PAIRS)
    record("neighbour", {"waits": waits, "throughput": ratios})
    requirements = [
        (percentile(users) < MAX_WAIT_SECONDS, f"{percentile(users) * 1000:.0f} ms while users are created"),
        (percentile(servers) < MAX_WAIT_SECONDS, f"{percentile(servers) * 1000:.0f} ms while servers start"),
        (median(ratios) >= MIN_THROUGHPUT, f"users are created at {median(ratios):.2f} of one giant call"),
    ]
    for met, text in requirements:
        print(f"{'met' if met else 'NOT MET'}: {text}")
    print(f"Wanted: below {MAX_WAIT_SECONDS * 1000:.0f} ms, and at least {MIN_THROUGHPUT}.\n")
    return all(met for met, _ in requirements)


if __name__ == "__main__":
    run(main, __doc__)
