"""A fleet at one moment: the servers that wait and those in flight, and the condition of the hub."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jhub.errors import HubError, NotAHub, Unavailable
from jhub.fleet.breaker import Breaker
from jhub.fleet.events import MAX_FOLLOWED, ServerEvent, Target
from jhub.fleet.in_flight import InFlight, Pending, Phase, Tag
from jhub.fleet.jobs import Job
from jhub.fleet.latency import LatencyProbe
from jhub.fleet.limiter import ConcurrencyLimiter
from jhub.fleet.outage import Outage
from jhub.fleet.polling import PollSchedule
from jhub.fleet.snapshot import Snapshots
from jhub.outcome import Tally
from jhub.steps import Fork, Operation

MAX_WAIT_SECONDS = 60.0
"""Seconds until it is looked whether there is anything to do."""


@dataclass(slots=True, kw_only=True)
class State:
    """All that a fleet knows. Only the methods change its fields; an object in a field changes by its own methods."""

    targets: Sequence[Target]
    job: Job
    timeout: float
    limiter: ConcurrencyLimiter
    breaker: Breaker | None
    schedule: PollSchedule
    probe: LatencyProbe
    snapshots: Snapshots
    canary_passed: bool
    """One of ours has succeeded, or none has to before others are sent."""
    canary_min_outages: int = 0
    """After how many outages it must have been sent."""
    queue: list[Pending] = field(default_factory=list[Pending])
    """A heap: those sent back keep their place."""
    in_flight: dict[Target, InFlight] = field(default_factory=dict[Target, InFlight])
    """Those in flight, in the order in which they were sent."""
    forks: set[Tag] = field(default_factory=set[Tag])
    """Those that have not ended."""
    tally: Tally[ServerEvent] = field(default_factory=Tally[ServerEvent])
    outage: Outage = field(default_factory=Outage)
    last_snapshot: float = -math.inf
    """When the last look began that has seen anything."""
    stop_reason: str = ""
    """Why nothing more is sent."""
    cancelling: bool = False
    """What is in flight is cancelled."""

    @property
    def follows(self) -> bool:
        """Whether the progress stream of each one is followed."""
        return self.job.follow is not None and len(self.targets) <= MAX_FOLLOWED

    @property
    def paused(self) -> list[Pending]:
        """Those that return to the queue in a moment."""
        return [tag for tag in self.forks if isinstance(tag, Pending)]

    @property
    def in_progress(self) -> int:
        """How many the hub has, or is about to have, to work on."""
        done, failed = Phase.COMPLETED, Phase.DIAGNOSING
        return len(
            [entry for entry in self.in_flight.values() if entry.phase is not done and entry.phase is not failed]
        )

    @property
    def to_poll(self) -> list[InFlight]:
        """Those whose end only a look shows. The hub still works on a request that it has not answered."""
        shown = (Phase.FOLLOWED, Phase.DIAGNOSING)
        return [entry for entry in self.in_flight.values() if entry.answered is not None and entry.phase not in shown]

    @property
    def unfinished(self) -> bool:
        """Whether there is anything left to do."""
        return bool(self.in_flight or ((self.queue or self.paused) and not self.stop_reason))

    def count(self, phase: Phase) -> int:
        """Return how many are in a phase."""
        # Each event asks for this, of all in flight: a list is three times as fast as a sum over a generator.
        return len([entry for entry in self.in_flight.values() if entry.phase is phase])

    def uptime(self, now: float) -> float:
        """Return the time by a clock that stands still while the hub is away."""
        return now - self.outage.total_seconds

    def due(self, entry: InFlight) -> float:
        """Return when its time is over."""
        return entry.sent_uptime + self.timeout + self.outage.total_seconds

    @property
    def first_due(self) -> float:
        """When the first one's time is over."""
        return next(map(self.due, self.in_flight.values()), math.inf)

    def fork(self, flow: Operation[Any], tag: Tag) -> Fork:
        """Note a fork, and return its step."""
        self.forks.add(tag)
        return Fork(flow, tag)

    def end_fork(self, tag: Hashable) -> None:
        """Note that a fork has ended."""
        self.forks.difference_update([tag])

    def take(self) -> Pending:
        """Take the next one from the queue."""
        return heapq.heappop(self.queue)

    def requeue(self, pending: Pending) -> None:
        """Put one into the queue, in its place."""
        heapq.heappush(self.queue, pending)

    def add(self, pending: Pending, now: float, *, ours: bool = True) -> InFlight:
        """Note one that is sent now, or that somebody else has requested."""
        entry = InFlight(pending, now, self.uptime(now), self.outage.count, ours)
        if not ours:
            entry.answer(now, completed=False)
        self.in_flight[entry.target] = entry
        return entry

    def drop(self, target: Target) -> InFlight | None:
        """Forget one that has ended, or that is to be sent again."""
        return self.in_flight.pop(target, None)

    def pass_canary(self, entry: InFlight) -> None:
        """Note a success. A server that somebody else has requested says nothing about what this fleet requests."""
        self.canary_passed = self.canary_passed or (entry.ours and entry.outages >= self.canary_min_outages)

    def require_canary(self) -> None:
        """Wait for another success before more is sent: the hub may have died of what it was sent."""
        self.canary_passed, self.canary_min_outages = self.breaker is None, self.outage.count

    def on_snapshot(self, began: float, now: float) -> None:
        """Note that a look has seen anything."""
        self.last_snapshot = began
        if self.outage.end(now):
            self.require_canary()

    def stop(self, reason: str, *, cancelling: bool = False) -> None:
        """Send nothing more. The first reason counts."""
        self.stop_reason, self.cancelling = self.stop_reason or reason, self.cancelling or cancelling


def is_outage(error: HubError | None) -> bool:
    """Return whether that is no answer of the hub: a proxy before one that restarts may say 404, too."""
    return isinstance(error, Unavailable) or (isinstance(error, NotAHub) and error.status is not None)


def short_message(error: object, target: Target) -> str:
    """Return what an error says, without the name of the server that it is about."""
    return str(error).removeprefix(f"server {target}: ")
