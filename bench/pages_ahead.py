"""The number of pages in flight: `python -m bench.pages_ahead`. It has no target; `--quick` skips it.

It measures the time of a listing for several times per page, on stubs, so that load on this machine has no effect. On a
real hub it measures the latency of another user's small request during a listing. A relay adds 50 ms to each hub.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from statistics import median, quantiles

from bench.child import serving
from bench.command import run
from bench.listing import measure
from bench.meter import Measurement
from bench.neighbour import Neighbour
from bench.real_hub import real_hub
from bench.relay import through_relay
from bench.stub_hub import ANY_CREDENTIAL
from bench.table import table
from jhub.operations.paging import MAX_PAGES_IN_FLIGHT

USERS = 5_000
PAGES_IN_FLIGHT = (1, 2, 3, 4, 6, 8)
PAGE_MS = (10, 20, 30, 40)
ROUNDS = 3
IDLE_SECONDS = 3


def ratios_for_page_time(page_ms: int) -> tuple[str, ...]:
    """Return the row of a time per page: the ratios to one page after the other, by number of pages in flight."""
    seconds: dict[int, list[float]] = {ahead: [] for ahead in PAGES_IN_FLIGHT}
    with serving("bench.stub_hub", str(USERS), str(page_ms / 1000)) as near, through_relay(near) as far:
        for _ in range(ROUNDS):
            for ahead, durations in seconds.items():
                durations.append(measure("hub", far, ANY_CREDENTIAL, USERS, ahead).seconds)
    sequential = median(seconds[1])
    return (
        f"{page_ms} ms",
        f"{sequential:.2f} s",
        *(f"{median(seconds[n]) / sequential:.2f}" for n in PAGES_IN_FLIGHT[1:]),
    )


def waits_of_neighbour() -> Iterator[tuple[str, ...]]:
    """Yield a row for each number of pages in flight: the time of a listing, and the latency of the neighbour."""
    listings: dict[int, list[Measurement]] = {ahead: [] for ahead in PAGES_IN_FLIGHT}
    with real_hub(USERS) as hub, Neighbour(hub.near, hub.token) as neighbour:
        began = time.monotonic()
        time.sleep(IDLE_SECONDS)
        ended = time.monotonic()
        for _ in range(ROUNDS):
            for ahead, measurements in listings.items():
                measurements.append(measure("hub", hub.far, hub.token, USERS, ahead))
    yield ("no listing", "", *_waits(neighbour.waits(began, ended)))
    for ahead, measurements in listings.items():
        waits = [wait for measurement in measurements for wait in neighbour.waits(measurement.began, measurement.ended)]
        yield (str(ahead), f"{median(measurement.seconds for measurement in measurements):.2f}", *_waits(waits))


def _waits(waits: list[float]) -> tuple[str, ...]:
    """Return median, 95th percentile and maximum in milliseconds."""
    return tuple(f"{wait * 1000:.0f}" for wait in (median(waits), quantiles(waits, n=20)[-1], max(waits)))


def main(*, quick: bool) -> bool:
    """Run and print."""
    if quick:
        return True
    print(
        f"Listing {USERS:,} users with so many pages at a time (jhub: {MAX_PAGES_IN_FLIGHT}), 50 ms away: "
        "ratio to one at a time.\n"
    )
    head = ["the hub's time for a page", "1", *(str(ahead) for ahead in PAGES_IN_FLIGHT[1:])]
    print(table(head, [ratios_for_page_time(page_ms) for page_ms in PAGE_MS]))
    print("\nOn a real hub, and how many ms somebody else's GET /user takes meanwhile:\n")
    print(
        table(["at a time", "seconds", "median", "95th percentile", "longest"], list(waits_of_neighbour())), end="\n\n"
    )
    return True


if __name__ == "__main__":
    run(main, __doc__)
