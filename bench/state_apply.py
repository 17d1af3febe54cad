"""Application of a state file: `python -m bench.state_apply [--quick] [--json FILE]`.

5 000 new users in 20 new groups are applied from a plan, in turns with the same chunks by `hub.users.create_many`,
`hub.groups.create` and `hub.groups.add_users`, on one hub. Another user of the hub sends small requests meanwhile.
Exits with 1 if the plan has less than 90 % of the throughput of these calls, the median of several pairs, or if the
95th percentile of the other user's latency is 250 ms or more.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from statistics import median, quantiles
from typing import TypeAlias

from msgspec import Struct

from bench.command import record, run
from bench.fleet_hub import FleetHub, Settings, fleet_hub
from bench.neighbour import Neighbour
from bench.table import table
from jhub import Hub
from jhub.bulk.chunks import CHUNK_SIZE
from jhub.state import Document, GroupEntry, MembersEntry, UserEntry

USERS, GROUPS = 5_000, 20
PAIRS, QUICK_PAIRS = 5, 1
MIN_THROUGHPUT = 0.90
MAX_WAIT_SECONDS = 0.250

Classes: TypeAlias = dict[str, list[str]]
"""New groups, each with its members, who are new, too."""
Way: TypeAlias = Callable[[Hub, Classes], tuple[float, float]]
"""Function that creates the classes and returns its start and end, on the system's monotonic clock."""


class Application(Struct, frozen=True, kw_only=True):
    """The seconds of an application, and the other user's latencies meanwhile."""

    seconds: float
    waits: list[float]

    @property
    def percentile(self) -> float:
        """The 95th percentile of the latencies, in seconds."""
        return quantiles(self.waits, n=20)[-1]


def by_plan(hub: Hub, classes: Classes) -> tuple[float, float]:
    """Apply the plan of a document that has the classes."""
    names = [name for members in classes.values() for name in members]
    entries = (GroupEntry(name=name, members=MembersEntry(names=tuple(members))) for name, members in classes.items())
    document = Document(owner="benchmark", users=tuple(UserEntry(name=name) for name in names), groups=tuple(entries))
    plan = hub.state.plan(document)
    began = time.monotonic()
    with hub.state.apply(plan) as application:
        for _ in application:
            pass
    ended = time.monotonic()
    if not application.summary.ok:
        raise RuntimeError(f"failed: {application.summary.failed[:1]}")
    return began, ended


def by_calls(hub: Hub, classes: Classes) -> tuple[float, float]:
    """Create the users and groups, and add the members in the same chunks."""
    names = [name for members in classes.values() for name in members]
    began = time.monotonic()
    with hub.users.create_many(names) as creation:
        for _ in creation:
            pass
    if not creation.summary.ok:
        raise RuntimeError(f"failed: {creation.summary.failed[:1]}")
    for name, members in classes.items():
        hub.groups.create(name)
        for start in range(0, len(members), CHUNK_SIZE):
            hub.groups.add_users(name, members[start : start + CHUNK_SIZE])
    return began, time.monotonic()


WAYS: dict[str, Way] = {"plan": by_plan, "calls": by_calls}
TITLES = {"plan": "`hub.state.apply`", "calls": "`create_many`, `add_users`"}


def measure(way: str, hub: FleetHub, round_number: int, users: int, groups: int) -> Application:
    """Create users and groups with names of their own."""
    prefix = f"{way}{round_number}"
    names = [f"{prefix}-user{number:04}" for number in range(users)]
    classes = {f"{prefix}-group{number:02}": names[number::groups] for number in range(groups)}
    with Neighbour(hub.url, hub.token) as neighbour, Hub(hub.url, hub.token) as client:
        client.version()
        began, ended = WAYS[way](client, classes)
        if sorted(client.groups.get(f"{prefix}-group00").users or ()) != names[::groups]:
            raise RuntimeError(f"{way}: the members are not as wanted")
    return Application(seconds=ended - began, waits=neighbour.waits(began, ended))


def applications(users: int, groups: int, pairs: int) -> dict[str, list[Application]]:
    """Apply in all ways in turn, so many times."""
    by_way: dict[str, list[Application]] = {way: [] for way in WAYS}
    with fleet_hub(Settings(users=0)) as hub:
        for number in range(pairs):
            for way in random.sample(list(WAYS), len(WAYS)):
                by_way[way].append(measure(way, hub, number, users, groups))
    return by_way


def main(*, quick: bool) -> bool:
    """Run, print, and return whether the targets are met."""
    by_way = applications(USERS, GROUPS, QUICK_PAIRS if quick else PAIRS)
    record("state_apply", by_way)
    print(f"{USERS:,} new users in {GROUPS} new groups; medians, and latency of another user's GET /user in ms.\n")
    rows = [
        (
            TITLES[way],
            f"{median(each.seconds for each in made):.1f}",
            f"{median(wait for each in made for wait in each.waits) * 1000:.0f}",
            f"{median(each.percentile for each in made) * 1000:.0f}",
            f"{max(wait for each in made for wait in each.waits) * 1000:.0f}",
        )
        for way, made in by_way.items()
    ]
    print(table(["way", "seconds", "latency", "95th percentile", "longest"], rows), end="\n\n")
    pairs = zip(by_way["plan"], by_way["calls"], strict=True)
    ratio = median(calls.seconds / plan.seconds for plan, calls in pairs)
    wait = median(each.percentile for each in by_way["plan"])
    requirements = [
        (
            ratio >= MIN_THROUGHPUT,
            f"a plan has {ratio:.2f} of the throughput of calls, at least {MIN_THROUGHPUT} wanted",
        ),
        (wait < MAX_WAIT_SECONDS, f"others wait {wait * 1000:.0f} ms, below {MAX_WAIT_SECONDS * 1000:.0f} wanted"),
    ]
    for met, text in requirements:
        print(f"{'met' if met else 'NOT MET'}: {text}")
    print()
    return all(met for met, _ in requirements)


if __name__ == "__main__":
    run(main, __doc__)
