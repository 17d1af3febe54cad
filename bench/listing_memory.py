"""Memory to list 100 000 users: `python -m bench.listing_memory [--quick]`.

Every listing runs in a fresh process; the hub is a stub in another one. The memory is the process's resident memory,
sampled after every page. Exits with 1 if the memory grows in a listing by jhub that keeps nothing.
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
"""Number of users after which all modules and buffers of a listing are loaded."""
MAX_GROWTH_BYTES = 4 * 2**20
"""Maximum growth from WARM_UP_USERS to USERS, which allows for the allocator and the interpreter."""
ROUNDS = 3

TITLES = {
    "hub": "`Hub`",
    "async_hub": "`AsyncHub`",
    "requests_pages": "`requests`, page by page",
    "requests_list": "`requests`, into a list",
}
CHECKED = ("hub", "async_hub")


def measurements(rounds: int) -> dict[str, list[Measurement]]:
    """Run all listers in turn, `rounds` times."""
    measurements_by_lister: dict[str, list[Measurement]] = {lister: [] for lister in TITLES}
    with serving("bench.stub_hub", str(USERS)) as url:
        for _ in range(rounds):
            for lister, listings in measurements_by_lister.items():
                listings.append(measure(lister, url, ANY_CREDENTIAL, USERS))
    return measurements_by_lister


def growth(listing: Measurement) -> int:
    """Return the growth of the peak memory after the first WARM_UP_USERS users, in bytes."""
    return listing.peak(USERS) - listing.peak(WARM_UP_USERS)


def row(lister: str, listings: list[Measurement]) -> tuple[str, ...]:
    """Return the row of a lister: its worst memory and its median time."""
    worst = max(listings, key=growth)
    seconds = median(listing.seconds for listing in listings)
    memory = (f"{worst.peak(users) / 2**20:.1f}" for users in (WARM_UP_USERS, USERS // 2, USERS))
    return (TITLES[lister], *memory, f"{growth(worst) / 2**20:.1f}", f"{seconds:.1f}", f"{USERS / seconds:,.0f}")


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the target is met."""
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
