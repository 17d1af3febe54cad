"""Contest of the strategies to start a fleet, one after the other on the same hub."""

from __future__ import annotations

import random
from collections.abc import Iterator

from msgspec import Struct

from bench.fleet_hub import FleetHub, Settings, fleet_hub
from bench.fleet_start import Started, start

FIXED_NUMBERS = (5, 10, 16, 32, 48, 64, 100)
SEQUENTIAL_STARTS = 20
"""Number of sequential starts from which the time of all of them is extrapolated."""
MAX_SECONDS = 30
"""Maximum seconds on an ideal hub; a fixed number that takes longer even there is skipped."""
MAX_ROUNDS_SECONDS = 150
"""Maximum number of seconds for the rounds of comparison: slow hubs get fewer rounds."""
FULL_LOAD, DEFAULT_LOAD = 1.0, 0.5


class Hub(Struct, frozen=True):
    """A hub to start a fleet on, and how many servers."""

    limit: int
    delay: float
    users: int = 200
    slow_spawn_timeout: float = 10.0

    @property
    def settings(self) -> Settings:
        """The settings of the hub."""
        return Settings(
            users=self.users,
            delay=self.delay,
            concurrent_spawn_limit=self.limit,
            slow_spawn_timeout=self.slow_spawn_timeout,
        )

    @property
    def fixed(self) -> list[int]:
        """The numbers of concurrent starts to try. None exceeds the limit: a rejected start waits for 30 s or more."""
        numbers = {
            number for number in FIXED_NUMBERS if number < self.limit and self.min_seconds(number) <= MAX_SECONDS
        }
        return sorted({*numbers, self.limit})

    def min_seconds(self, at_once: int) -> float:
        """Return the seconds that this many concurrent starts take on an ideal hub."""
        return self.users * self.delay / at_once


class Contest(Struct, frozen=True, kw_only=True):
    """All measurements on one hub. Those in lists were made in turns."""

    hub: Hub
    one_by_one: Started
    all_at_once: Started
    sweep: dict[int, Started]
    default_load: Started | None
    """jhub with its default load; omitted if it would take minutes."""
    jhub: list[Started]
    best: dict[int, list[Started]]
    """The two best fixed numbers of the sweep, or the only one, measured again."""


def run_contest(hub: Hub, rounds: int) -> Contest:
    """Measure all strategies, and compare the best ones in at most this many rounds."""
    with fleet_hub(hub.settings) as running:
        one_by_one = start(running, "one_by_one", SEQUENTIAL_STARTS)
        at_once = start(running, "all_at_once", hub.users)
        sweep = {number: start(running, "fixed_number", hub.users, number) for number in hub.fixed}
        two = sorted(sweep, key=lambda number: sweep[number].seconds)[:2]
        times = max(1, min(rounds, int(MAX_ROUNDS_SECONDS / sweep[two[0]].seconds)))
        compared = [dict(_round(running, hub, two)) for _ in range(times)]
        default_load = None
        if hub.min_seconds(hub.limit) / DEFAULT_LOAD <= MAX_SECONDS:
            default_load = start(running, "jhub", hub.users, DEFAULT_LOAD)
    return Contest(
        hub=hub,
        one_by_one=one_by_one,
        all_at_once=at_once,
        sweep=sweep,
        default_load=default_load,
        jhub=[each[0] for each in compared],
        best={number: [each[number] for each in compared] for number in two},
    )


def _round(running: FleetHub, hub: Hub, fixed: list[int]) -> Iterator[tuple[int, Started]]:
    """Measure jhub, as number 0, and the fixed numbers, in random order."""
    turns = [0, *fixed]
    random.shuffle(turns)
    for number in turns:
        if number:
            yield number, start(running, "fixed_number", hub.users, number)
        else:
            yield number, start(running, "jhub", hub.users, FULL_LOAD)
