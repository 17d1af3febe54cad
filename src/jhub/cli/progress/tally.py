"""How a fleet stands while it runs: what its events add up to."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from jhub import EventKind, ServerEvent, Target

ON_THE_WAY = frozenset({"starting", "progress", "stopping", "deleting"})
BEGINS: dict[EventKind, EventKind] = {"ready": "starting", "stopped": "stopping", "deleted": "deleting"}
LONG = 30.0
"""Seconds over which the rate is taken, or longer where fewer than ENOUGH ended in them."""
ENOUGH = 10


@dataclass(slots=True)
class Way:
    """A server on its way."""

    since: float
    said: str = ""
    percent: float = 0.0


@dataclass(slots=True)
class Standing:
    """Counts, the rate, and what is on its way, of a fleet of `count` servers that are to end as `ends`."""

    count: int
    ends: EventKind = "ready"
    clock: Callable[[], float] = time.monotonic
    kinds: Counter[EventKind] = field(default_factory=Counter[EventKind])
    """How many ended in which way."""
    way: dict[Target, Way] = field(default_factory=dict[Target, Way])
    """In the order in which they set out."""
    failed: list[ServerEvent] = field(default_factory=list[ServerEvent])
    concurrency: int | None = None
    throttled: str = ""
    """The hub's words, while it asks to wait."""
    away: bool = False
    """It gives no answer."""
    began: float = field(init=False)
    _from: float | None = field(default=None, init=False)
    _ended: deque[float] = field(default_factory=deque[float], init=False)

    def __post_init__(self) -> None:
        self.began = self.clock()

    def take(self, event: ServerEvent) -> None:
        """Count an event in."""
        now = self.clock()
        if event.concurrency is not None:
            self.concurrency = event.concurrency
        self.away = event.kind == "waiting"
        if event.final:
            self.kinds[event.kind] += 1
            if event.kind == "failed":
                self.failed.append(event)
            # One that was there already says nothing of how fast the hub is.
            if self.way.pop(event.target, None) is not None and event.ok:
                self.throttled = ""
                self._ended.append(now)
        elif event.kind == "queued":
            self.way.pop(event.target, None)
            self.throttled = event.message
        elif event.kind in ON_THE_WAY:
            if event.kind != "progress":
                self.throttled = ""
            self._from = now if self._from is None else self._from
            one = self.way.setdefault(event.target, Way(now))
            one.said, one.percent = event.message or one.said, event.progress or one.percent

    @property
    def done(self) -> int:
        """How many came to where they were to be."""
        return self.kinds[self.ends]

    @property
    def begins(self) -> EventKind:
        """What is said of those on their way."""
        return BEGINS[self.ends]

    @property
    def ended(self) -> int:
        """How many are not to be waited for any more."""
        return sum(self.kinds.values())

    @property
    def queued(self) -> int:
        """How many were not begun, or sent back by the hub."""
        return max(self.count - self.ended - len(self.way), 0)

    @property
    def part(self) -> float:
        """From 0 to 1, what the hub tells of those on their way included."""
        begun = sum(min(max(one.percent, 0.0), 100.0) for one in self.way.values()) / 100
        return min((self.ended + begun) / self.count, 1.0) if self.count else 1.0

    def rate(self) -> float | None:
        """How many a second came to their end lately; None while that is not known."""
        now = self.clock()
        while len(self._ended) > ENOUGH and self._ended[0] < now - LONG:
            self._from = self._ended.popleft()
        if len(self._ended) < 2 or self._from is None or now <= self._from:
            return None
        return len(self._ended) / (now - self._from)

    def left(self) -> float | None:
        """Seconds that the rest takes at this rate."""
        rate = self.rate()
        return None if rate is None else (self.count - self.ended) / rate

    def slowest(self, most: int) -> list[tuple[Target, Way]]:
        """Those that have been on their way for the longest time."""
        return sorted(self.way.items(), key=lambda each: each[1].since)[:most]

    def in_words(self) -> list[str]:
        """What it adds up to; what there is none of is left out."""
        others: list[tuple[int, str]] = [
            (len(self.way), self.begins),
            (self.queued, "queued"),
            (self.kinds["failed"], "failed"),
            (self.kinds["skipped"], "skipped"),
        ]
        return [f"{self.done} {self.ends}", *(f"{number} {word}" for number, word in others if number)]

    def unfinished(self) -> str:
        """What is known where it was left before its end."""
        parts = [f"{self.done} {self.ends}"]
        parts += [f"{self.kinds['failed']} failed"] if self.kinds["failed"] else []
        parts += [f"{len(self.way)} still {self.begins} on the hub"] if self.way else []
        parts += [f"{self.queued} not begun"] if self.queued else []
        return f"{', '.join(parts)}; run the same command again to go on"


def reasons(events: Iterable[ServerEvent]) -> list[tuple[str, list[ServerEvent]]]:
    """Events by their reason, the most common first."""
    found: dict[str, list[ServerEvent]] = {}
    for event in events:
        found.setdefault(event.message, []).append(event)
    return sorted(found.items(), key=lambda each: -len(each[1]))


def span(seconds: float) -> str:
    """ "8 s", "3 min 20 s" or "1 h 05 min"."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"
