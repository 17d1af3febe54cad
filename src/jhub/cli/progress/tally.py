"""How a fleet stands while it runs: what its events add up to."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from jhub import Kind, ServerEvent, Target

IN_FLIGHT_KINDS = frozenset({"starting", "progress", "stopping", "deleting"})
ACTIVITIES: dict[Kind, Kind] = {"ready": "starting", "stopped": "stopping", "deleted": "deleting"}
RATE_WINDOW_SECONDS = 30.0
"""Seconds over which the rate is taken, or longer where fewer than MIN_RATE_SAMPLES ended in them."""
MIN_RATE_SAMPLES = 10


@dataclass(slots=True)
class ServerProgress:
    """A server on its way."""

    since: float
    message: str = ""
    percent: float = 0.0


@dataclass(slots=True)
class FleetTally:
    """Counts, the rate, and what is on its way, of a fleet of `count` servers that are to end as `ends`."""

    count: int
    goal: Kind = "ready"
    clock: Callable[[], float] = time.monotonic
    final_kinds: Counter[Kind] = field(default_factory=Counter[Kind])
    """How many ended in which way."""
    in_flight: dict[Target, ServerProgress] = field(default_factory=dict[Target, ServerProgress])
    """In the order in which they set out."""
    failed: list[ServerEvent] = field(default_factory=list[ServerEvent])
    pace: int | None = None
    throttled: str = ""
    """The hub's words, while it asks to wait."""
    unreachable: bool = False
    """It gives no answer."""
    started_at: float = field(init=False)
    _window_start: float | None = field(default=None, init=False)
    _finish_times: deque[float] = field(default_factory=deque[float], init=False)

    def __post_init__(self) -> None:
        self.started_at = self.clock()

    def add(self, event: ServerEvent) -> None:
        """Count an event in."""
        now = self.clock()
        if event.pace is not None:
            self.pace = event.pace
        self.unreachable = event.kind == "waiting"
        if event.final:
            self.final_kinds[event.kind] += 1
            if event.kind == "failed":
                self.failed.append(event)
            # One that was there already says nothing of how fast the hub is.
            if self.in_flight.pop(event.target, None) is not None and event.ok:
                self.throttled = ""
                self._finish_times.append(now)
        elif event.kind == "queued":
            self.in_flight.pop(event.target, None)
            self.throttled = event.message
        elif event.kind in IN_FLIGHT_KINDS:
            if event.kind != "progress":
                self.throttled = ""
            self._window_start = now if self._window_start is None else self._window_start
            progress = self.in_flight.setdefault(event.target, ServerProgress(now))
            progress.message, progress.percent = event.message or progress.message, event.progress or progress.percent

    @property
    def done(self) -> int:
        """How many came to where they were to be."""
        return self.final_kinds[self.goal]

    @property
    def activity(self) -> Kind:
        """What is said of those on their way."""
        return ACTIVITIES[self.goal]

    @property
    def finished(self) -> int:
        """How many are not to be waited for any more."""
        return sum(self.final_kinds.values())

    @property
    def queued(self) -> int:
        """How many were not begun, or sent back by the hub."""
        return max(self.count - self.finished - len(self.in_flight), 0)

    @property
    def fraction(self) -> float:
        """From 0 to 1, what the hub tells of those on their way included."""
        begun = sum(min(max(progress.percent, 0.0), 100.0) for progress in self.in_flight.values()) / 100
        return min((self.finished + begun) / self.count, 1.0) if self.count else 1.0

    def rate(self) -> float | None:
        """How many a second came to their end lately; None while that is not known."""
        now = self.clock()
        while len(self._finish_times) > MIN_RATE_SAMPLES and self._finish_times[0] < now - RATE_WINDOW_SECONDS:
            self._window_start = self._finish_times.popleft()
        if len(self._finish_times) < 2 or self._window_start is None or now <= self._window_start:
            return None
        return len(self._finish_times) / (now - self._window_start)

    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate."""
        rate = self.rate()
        return None if rate is None else (self.count - self.finished) / rate

    def slowest(self, limit: int) -> list[tuple[Target, ServerProgress]]:
        """Those that have been on their way for the longest time."""
        return sorted(self.in_flight.items(), key=lambda item: item[1].since)[:limit]

    def counts(self) -> list[str]:
        """What it adds up to; what there is none of is left out."""
        others: list[tuple[int, str]] = [
            (len(self.in_flight), self.activity),
            (self.queued, "queued"),
            (self.final_kinds["failed"], "failed"),
            (self.final_kinds["skipped"], "skipped"),
        ]
        return [f"{self.done} {self.goal}", *(f"{number} {word}" for number, word in others if number)]

    def unfinished_counts(self) -> str:
        """What is known where it was left before its end."""
        parts = [f"{self.done} {self.goal}"]
        parts += [f"{self.final_kinds['failed']} failed"] if self.final_kinds["failed"] else []
        parts += [f"{len(self.in_flight)} still {self.activity} on the hub"] if self.in_flight else []
        parts += [f"{self.queued} not begun"] if self.queued else []
        return f"{', '.join(parts)}; run the same command again to go on"


def by_reason(events: Iterable[ServerEvent]) -> list[tuple[str, list[ServerEvent]]]:
    """Events by their reason, the most common first."""
    groups: dict[str, list[ServerEvent]] = {}
    for event in events:
        groups.setdefault(event.message, []).append(event)
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def format_seconds(seconds: float) -> str:
    """ "8 s", "3 min 20 s" or "1 h 05 min"."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
