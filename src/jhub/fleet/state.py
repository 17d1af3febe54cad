"""A fleet at one moment: the servers that wait and those in flight, and the condition of the hub."""

from __future__ import annotations

import heapq
import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jhub.errors import HubError, NotAHub, Unavailable
from jhub.fleet.breaker import Breaker
from jhub.fleet.events import FEW, ServerEvent, Target
from jhub.fleet.in_flight import Phase, Tag, UnderWay, Wanted
from jhub.fleet.jobs import Job
from jhub.fleet.latency import LatencyProbe
from jhub.fleet.limiter import ConcurrencyLimiter
from jhub.fleet.outage import Outage
from jhub.fleet.polling import PollSchedule
from jhub.fleet.snapshot import Looks
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
    looks: Looks
    proven: bool
    """One of ours has succeeded, or none has to before others are sent."""
    proof_from: int = 0
    """After how many outages it must have been sent."""
    queue: list[Wanted] = field(default_factory=list[Wanted])
    """A heap: those sent back keep their place."""
    under_way: dict[Target, UnderWay] = field(default_factory=dict[Target, UnderWay])
    """Those in flight, in the order in which they were sent."""
    forks: set[Tag] = field(default_factory=set[Tag])
    """Those that have not ended."""
    tally: Tally[ServerEvent] = field(default_factory=Tally[ServerEvent])
    outage: Outage = field(default_factory=Outage)
    seen: float = -math.inf
    """When the last look began that has seen anything."""
    why: str = ""
    """Why nothing more is sent."""
    cancels: bool = False
    """What is in flight is cancelled."""

    @property
    def followed(self) -> bool:
        """Whether the progress stream of each one is followed."""
        return self.job.follow is not None and len(self.targets) <= FEW

    @property
    def later(self) -> list[Wanted]:
        """Those that return to the queue in a moment."""
        return [tag for tag in self.forks if isinstance(tag, Wanted)]

    @property
    def of_the_hub(self) -> int:
        """How many the hub has, or is about to have, to work on."""
        done, failed = Phase.COMPLETED, Phase.DIAGNOSING
        return len([each for each in self.under_way.values() if each.phase is not done and each.phase is not failed])

    @property
    def unknown(self) -> list[UnderWay]:
        """Those whose end only a look shows. The hub still works on a request that it has not answered."""
        shown = (Phase.FOLLOWED, Phase.DIAGNOSING)
        return [each for each in self.under_way.values() if each.answered is not None and each.phase not in shown]

    @property
    def unfinished(self) -> bool:
        """Whether there is anything left to do."""
        return bool(self.under_way or ((self.queue or self.later) and not self.why))

    def count(self, phase: Phase) -> int:
        """Return how many are in a phase."""
        # Each event asks for this, of all in flight: a list is three times as fast as a sum over a generator.
        return len([each for each in self.under_way.values() if each.phase is phase])

    def present(self, now: float) -> float:
        """Return the time by a clock that stands still while the hub is away."""
        return now - self.outage.seconds

    def due(self, one: UnderWay) -> float:
        """Return when its time is over."""
        return one.present + self.timeout + self.outage.seconds

    @property
    def first_due(self) -> float:
        """When the first one's time is over."""
        return next(map(self.due, self.under_way.values()), math.inf)

    def fork(self, flow: Operation[Any], tag: Tag) -> Fork:
        """Note a fork, and return its step."""
        self.forks.add(tag)
        return Fork(flow, tag)

    def end_fork(self, tag: Hashable) -> None:
        """Note that a fork has ended."""
        self.forks.difference_update([tag])

    def take(self) -> Wanted:
        """Take the next one from the queue."""
        return heapq.heappop(self.queue)

    def requeue(self, wanted: Wanted) -> None:
        """Put one into the queue, in its place."""
        heapq.heappush(self.queue, wanted)

    def add(self, wanted: Wanted, now: float, *, ours: bool = True) -> UnderWay:
        """Note one that is sent now, or that somebody else has requested."""
        one = UnderWay(wanted, now, self.present(now), self.outage.count, ours)
        if not ours:
            one.answer(now, completed=False)
        self.under_way[one.target] = one
        return one

    def drop(self, target: Target) -> UnderWay | None:
        """Forget one that has ended, or that is to be sent again."""
        return self.under_way.pop(target, None)

    def prove(self, one: UnderWay) -> None:
        """Note a success. A server that somebody else has requested says nothing about what this fleet requests."""
        self.proven = self.proven or (one.ours and one.outages >= self.proof_from)

    def prove_anew(self) -> None:
        """Wait for another success before more is sent: the hub may have died of what it was sent."""
        self.proven, self.proof_from = self.breaker is None, self.outage.count

    def observe(self, began: float, now: float) -> None:
        """Note that a look has seen anything."""
        self.seen = began
        if self.outage.ends(now):
            self.prove_anew()

    def stop(self, why: str, *, cancels: bool = False) -> None:
        """Send nothing more. The first reason counts."""
        self.why, self.cancels = self.why or why, self.cancels or cancels


def away(error: HubError | None) -> bool:
    """Return whether that is no answer of the hub: a proxy before one that restarts may say 404, too."""
    return isinstance(error, Unavailable) or (isinstance(error, NotAHub) and error.status is not None)


def said(error: object, target: Target) -> str:
    """Return what an error says, without the name of the server that it is about."""
    return str(error).removeprefix(f"server {target}: ")
