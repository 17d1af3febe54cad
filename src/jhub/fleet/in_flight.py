"""Records of the servers of a fleet: pending in its queue, or in flight with a phase."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Literal, NamedTuple, TypeAlias

from jhub.errors import HubBroken, HubError
from jhub.fleet.events import Target
from jhub.models import Server
from jhub.operations.server_status import CONFIRM_SECONDS


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
    CONFIRMING = auto()
    """It looks ready; a later snapshot must show that its start was not cancelled."""
    COMPLETED = auto()
    """The hub has finished and can take another server; a snapshot must confirm the result."""
    DIAGNOSING = auto()
    """The server failed, and the fleet requests the reason."""
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
    server: Server | None = None
    """The server, as the last snapshot showed it."""
    ready_since: float = 0.0
    """Time of the snapshot that first showed it ready, while it is confirmed."""
    cancels: int = 0
    """Number of requests to cancel it."""
    may_be_stopped: bool = False
    """True if it looked ready, or the hub was stopping it: without a failure, somebody has stopped it."""

    @property
    def target(self) -> Target:
        """The server's target."""
        return self.queue_entry.target

    def accept(self, *, certain: bool = False) -> bool:
        """Record that the hub works on it, and return whether that is a change.

        If it is `certain` that the hub's response was earlier, the response has not completed the request: JupyterHub
        6.1 answers 201 at once to a start after a failed one.
        """
        self.error = None
        if self.phase not in (Phase.REQUESTED, Phase.CONFIRMING) and not (certain and self.phase is Phase.COMPLETED):
            return False
        self.phase = Phase.ACCEPTED
        return True

    def observe(self, server: Server | None) -> None:
        """Record what a snapshot shows."""
        was_starting = self.ours or (self.server is not None and self.server.pending in ("spawn", "stop"))
        self.server = server
        if server is not None and (server.ready or (server.pending == "stop" and was_starting)):
            self.may_be_stopped = True

    def confirm(self, began: float) -> bool:
        """Record that a snapshot shows it ready, and return whether an earlier one did, so that it certainly is."""
        if self.phase is Phase.CONFIRMING:
            return began >= self.ready_since + CONFIRM_SECONDS
        self.phase, self.ready_since = Phase.CONFIRMING, began
        return False

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
        self.answered, self.phase, self.cancels = None, Phase.CANCELLING, self.cancels + 1

    def answer_cancel(self, now: float, error: HubError | None) -> None:
        """Record the response to the request to cancel it. If the hub refuses, the server goes on as before."""
        self.answered = now
        if error is not None:
            # After a 500, JupyterHub 5.1 to 6.1 may have cancelled the start without stopping the server, which then
            # looks ready for ever: only another request makes sure.
            self.phase, self.ours = Phase.ACCEPTED, isinstance(error, HubBroken)


class ServerTag(NamedTuple):
    """The tag of a fork that concerns one server in flight."""

    task: Literal["send", "follow", "diagnose", "cancel"]
    entry: InFlight


Tag: TypeAlias = ServerTag | Pending | Literal["snapshot", "probe", "backoff"]
"""A tag of a fork. A `Pending` tags the pause after which that entry returns to the queue."""
