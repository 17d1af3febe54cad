"""The memory that listing 100 000 users takes: `python -m bench.listing_memory [--quick]`.

Every listing has a fresh process; the hub is a stub in another one. The memory is the process's own resident memory,
looked at after every page. Exits with 1 if a listing by jhub that keeps nothing grows.
"""

from __future__ import annotations

from statistics import median

from bench.child import serving
from bench.command import run
from bench.listing import measure
from bench.meter import Measured
from bench.stub_hub import ANY
from bench.table import table

USERS = 100_000
SETTLED = 10_000
"""Users after which everything is loaded that a listing needs."""
FLAT = 4 * 2**20
"""Bytes of growth from SETTLED to USERS that are not the listing's: the allocator's and the interpreter's."""
ROUNDS = 3

TITLES = {
    "hub": "`Hub`",
    "async_hub": "`AsyncHub`",
    "requests_pages": "`requests`, page by page",
    "requests_list": "`requests`, into a list",
}
DEMANDED = ("hub", "async_hub")


def measurements(rounds: int) -> dict[str, list[Measured]]:
    """Every way in turn, so many times."""
    found: dict[str, list[Measured]] = {way: [] for way in TITLES}
    with serving("bench.stub_hub", str(USERS)) as url:
        for _ in range(rounds):
            for way, listings in found.items():
                listings.append(measure(way, url, ANY, USERS))
    return found


def growth(listing: Measured) -> int:
    """Bytes by which the most memory in use rises after the first SETTLED users."""
    return listing.peak(USERS) - listing.peak(SETTLED)


def row(way: str, listings: list[Measured]) -> tuple[str, ...]:
    """The worst of the memory, the median of the time."""
    worst = max(listings, key=growth)
    seconds = median(listing.seconds for listing in listings)
    memory = (f"{worst.peak(users) / 2**20:.1f}" for users in (SETTLED, USERS // 2, USERS))
    return (TITLES[way], *memory, f"{growth(worst) / 2**20:.1f}", f"{seconds:.1f}", f"{USERS / seconds:,.0f}")


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether the demand is met."""
    rounds = 1 if quick else ROUNDS
    print(f"Listing {USERS:,} users of a stub; peak memory in MiB, the worst of {rounds}; time, the median.\n")
    found = measurements(rounds)
    peaks = (f"at {users:,}" for users in (SETTLED, USERS // 2, USERS))
    print(table(["way", *peaks, "growth", "seconds", "users/s"], [row(way, found[way]) for way in found]))
    worst = max(growth(listing) for way in DEMANDED for listing in found[way])
    met = worst <= FLAT
    print(
        f"\n{'met' if met else 'NOT MET'}: jhub grows by {worst / 2**20:.1f} MiB, at most {FLAT / 2**20:.0f} wanted\n"
    )
    return met


if __name__ == "__main__":
    run(main, __doc__)
