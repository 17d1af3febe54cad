"""The memory that it takes to find idle servers among 10 000: `python -m bench.server_memory [--quick] [--json FILE]`.

The idle servers of a real hub are selected to be stopped, as `jhub server stop --idle` does: as many of 10 000 servers
of 5 000 users as of half of them. Every listing has a fresh process; the memory is its own
resident memory, looked at all along. Exits with 1 if the larger hub takes more.
"""

from __future__ import annotations

from bench.command import record, run
from bench.fleet_hub import Settings, fleet_hub
from bench.server_plan import Selected, select
from bench.table import table

USERS = (2_500, 5_000)
SERVERS_PER_USER = 2
IDLE = 500
MAX_GROWTH_BYTES = 2**20
"""Bytes that are not the listing's: the allocator's and the interpreter's. To keep all would take more."""
ROUNDS = 3

TITLES = {"idle": "the idle ones", "all": "all, as a list"}

Results = dict[str, list[Selected]]


def measure(users: int, rounds: int) -> Results:
    """Every selection in turn, so many times."""
    results: Results = {selection: [] for selection in TITLES}
    with fleet_hub(Settings(users=users, running=SERVERS_PER_USER, idle=IDLE)) as hub:
        for _ in range(rounds):
            for selection, runs in results.items():
                runs.append(select(selection, hub))
    for selection, expected in (("idle", IDLE), ("all", users * SERVERS_PER_USER)):
        if {selected.kept for selected in results[selection]} != {expected}:
            raise RuntimeError(f"{selection}: not the {expected} servers that there are")
    return results


def peak(runs: list[Selected]) -> int:
    """The most memory in use, the worst of all."""
    return max(each.peak for each in runs)


def main(*, quick: bool) -> bool:
    """Run, print, and tell whether the demand is met."""
    rounds = 1 if quick else ROUNDS
    print(f"Servers listed, and {IDLE} of them kept; peak memory in MiB, the worst of {rounds}.\n", flush=True)
    small, large = (measure(users, rounds) for users in USERS)
    grown = {selection: peak(large[selection]) - peak(small[selection]) for selection in TITLES}
    rows = [
        (title, *(f"{each / 2**20:.1f}" for each in (peak(small[selection]), peak(large[selection]), grown[selection])))
        for selection, title in TITLES.items()
    ]
    sizes = (f"{users * SERVERS_PER_USER:,} servers, {users:,} users" for users in USERS)
    print(table(["what is kept", *sizes, "growth"], rows), end="\n\n")
    record("server memory", {"small": small, "large": large})
    met = grown["idle"] <= MAX_GROWTH_BYTES
    print(
        f"{'met' if met else 'NOT MET'}: jhub takes {grown['idle'] / 2**20:.1f} MiB more for twice the servers,"
        f" at most {MAX_GROWTH_BYTES / 2**20:.0f} wanted\n"
    )
    return met


if __name__ == "__main__":
    run(main, __doc__)
