"""A fleet at one moment: who is wanted and who is under way, and what is known of the hub."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from jhub.errors import HubError, NotAHub, Unavailable
from jhub.fleet.breaker import Breaker
from jhub.fleet.events import FEW, ServerEvent, Tally, Target
from jhub.fleet.jobs import Job
from jhub.fleet.looks import Looks
from jhub.fleet.outage import Outage
from jhub.fleet.pace import Pace
from jhub.fleet.pulse import Pulse
from jhub.fleet.rhythm import Rhythm
from jhub.fleet.under_way import UnderWay, UnderWays, Wanted

TICK = 60.0
"""Seconds until it is looked whether there is anything to do."""


@dataclass(slots=True, kw_only=True)
class State:
    """All that a fleet knows; only the flow of `coordinate` and what it calls change it."""

    targets: Sequence[Target]
    job: Job
    timeout: float
    pace: Pace
    breaker: Breaker | None
    rhythm: Rhythm
    pulse: Pulse
    looks: Looks
    queue: list[Wanted]
    """A heap: those sent back keep their place."""
    proven: bool
    """One of ours has succeeded, or none has to before others are sent."""
    proof_from: int = 0
    """After how many outages it must have been sent."""
    later: dict[str, Wanted] = field(default_factory=dict[str, Wanted])
    """Those that are to be sent again in a moment."""
    under_way: UnderWays = field(default_factory=UnderWays)
    to_explain: deque[UnderWay] = field(default_factory=deque[UnderWay])
    """Those that failed, until it is found out why."""
    asked: int = 0
    """Of how many that is being asked."""
    tally: Tally[ServerEvent] = field(default_factory=Tally[ServerEvent])
    outage: Outage = field(default_factory=Outage)
    met: bool = False
    """The hub has answered: one that never did is not waited for."""
    forgotten: float = -math.inf
    """When the hub last knew nothing of one."""
    looking: bool = False
    seen: float = -math.inf
    """When the last look began that has seen anything."""
    resting: bool = False
    """Nothing is sent for as long as the hub said."""
    why: str = ""
    """Why nothing more is sent."""
    cancels: bool = False
    """What is on its way is taken back."""

    @property
    def followed(self) -> bool:
        """Whether each one's way is followed by its progress stream."""
        return self.job.follow is not None and len(self.targets) <= FEW

    def present(self, now: float) -> float:
        """The time by a clock that stands still while the hub is away."""
        return now - self.outage.seconds

    def due(self, one: UnderWay) -> float:
        """When its time is over."""
        return one.present + self.timeout + self.outage.seconds

    @property
    def first_due(self) -> float:
        """When the first one's time is over: those under way stand in the order in which they were asked for."""
        return next(map(self.due, self.under_way.values()), math.inf)

    def prove_anew(self) -> None:
        """The hub may have died of what it was sent."""
        self.proven, self.proof_from = self.breaker is None, self.outage.count

    @property
    def unfinished(self) -> bool:
        """Whether there is anything left to do."""
        return bool(self.under_way or ((self.queue or self.later) and not self.why))


def away(error: HubError | None) -> bool:
    """Whether that is no answer of the hub: a proxy before one that restarts may say 404, too."""
    return isinstance(error, Unavailable) or (isinstance(error, NotAHub) and error.status is not None)


def said(error: object, target: Target) -> str:
    """What an error says, without the name of the server that it is about."""
    return str(error).removeprefix(f"server {target}: ")
