"""The servers that are to be requested, and those that were and have not ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, NamedTuple, TypeAlias

from jhub.errors import HubError
from jhub.fleet.events import Target


@dataclass(frozen=True, slots=True, order=True)
class Pending:
    """A server that is to be requested, in the order of the places."""

    position: int
    target: Target
    first_sent_uptime: float = field(default=math.inf, compare=False)
    """When it was first requested, by a clock that stands still while the hub is away."""
    tries: int = field(default=1, compare=False)
    rejection: HubError | None = field(default=None, compare=False)
    """The hub's answer, if it has to be sent again."""
    pause: float = field(default=0.0, compare=False)
    """Seconds that it was set aside for the last time."""


class Phase(Enum):
    """How far a server has come that was requested."""

    REQUESTED = auto()
    """The hub may not have taken the request up."""
    ACCEPTED = auto()
    """The hub works on it."""
    FOLLOWED = auto()
    """The hub works on it, and its progress stream is open."""
    COMPLETED = auto()
    """The hub has done it and has room for another one. A look has to confirm it."""
    DIAGNOSING = auto()
    """It has failed, and the reason is being found out."""
    CANCELLING = auto()
    """It is being cancelled."""


@dataclass(slots=True, eq=False)
class InFlight:
    """A server that was requested. Only the methods change its fields, one for each transition."""

    queue_entry: Pending
    sent: float
    """When it was requested for the last time."""
    sent_uptime: float
    """The same by the clock that stands still while the hub is away."""
    outages: int
    """Outages of the hub before that."""
    ours: bool = True
    """This fleet has requested it, and may cancel it."""
    phase: Phase = Phase.REQUESTED
    answered: float | None = None
    """When the hub answered the last request."""
    error: HubError | None = None
    """An answer that does not say what becomes of it."""

    @property
    def target(self) -> Target:
        """The server."""
        return self.queue_entry.target

    def accept(self) -> bool:
        """Note that the hub works on it, and return whether that is news."""
        self.error = None
        if self.phase is not Phase.REQUESTED:
            return False
        self.phase = Phase.ACCEPTED
        return True

    def answer(self, now: float, *, completed: bool) -> None:
        """Note the hub's answer: it has done it, or works on it."""
        self.answered, self.phase = now, Phase.COMPLETED if completed else Phase.ACCEPTED

    def lose_answer(self, now: float, error: HubError) -> None:
        """Note an answer that does not say what becomes of it. The phase stays."""
        self.answered, self.error = now, error

    def follow(self) -> None:
        """Note that its progress stream is opened."""
        self.phase = Phase.FOLLOWED

    def unfollow(self) -> None:
        """Note that the stream has ended."""
        if self.phase is Phase.FOLLOWED:
            self.phase = Phase.ACCEPTED

    def diagnose(self) -> None:
        """Note that it has failed, for an unknown reason."""
        self.phase = Phase.DIAGNOSING

    def cancel(self) -> None:
        """Note that the hub is asked to cancel it. From now on the answer to that counts."""
        self.answered, self.phase = None, Phase.CANCELLING

    def answer_cancel(self, now: float, *, accepted: bool) -> None:
        """Note the hub's answer to that. If the hub refuses, the server comes to its own end."""
        self.answered = now
        if not accepted:
            self.phase, self.ours = Phase.ACCEPTED, False


class ServerTag(NamedTuple):
    """The tag of a fork that is about one server."""

    task: Literal["send", "follow", "diagnose", "cancel"]
    entry: InFlight


Tag: TypeAlias = ServerTag | Pending | Literal["snapshot", "probe", "backoff"]
"""The tags of all forks of a fleet. A `Wanted` is one that returns to the queue when its fork ends."""
