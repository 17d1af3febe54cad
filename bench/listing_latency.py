"""Time to list 5 000 users of a distant hub: `python -m bench.listing_latency [--quick]`.

The hub is a real one, behind a relay that adds 50 ms to every round trip. Every listing runs in a fresh process with an
open connection; the listers take turns. Exits with 1 if a listing by jhub takes more than 1.1 times the minimum for any
client: the hub's own work and two round trips, since only the first page shows that there are more. The median of the
rounds counts.
"""

from __future__ import annotations

import os
import random
from statistics import median
from typing import NamedTuple

from bench.command import run
from bench.listers import PAGE
from bench.listing import measure
from bench.real_hub import RealHub, real_hub
from bench.relay import ROUND_TRIP_SECONDS
from bench.table import table

USERS = 5_000
PAGES = USERS // PAGE
MAX_RATIO = 1.1
ROUNDS, QUICK_ROUNDS = 9, 5


class Contender(NamedTuple):
    """A lister and its settings."""

    title: str
    lister: str
    ahead: int | None = None
    without_delay: bool = False


class Duration(NamedTuple):
    """Seconds of one listing: elapsed time, and CPU time of the hub."""

    seconds: float
    cpu_seconds: float


JHUB = [Contender("`Hub`", "hub"), Contender("`AsyncHub`", "async_hub")]
SEQUENTIAL = [
    Contender("`Hub`, one page after the other", "hub", ahead=1),
    Contender("`requests`, one page after the other", "requests_pages"),
]
WITHOUT_DELAY = Contender("`requests`, without the 50 ms", "requests_pages", without_delay=True)

Durations = dict[Contender, list[Duration]]


def compare(hub: RealHub, rounds: int) -> Durations:
    """Measure every contender in every round."""
    times: Durations = {contender: [] for contender in (*JHUB, *SEQUENTIAL, WITHOUT_DELAY)}
    for _ in range(rounds):
        turns = list(times)
        random.shuffle(turns)  # so that the after-effects of one contender do not always hit the same other one
        for contender in turns:
            url = hub.near if contender.without_delay else hub.far
            before = hub.cpu_seconds
            listing = measure(contender.lister, url, hub.token, USERS, contender.ahead)
            times[contender].append(Duration(listing.seconds, hub.cpu_seconds - before))
    return times


def ratio(times: Durations, of: Contender, to: Contender) -> float:
    """Return the median of the rounds' ratios: a disturbance of a round affects both of its listings."""
    return median(a.seconds / b.seconds for a, b in zip(times[of], times[to], strict=True))


def row(times: Durations, contender: Contender) -> tuple[str, ...]:
    """Return the row of a contender: its times and ratios."""
    seconds = [duration.seconds for duration in times[contender]]
    page = median(duration.cpu_seconds for duration in times[contender]) / PAGES
    return (
        contender.title,
        f"{median(seconds):.2f}",
        f"{min(seconds):.2f} to {max(seconds):.2f}",
        f"{page * 1000:.0f}",
        *(f"{ratio(times, contender, other):.2f}" for other in SEQUENTIAL),
        "" if contender.without_delay else f"{ratio_to_limit(times, contender):.2f}",
    )


def ratio_to_limit(times: Durations, of: Contender) -> float:
    """Return the ratio to the minimum for any client: the hub's work on the listing and two round trips."""
    return median(duration.seconds / (duration.cpu_seconds + 2 * ROUND_TRIP_SECONDS) for duration in times[of])


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the target is met."""
    rounds = QUICK_ROUNDS if quick else ROUNDS
    load, cores = os.getloadavg()[0], os.cpu_count()
    with real_hub(USERS) as hub:
        print(f"Listing {USERS:,} users ({PAGES} pages) of JupyterHub {hub.version},", end=" ")
        print(f"{ROUND_TRIP_SECONDS * 1000:.0f} ms away;")
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
    worst = max(ratio_to_limit(times, contender) for contender in JHUB)
    met = worst <= MAX_RATIO
    print(
        f"\n{'met' if met else 'NOT MET'}: jhub takes {worst:.2f} of the least possible, {MAX_RATIO} at most wanted\n"
    )
    return met


if __name__ == "__main__":
    run(main, __doc__)
