"""Records of the servers of a fleet: pending in its queue, or in flight with a phase."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, NamedTuple, TypeAlias

from jhub.errors import HubError
from jhub.fleet.events import Target


@dataclass(frozen=True, slots=True, order=True)
class Pending:
    """An entry of the queue: a server whose request has not been sent, or must be sent again."""

    position: int
    """Position in the queue, kept when the server is queued again."""
    target: Target
    first_sent_uptime: float = field(default=math.inf, compare=False)
    """Time of the first request, on a clock that stops during outages of the hub."""
    tries: int = field(default=1, compare=False)
    """Number of attempts, including the next one."""
    rejection: HubError | None = field(default=None, compare=False)
    """The hub's answer to the last request, if the request must be sent again."""
    pause: float = field(default=0.0, compare=False)
    """Seconds of the last pause before the server returned to the queue."""


class Phase(Enum):
    """The phase of a server in flight."""

    REQUESTED = auto()
    """The request was sent; the hub may not have accepted it yet."""
    ACCEPTED = auto()
    """The hub works on it."""
    FOLLOWED = auto()
    """The hub works on it, and its progress stream is open."""
    COMPLETED = auto()
    """The hub has finished and can take another server; a snapshot must confirm the result."""
    DIAGNOSING = auto()
    """It failed, and the fleet requests the reason."""
    CANCELLING = auto()
    """The fleet has asked the hub to cancel it."""


@dataclass(slots=True, eq=False)
class InFlight:
    """A server in flight. Its fields are changed by its methods only, one for each transition."""

    queue_entry: Pending
    sent: float
    """Time of the last request."""
    sent_uptime: float
    """Time of the last request, on a clock that stops during outages of the hub."""
    outages: int
    """Number of outages before the last request."""
    ours: bool = True
    """True if this fleet has requested it, and may cancel it."""
    phase: Phase = Phase.REQUESTED
    answered: float | None = None
    """Time of the hub's response to the last request, if there was one."""
    error: HubError | None = None
    """A response that leaves the result of the request open."""

    @property
    def target(self) -> Target:
        """The server's target."""
        return self.queue_entry.target

    def accept(self) -> bool:
        """Record that the hub works on it, and return whether that is a change."""
        self.error = None
        if self.phase is not Phase.REQUESTED:
            return False
        self.phase = Phase.ACCEPTED
        return True

    def answer(self, now: float, *, completed: bool) -> None:
        """Record the hub's response: it has completed the request, or works on it."""
        self.answered, self.phase = now, Phase.COMPLETED if completed else Phase.ACCEPTED

    def lose_answer(self, now: float, error: HubError) -> None:
        """Record a response that leaves the result open. The phase stays."""
        self.answered, self.error = now, error

    def follow(self) -> None:
        """Record that its progress stream is open."""
        self.phase = Phase.FOLLOWED

    def unfollow(self) -> None:
        """Record that its progress stream has ended."""
        if self.phase is Phase.FOLLOWED:
            self.phase = Phase.ACCEPTED

    def diagnose(self) -> None:
        """Record that it failed for an unknown reason."""
        self.phase = Phase.DIAGNOSING

    def cancel(self) -> None:
        """Record a request to cancel it, whose response is now the one that counts."""
        self.answered, self.phase = None, Phase.CANCELLING

    def answer_cancel(self, now: float, *, accepted: bool) -> None:
        """Record the response to the request to cancel it. If the hub refuses, the server goes on as before."""
        self.answered = now
        if not accepted:
            self.phase, self.ours = Phase.ACCEPTED, False


class ServerTag(NamedTuple):
    """The tag of a fork that concerns one server in flight."""

    task: Literal["send", "follow", "diagnose", "cancel"]
    entry: InFlight


Tag: TypeAlias = ServerTag | Pending | Literal["snapshot", "probe", "backoff"]
"""A tag of a fork. A `Pending` tags the pause after which that entry returns to the queue."""
