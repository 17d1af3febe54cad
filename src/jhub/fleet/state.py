"""State of a fleet: its queue, the servers in flight, its forks and the condition of the hub."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

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
"""Maximum number of seconds that the coordinator waits for an event."""


@dataclass(slots=True, kw_only=True)
class State:
    """The state of a fleet. Its fields are changed by its methods only, and objects in them by their own methods."""

    targets: Sequence[Target]
    job: Job
    timeout: float
    limiter: ConcurrencyLimiter
    breaker: Breaker | None
    schedule: PollSchedule
    probe: LatencyProbe
    snapshots: Snapshots
    canary_passed: bool
    """True if more than one server may be sent: a canary has succeeded, or the fleet needs no canary."""
    canary_min_outages: int = 0
    """Number of outages before the canary's request; an earlier request does not count."""
    queue: list[Pending] = field(default_factory=list[Pending])
    """The queue, as a heap: a server that returns keeps its position."""
    in_flight: dict[Target, InFlight] = field(default_factory=dict[Target, InFlight])
    """The servers in flight, in the order of their requests."""
    forks: set[Tag] = field(default_factory=set[Tag])
    """Tags of the forks that have not ended."""
    tally: Tally[ServerEvent] = field(default_factory=Tally[ServerEvent])
    outage: Outage = field(default_factory=Outage)
    last_snapshot: float = -math.inf
    """Time when the last successful snapshot began."""
    stop_reason: str = ""
    """The reason why no more servers are sent; empty while they are."""
    cancelling: bool = False
    """True if the servers in flight are cancelled."""

    @property
    def follows(self) -> bool:
        """True if the fleet follows the progress stream of each server."""
        return self.job.follow is not None and len(self.targets) <= MAX_FOLLOWED

    @property
    def paused(self) -> list[Pending]:
        """The servers that return to the queue after a pause."""
        return [tag for tag in self.forks if isinstance(tag, Pending)]

    @property
    def in_progress(self) -> int:
        """The number of servers in flight that the hub works on, or is about to."""
        ended = (Phase.CONFIRMING, Phase.COMPLETED, Phase.DIAGNOSING)
        return len([entry for entry in self.in_flight.values() if entry.phase not in ended])

    @property
    def to_poll(self) -> list[InFlight]:
        """The servers whose end only a snapshot shows. While a response is missing, the hub still works on them."""
        shown = (Phase.FOLLOWED, Phase.DIAGNOSING)
        return [entry for entry in self.in_flight.values() if entry.answered is not None and entry.phase not in shown]

    @property
    def unfinished(self) -> bool:
        """True if there is anything left to do."""
        return bool(self.in_flight or ((self.queue or self.paused) and not self.stop_reason))

    def count(self, phase: Phase) -> int:
        """Return the number of servers in a phase."""
        # Every event counts all servers in flight: a list is three times as fast as a sum over a generator.
        return len([entry for entry in self.in_flight.values() if entry.phase is phase])

    def uptime(self, now: float) -> float:
        """Return the time on a clock that stops during outages of the hub."""
        return now - self.outage.total_seconds

    def due(self, entry: InFlight) -> float:
        """Return when the server's timeout is over."""
        return entry.sent_uptime + self.timeout + self.outage.total_seconds

    @property
    def first_due(self) -> float:
        """The time when the first timeout is over."""
        return next(map(self.due, self.in_flight.values()), math.inf)

    def fork(self, flow: Operation[Any], tag: Tag) -> Fork:
        """Record a fork, and return its step."""
        self.forks.add(tag)
        return Fork(flow, tag)

    def end_fork(self, tag: Hashable) -> None:
        """Record that a fork has ended."""
        self.forks.difference_update([tag])

    def take(self) -> Pending:
        """Remove the next server from the queue, and return it."""
        return heapq.heappop(self.queue)

    def requeue(self, pending: Pending) -> None:
        """Put a server into the queue, at its position."""
        heapq.heappush(self.queue, pending)

    def add(self, pending: Pending, now: float, *, ours: bool = True) -> InFlight:
        """Record a server in flight, requested now or by somebody else."""
        entry = InFlight(pending, now, self.uptime(now), self.outage.count, ours)
        if not ours:
            entry.answer(now, completed=False)
        self.in_flight[entry.target] = entry
        return entry

    def drop(self, target: Target) -> InFlight | None:
        """Remove a server that has ended or returns to the queue from those in flight, and return it."""
        return self.in_flight.pop(target, None)

    def pass_canary(self, entry: InFlight) -> None:
        """Record a success. A server that somebody else requested is not a canary for the requests of this fleet."""
        self.canary_passed = self.canary_passed or (entry.ours and entry.outages >= self.canary_min_outages)

    def require_canary(self) -> None:
        """Require another canary: the requests of this fleet may have crashed the hub."""
        self.canary_passed, self.canary_min_outages = self.breaker is None, self.outage.count

    def on_snapshot(self, began: float, now: float) -> None:
        """Record a successful snapshot, which ends an outage."""
        self.last_snapshot = began
        if self.outage.end(now):
            self.require_canary()

    def stop(self, reason: str, *, cancelling: bool = False) -> None:
        """Stop sending servers. The first reason counts."""
        self.stop_reason, self.cancelling = self.stop_reason or reason, self.cancelling or cancelling


def short_message(error: object, target: Target) -> str:
    """Return the message of an error, without the prefix that names the server."""
    return str(error).removeprefix(f"server {target}: ")
