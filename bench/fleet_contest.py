"""Ways to start a fleet, one after the other on the same hub."""

from __future__ import annotations

import random
from collections.abc import Iterator

from msgspec import Struct

from bench.fleet_hub import FleetHub, Settings, fleet_hub
from bench.fleet_start import Started, start

FIXED = (5, 10, 16, 32, 48, 64, 100)
ONE_BY_ONE = 20
"""Starts that tell how long all of them would take one after the other."""
TOO_LONG = 30
"""Seconds. A fixed number that takes longer, even on a hub that does everything at once, is not tried."""
SECONDS_FOR_ROUNDS = 150
"""Of those that are compared: fewer rounds where each takes long."""
FULL_LOAD, DEFAULT_LOAD = 1.0, 0.5


class Hub(Struct, frozen=True):
    """A hub to start a fleet on, and how many servers."""

    limit: int
    delay: float
    users: int = 200
    slow_spawn_timeout: float = 10.0

    @property
    def settings(self) -> Settings:
        """What it is told."""
        return Settings(
            users=self.users,
            delay=self.delay,
            concurrent_spawn_limit=self.limit,
            slow_spawn_timeout=self.slow_spawn_timeout,
        )

    @property
    def fixed(self) -> list[int]:
        """The numbers at a time that are tried. More than the limit is no use: who is refused is to wait for half a
        minute or more.
        """
        numbers = {number for number in FIXED if number < self.limit and self.least(number) <= TOO_LONG}
        return sorted({*numbers, self.limit})

    def least(self, at_once: int) -> float:
        """Seconds that it takes so many at a time if nothing else takes any."""
        return self.users * self.delay / at_once


class Contest(Struct, frozen=True, kw_only=True):
    """All measurements on one hub. What stands in rounds was done in turn."""

    hub: Hub
    one_by_one: Started
    all_at_once: Started
    sweep: dict[int, Started]
    gentle: Started | None
    """jhub as it is when nothing is said. Left out where it would take minutes."""
    jhub: list[Started]
    best: dict[int, list[Started]]
    """Of the two fixed numbers that were best in the sweep, or the only one."""


def contest(hub: Hub, rounds: int) -> Contest:
    """Let everybody start, and those that are compared in at most so many rounds."""
    with fleet_hub(hub.settings) as running:
        one_by_one = start(running, "one_by_one", ONE_BY_ONE)
        at_once = start(running, "all_at_once", hub.users)
        sweep = {number: start(running, "so_many", hub.users, number) for number in hub.fixed}
        two = sorted(sweep, key=lambda number: sweep[number].seconds)[:2]
        times = max(1, min(rounds, int(SECONDS_FOR_ROUNDS / sweep[two[0]].seconds)))
        compared = [dict(_round(running, hub, two)) for _ in range(times)]
        gentle = None
        if hub.least(hub.limit) / DEFAULT_LOAD <= TOO_LONG:
            gentle = start(running, "jhub", hub.users, DEFAULT_LOAD)
    return Contest(
        hub=hub,
        one_by_one=one_by_one,
        all_at_once=at_once,
        sweep=sweep,
        gentle=gentle,
        jhub=[each[0] for each in compared],
        best={number: [each[number] for each in compared] for number in two},
    )


def _round(running: FleetHub, hub: Hub, fixed: list[int]) -> Iterator[tuple[int, Started]]:
    """jhub, as 0, and those fixed numbers, in any order."""
    turns = [0, *fixed]
    random.shuffle(turns)
    for number in turns:
        if number:
            yield number, start(running, "so_many", hub.users, number)
        else:
            yield number, start(running, "jhub", hub.users, FULL_LOAD)
