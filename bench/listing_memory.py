"""The memory that listing 100 000 users takes: `python -m bench.listing_memory [--quick]`.

Every listing has a fresh process; the hub is a stub in another one. The memory is the process's own resident memory,
looked at after every page. Exits with 1 if a listing by jhub that keeps nothing grows.
"""

from __future__ import annotations

from statistics import median

from bench.child import serving
from bench.command import run
from bench.listing import measure
from bench.meter import Measurement
from bench.stub_hub import ANY_CREDENTIAL
from bench.table import table

USERS = 100_000
WARM_UP_USERS = 10_000
"""Users after which everything is loaded that a listing needs."""
MAX_GROWTH_BYTES = 4 * 2**20
"""Bytes of growth from WARM_UP_USERS to USERS that are not the listing's: the allocator's and the interpreter's."""
ROUNDS = 3

TITLES = {
    "hub": "`Hub`",
    "async_hub": "`AsyncHub`",
    "requests_pages": "`requests`, page by page",
    "requests_list": "`requests`, into a list",
}
CHECKED = ("hub", "async_hub")


def measurements(rounds: int) -> dict[str, list[Measurement]]:
    """Every lister in turn, so many times."""
    measurements_by_lister: dict[str, list[Measurement]] = {lister: [] for lister in TITLES}
    with serving("bench.stub_hub", str(USERS)) as url:
        for _ in range(rounds):
            for lister, listings in measurements_by_lister.items():
                listings.append(measure(lister, url, ANY_CREDENTIAL, USERS))
    return measurements_by_lister


def growth(listing: Measurement) -> int:
    """Bytes by which the most memory in use rises after the first WARM_UP_USERS users."""
    return listing.peak(USERS) - listing.peak(WARM_UP_USERS)


def row(lister: str, listings: list[Measurement]) -> tuple[str, ...]:
    """The worst of the memory, the median of the time."""
    worst = max(listings, key=growth)
    seconds = median(listing.seconds for listing in listings)
    memory = (f"{worst.peak(users) / 2**20:.1f}" for users in (WARM_UP_USERS, USERS // 2, USERS))
    return (TITLES[lister], *memory, f"{growth(worst) / 2**20:.1f}", f"{seconds:.1f}", f"{USERS / seconds:,.0f}")


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether the demand is met."""
    rounds = 1 if quick else ROUNDS
    print(f"Listing {USERS:,} users of a stub; peak memory in MiB, the worst of {rounds}; time, the median.\n")
    measurements_by_lister = measurements(rounds)
    peaks = (f"at {users:,}" for users in (WARM_UP_USERS, USERS // 2, USERS))
    print(
        table(
            ["way", *peaks, "growth", "seconds", "users/s"],
            [row(lister, measurements_by_lister[lister]) for lister in measurements_by_lister],
        )
    )
    worst = max(growth(listing) for lister in CHECKED for listing in measurements_by_lister[lister])
    met = worst <= MAX_GROWTH_BYTES
    print(f"\n{'met' if met else 'NOT MET'}: jhub grows by {worst / 2**20:.1f} MiB,", end=" ")
    print(f"at most {MAX_GROWTH_BYTES / 2**20:.0f} wanted\n")
    return met


if __name__ == "__main__":
    run(main, __doc__)
