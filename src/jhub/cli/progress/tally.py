"""Tally of a running fleet: counts, rate and servers in flight, computed from its events."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from jhub import EventKind, ServerEvent, Target

IN_FLIGHT_KINDS = frozenset({"starting", "progress", "stopping", "deleting"})
"""Kinds of events of a server in flight."""
ACTIVITIES: dict[EventKind, EventKind] = {"ready": "starting", "stopped": "stopping", "deleted": "deleting"}
"""State of a server in flight, by the goal of its fleet."""
RATE_WINDOW_SECONDS = 30.0
"""Time over which the rate is measured; longer if fewer than `MIN_RATE_SAMPLES` servers finished in it."""
MIN_RATE_SAMPLES = 10
"""Minimum number of finished servers that the rate is measured over, once there are as many."""


@dataclass(slots=True)
class ServerProgress:
    """The progress of a server in flight."""

    since: float
    message: str = ""
    percent: float = 0.0


@dataclass(slots=True)
class FleetTally:
    """The counts, rate and servers in flight of a fleet of `count` servers, whose goal is the state `goal`."""

    count: int
    goal: EventKind = "ready"
    clock: Callable[[], float] = time.monotonic
    final_kinds: Counter[EventKind] = field(default_factory=Counter[EventKind])
    """Number of finished servers by the kind of their final event."""
    in_flight: dict[Target, ServerProgress] = field(default_factory=dict[Target, ServerProgress])
    """Servers in flight, in the order of their starts."""
    failed: list[ServerEvent] = field(default_factory=list[ServerEvent])
    concurrency: int | None = None
    throttled: str = ""
    """Reason for which the hub throttles the fleet; empty while it does not."""
    unreachable: bool = False
    """True while the hub does not respond."""
    started_at: float = field(init=False)
    _window_start: float | None = field(default=None, init=False)
    _finish_times: deque[float] = field(default_factory=deque[float], init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self.started_at = self.clock()

    def add(self, event: ServerEvent) -> None:
        """Add an event."""
        now = self.clock()
        if event.concurrency is not None:
            self.concurrency = event.concurrency
        self.unreachable = event.kind == "waiting"
        if event.final:
            self.final_kinds[event.kind] += 1
            if event.kind == "failed":
                self.failed.append(event)
            # A server that had reached the goal before does not count for the rate of the hub.
            if self.in_flight.pop(event.target, None) is not None and event.ok:
                self.throttled = ""
                self._finish_times.append(now)
        elif event.kind == "queued":
            self.in_flight.pop(event.target, None)
            self.throttled = event.message if event.error is not None else ""
        elif event.kind in IN_FLIGHT_KINDS:
            if event.kind != "progress":
                self.throttled = ""
            self._window_start = now if self._window_start is None else self._window_start
            progress = self.in_flight.setdefault(event.target, ServerProgress(now))
            progress.message, progress.percent = event.message or progress.message, event.progress or progress.percent

    @property
    def done(self) -> int:
        """Number of servers that reached the goal."""
        return self.final_kinds[self.goal]

    @property
    def activity(self) -> EventKind:
        """State of the servers in flight: starting, stopping or deleting."""
        return ACTIVITIES[self.goal]

    @property
    def finished(self) -> int:
        """Number of servers with a final event."""
        return sum(self.final_kinds.values())

    @property
    def queued(self) -> int:
        """Number of servers not sent yet, or sent back by the hub."""
        return max(self.count - self.finished - len(self.in_flight), 0)

    @property
    def fraction(self) -> float:
        """Share of the work done, from 0 to 1, with the progress that the hub reports for servers in flight."""
        begun = sum(min(max(progress.percent, 0.0), 100.0) for progress in self.in_flight.values()) / 100
        return min((self.finished + begun) / self.count, 1.0) if self.count else 1.0

    def rate(self) -> float | None:
        """Return the number of servers per second that reached the goal recently; None if it is not known yet."""
        now = self.clock()
        while len(self._finish_times) > MIN_RATE_SAMPLES and self._finish_times[0] < now - RATE_WINDOW_SECONDS:
            self._window_start = self._finish_times.popleft()
        if len(self._finish_times) < 2 or self._window_start is None or now <= self._window_start:
            return None
        return len(self._finish_times) / (now - self._window_start)

    def seconds_left(self) -> float | None:
        """Return the seconds that the unfinished servers take at the current rate; None if it is not known yet."""
        rate = self.rate()
        return None if rate is None else (self.count - self.finished) / rate

    def slowest(self, limit: int) -> list[tuple[Target, ServerProgress]]:
        """Return the servers that have been in flight for the longest time."""
        return sorted(self.in_flight.items(), key=lambda item: item[1].since)[:limit]

    def counts(self) -> list[str]:
        """Return the counts in words, without those that are zero, except for the goal."""
        others: list[tuple[int, str]] = [
            (len(self.in_flight), self.activity),
            (self.queued, "queued"),
            (self.final_kinds["failed"], "failed"),
            (self.final_kinds["skipped"], "skipped"),
        ]
        return [f"{self.done} {self.goal}", *(f"{number} {word}" for number, word in others if number)]

    def unfinished_counts(self) -> str:
        """Return the counts in words for a fleet that was interrupted."""
        parts = [f"{self.done} {self.goal}"]
        parts += [f"{self.final_kinds['failed']} failed"] if self.final_kinds["failed"] else []
        parts += [f"{len(self.in_flight)} still {self.activity} on the hub"] if self.in_flight else []
        parts += [f"{self.queued} not attempted"] if self.queued else []
        return f"{', '.join(parts)}; run the same command again to continue"


def by_reason(events: Iterable[ServerEvent]) -> list[tuple[str, list[ServerEvent]]]:
    """Return the events grouped by reason, the most common reason first."""
    groups: dict[str, list[ServerEvent]] = {}
    for event in events:
        groups.setdefault(event.message, []).append(event)
    return sorted(groups.items(), key=lambda item: -len(item[1]))


def format_seconds(seconds: float) -> str:
    """Return a duration as "8 s", "3 min 20 s" or "1 h 05 min"."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
