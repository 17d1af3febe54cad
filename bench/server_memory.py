"""The memory that it takes to find idle servers among 10 000: `python -m bench.server_memory [--quick] [--json FILE]`.

The idle servers of a real hub are selected to be stopped, as `jhub server stop --idle` does: as many of 10 000 servers
of 5 000 users as of half of them. Every listing has a fresh process; the memory is its own
resident memory, looked at all along. Exits with 1 if the larger hub takes more.
"""

from __future__ import annotations

from bench.command import keep, run
from bench.fleet_hub import Settings, fleet_hub
from bench.server_plan import Planned, plan
from bench.table import table

USERS = (2_500, 5_000)
EACH = 2
IDLE = 500
FLAT = 2**20
"""Bytes that are not the listing's: the allocator's and the interpreter's. To keep all would take more."""
ROUNDS = 3

TITLES = {"idle": "the idle ones", "all": "all, as a list"}

Plans = dict[str, list[Planned]]


def measure(users: int, rounds: int) -> Plans:
    """Every way in turn, so many times."""
    plans: Plans = {way: [] for way in TITLES}
    with fleet_hub(Settings(users=users, running=EACH, idle=IDLE)) as hub:
        for _ in range(rounds):
            for way, found in plans.items():
                found.append(plan(way, hub))
    for way, wanted in (("idle", IDLE), ("all", users * EACH)):
        if {found.kept for found in plans[way]} != {wanted}:
            raise RuntimeError(f"{way}: not the {wanted} servers that there are")
    return plans


def peak(found: list[Planned]) -> int:
    """The most memory in use, the worst of all."""
    return max(each.peak for each in found)


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether the demand is met."""
    rounds = 1 if quick else ROUNDS
    print(f"Servers listed, and {IDLE} of them kept; peak memory in MiB, the worst of {rounds}.\n", flush=True)
    small, large = (measure(users, rounds) for users in USERS)
    grown = {way: peak(large[way]) - peak(small[way]) for way in TITLES}
    rows = [
        (title, *(f"{each / 2**20:.1f}" for each in (peak(small[way]), peak(large[way]), grown[way])))
        for way, title in TITLES.items()
    ]
    sizes = (f"{users * EACH:,} servers, {users:,} users" for users in USERS)
    print(table(["what is kept", *sizes, "growth"], rows), end="\n\n")
    keep("server memory", {"small": small, "large": large})
    met = grown["idle"] <= FLAT
    print(
        f"{'met' if met else 'NOT MET'}: jhub takes {grown['idle'] / 2**20:.1f} MiB more for twice the servers,"
        f" at most {FLAT / 2**20:.0f} wanted\n"
    )
    return met


if __name__ == "__main__":
    run(main, __doc__)
