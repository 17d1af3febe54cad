"""Memory to find idle servers among 10 000: `python -m bench.server_memory [--quick] [--json FILE]`.

It selects the idle servers of a real hub, as `jhub server stop --idle` does: 500 of 10 000 servers of 5 000 users, and
500 of half as many. Every listing runs in a fresh process, whose resident memory is sampled all the time. Exits with 1
if the larger hub takes more memory.
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
"""Maximum growth, which allows for the allocator and the interpreter. Keeping all servers takes more."""
ROUNDS = 3

TITLES = {"idle": "the idle ones", "all": "all, as a list"}

Results = dict[str, list[Selected]]


def measure(users: int, rounds: int) -> Results:
    """Run all selections in turn, `rounds` times."""
    results: Results = {selection: [] for selection in TITLES}
    with fleet_hub(Settings(users=users, running=SERVERS_PER_USER, idle=IDLE)) as hub:
        for _ in range(rounds):
            for selection, runs in results.items():
                runs.append(select(selection, hub))
    for selection, expected in (("idle", IDLE), ("all", users * SERVERS_PER_USER)):
        if {selected.kept for selected in results[selection]} != {expected}:
            raise RuntimeError(f"{selection}: expected {expected} servers")
    return results


def peak(runs: list[Selected]) -> int:
    """Return the highest peak memory of all runs, in bytes."""
    return max(each.peak for each in runs)


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the target is met."""
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
