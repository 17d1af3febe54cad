"""The time that listing 5 000 users takes from afar: `python -m bench.listing_latency [--quick]`.

The hub is a real one, behind a relay that adds 50 ms to every round trip. Every listing has a fresh process with one
connection open; the ways take turns. Exits with 1 if a listing by jhub takes more than 1.1 of the least that any client
needs: the hub's own work on it and two round trips, since the first page tells that there are more. The median of the
rounds counts.
"""

from __future__ import annotations

import os
import random
from statistics import median
from typing import NamedTuple

from bench.command import run
from bench.listing import measure
from bench.real_hub import RealHub, real_hub
from bench.relay import ROUND_TRIP
from bench.table import table
from bench.ways import PAGE

USERS = 5_000
PAGES = USERS // PAGE
WANTED = 1.1
ROUNDS, QUICK_ROUNDS = 9, 5


class Contender(NamedTuple):
    """One way to list, and how."""

    title: str
    way: str
    ahead: int | None = None
    near: bool = False


class Time(NamedTuple):
    """Seconds of one listing: of the clock, and of the hub's processor."""

    seconds: float
    busy: float


OURS = [Contender("`Hub`", "hub"), Contender("`AsyncHub`", "async_hub")]
ONE_BY_ONE = [
    Contender("`Hub`, one page after the other", "hub", ahead=1),
    Contender("`requests`, one page after the other", "requests_pages"),
]
NEAR = Contender("`requests`, without the 50 ms", "requests_pages", near=True)

Times = dict[Contender, list[Time]]


def compare(hub: RealHub, rounds: int) -> Times:
    """What every contender takes in every round."""
    times: Times = {contender: [] for contender in (*OURS, *ONE_BY_ONE, NEAR)}
    for _ in range(rounds):
        turns = list(times)
        random.shuffle(turns)  # what one leaves behind in the hub is not always the same one's to bear
        for contender in turns:
            url = hub.near if contender.near else hub.far
            before = hub.busy
            listing = measure(contender.way, url, hub.token, USERS, contender.ahead)
            times[contender].append(Time(listing.seconds, hub.busy - before))
    return times


def ratio(times: Times, of: Contender, to: Contender) -> float:
    """The median of the rounds' ratios: what disturbs a whole round disturbs both of its listings."""
    return median(a.seconds / b.seconds for a, b in zip(times[of], times[to], strict=True))


def row(times: Times, contender: Contender) -> tuple[str, ...]:
    """One contender's times and ratios."""
    seconds = [each.seconds for each in times[contender]]
    page = median(each.busy for each in times[contender]) / PAGES
    return (
        contender.title,
        f"{median(seconds):.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        f"{page * 1000:.0f}",
        *(f"{ratio(times, contender, other):.2f}" for other in ONE_BY_ONE),
        "" if contender.near else f"{to_the_limit(times, contender):.2f}",
    )


def to_the_limit(times: Times, of: Contender) -> float:
    """Return how often a listing takes the least that any client needs: the hub's work on it and two round trips."""
    return median(each.seconds / (each.busy + 2 * ROUND_TRIP) for each in times[of])


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether the demand is met."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    load, cores = os.getloadavg()[0], os.cpu_count()
    with real_hub(USERS) as hub:
        print(f"Listing {USERS:,} users ({PAGES} pages) of JupyterHub {hub.version}, {ROUND_TRIP * 1000:.0f} ms away;")
        print(f"{rounds} rounds. Load of this machine before: {load:.1f} on {cores} cores.\n")
        times = compare(hub, rounds)
    head = [
        "way",
        "seconds",
        "from, to",
        "hub's ms a page",
        "to `Hub`, one …",
        "to `requests`, one …",
        "to the limit",
    ]
    print(table(head, [row(times, contender) for contender in times]))
    worst = max(to_the_limit(times, ours) for ours in OURS)
    met = worst <= WANTED
    print(f"\n{'met' if met else 'NOT MET'}: jhub takes {worst:.2f} of the least possible, {WANTED} at most wanted\n")
    return met


if __name__ == "__main__":
    run(main, __doc__)
