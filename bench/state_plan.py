"""Plan of a state file that changes nothing: `python -m bench.state_plan [--quick] [--json FILE]`.

A hub has 50 000 users and 500 groups, and so has the document. Its plan takes turns with the lists of all users and
groups, each in a fresh process. Exits with 1 if a plan takes more than 1.1 of the lists' time, the median of several
pairs, or if its process has 300 MiB or more.
"""

from __future__ import annotations

import random
from statistics import median

from bench.command import record, run
from bench.fleet_hub import Settings, fleet_hub
from bench.state_reading import OWNER, PROPERTIES, READINGS, Reading, read
from bench.table import table

USERS, GROUPS = 50_000, 500
PAIRS, QUICK_PAIRS = 5, 2
MAX_RATIO = 1.1
MAX_BYTES = 300 * 2**20

TITLES = {"plan": "`hub.state.plan`", "lists": "lists of users and groups"}


def readings(users: int, groups: int, pairs: int) -> dict[str, list[Reading]]:
    """Read the state of a hub in all ways in turn, so many times. The first list, which fills the hub, is left out."""
    by_name: dict[str, list[Reading]] = {name: [] for name in READINGS}
    settings = Settings(users=users, groups=groups, properties={"jhub": {"owner": OWNER}, **PROPERTIES})
    with fleet_hub(settings) as hub:
        read("lists", hub, users, groups)
        for _ in range(pairs):
            for name in random.sample(list(READINGS), len(READINGS)):
                by_name[name].append(read(name, hub, users, groups))
    return by_name


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the targets are met."""
    by_name = readings(USERS, GROUPS, QUICK_PAIRS if quick else PAIRS)
    record("state_plan", by_name)
    print(f"A hub with {USERS:,} users and {GROUPS} groups; median seconds, and the highest peak memory in MiB.\n")
    rows = [
        (TITLES[name], f"{median(each.seconds for each in made):.1f}", f"{max(each.peak for each in made) / 2**20:.0f}")
        for name, made in by_name.items()
    ]
    print(table(["what is read", "seconds", "memory"], rows), end="\n\n")
    pairs = zip(by_name["plan"], by_name["lists"], strict=True)
    ratio = median(plan.seconds / lists.seconds for plan, lists in pairs)
    peak = max(each.peak for each in by_name["plan"])
    requirements = [
        (ratio <= MAX_RATIO, f"a plan takes {ratio:.2f} of the time of the lists, at most {MAX_RATIO} wanted"),
        (peak < MAX_BYTES, f"its process has {peak / 2**20:.0f} MiB, below {MAX_BYTES / 2**20:.0f} wanted"),
    ]
    for met, text in requirements:
        print(f"{'met' if met else 'NOT MET'}: {text}")
    print()
    return all(met for met, _ in requirements)


if __name__ == "__main__":
    run(main, __doc__)
