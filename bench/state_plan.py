"""Plan of a state file that changes nothing: `python -m bench.state_plan [--quick] [--json FILE]`.

A hub has 50 000 users and 500 groups, and so has the file. Its plan takes turns with the lists of all users and groups,
each in a fresh process. Exits with 1 if a plan takes more than 1.1 of the lists' time, the median of several pairs, or
if its process, which loads the file, has 300 MiB or more.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from statistics import median

from bench.command import record, run
from bench.fleet_hub import Settings, fleet_hub, group_name, user_name
from bench.state_reading import READS, Reading, read
from bench.table import table
from jhub.state import Document, GroupEntry, MembersEntry, UserEntry, to_yaml

USERS, GROUPS = 50_000, 500
PAIRS, QUICK_PAIRS = 5, 2
MAX_RATIO = 1.1
MAX_BYTES = 300 * 2**20

OWNER = "benchmark"
PROPERTIES = {"mem_limit": "2G"}
"""Properties of all groups, apart from their owner."""
TITLES = {"load": "`jhub.state.load`", "plan": "`hub.state.plan`", "lists": "lists of users and groups"}


def document_of(users: int, groups: int) -> Document:
    """Return the document that a hub with so many users and groups agrees with."""
    names = [user_name(number) for number in range(users)]
    entries = (
        GroupEntry(
            name=group_name(number), members=MembersEntry(names=tuple(names[number::groups])), properties=PROPERTIES
        )
        for number in range(groups)
    )
    return Document(owner=OWNER, users=tuple(UserEntry(name=name) for name in names), groups=tuple(entries))


def readings(users: int, groups: int, rounds: int) -> dict[str, list[Reading]]:
    """Load a file, plan it and read the lists in turn. The hub's first lists, which fill its caches, are left out."""
    by_name: dict[str, list[Reading]] = {name: [] for name in READS}
    settings = Settings(users=users, groups=groups, properties={"jhub": {"owner": OWNER}, **PROPERTIES})
    with tempfile.TemporaryDirectory() as folder, fleet_hub(settings) as hub:
        file = Path(folder) / "jhub.yaml"
        file.write_text(to_yaml(document_of(users, groups)))
        read("lists", hub, file)
        for _ in range(rounds):
            for name in random.sample(list(READS), len(READS)):
                reading = read(name, hub, file)
                if (reading.users, reading.groups) != (users, groups):
                    raise RuntimeError(f"{name}: {reading.users} users and {reading.groups} groups")
                by_name[name].append(reading)
    return by_name


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the targets are met."""
    by_name = readings(USERS, GROUPS, QUICK_PAIRS if quick else PAIRS)
    record("state_plan", by_name)
    print(f"{USERS:,} users and {GROUPS} groups; median seconds, and the highest peak memory in MiB.\n")
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
