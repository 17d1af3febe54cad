"""Events and summaries of fleets: an event for each change of a server, and a summary at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from jhub.errors import HubError, InvalidInput
from jhub.models import Server, target
from jhub.outcome import SUCCESS_KINDS, Outcome

FinalKind = Literal["ready", "stopped", "deleted", "failed", "skipped"]
EventKind = Literal["queued", "starting", "stopping", "deleting", "progress", "waiting"] | FinalKind
"""The kind of a `ServerEvent`."""
FINAL_KINDS: frozenset[EventKind] = frozenset(get_args(FinalKind))

MAX_FOLLOWED = 4
"""Maximum number of servers in a fleet that follows their progress streams; more are polled by one listing."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A server, named by its owner and its name."""

    user: str
    name: str = ""
    """Name of the server; "" is the default server."""

    def __str__(self) -> str:
        """Return "ana", or "ana/lab" for a named server."""
        return target(self.user, self.name)

    @classmethod
    def of(cls, server: Target | Server | str | tuple[str, str]) -> Target:
        """Return the target for "ana", "ana/lab", ("ana", "lab") or a server of a listing."""
        match server:
            case Target():
                return server
            case Server():
                return cls(server.user, server.name)
            case str():
                user, slash, name = server.partition("/")
                if not user or (slash and not name):
                    raise InvalidInput(f"invalid server {server!r}", hint="use USER or USER/NAME")
                return cls(user, name)
            case tuple() if len(server) == 2:
                return cls(*server)
            case _:
                raise TypeError(f"invalid server {server!r}: use 'USER', 'USER/NAME' or ('USER', 'NAME')")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """A change of a server in a fleet."""

    kind: EventKind
    target: Target
    message: str = ""
    """The hub's progress message, the reason for a failure, a skip or a return to the queue, or a note on a success."""
    progress: float | None = None
    """Progress of a start in per cent; None unless the kind is `progress` and the hub has sent a number."""
    seconds: float | None = None
    """Seconds from the request to the end, in final events."""
    concurrency: int | None = None
    """Present maximum number of servers in flight; None until the hub has rejected a start."""
    server: Server | None = None
    """The server, once it is ready."""
    error: HubError | None = None
    """The error of a failed server, or the rejection of one that the hub throttles."""

    @property
    def final(self) -> bool:
        """True if this is the last event of the server."""
        return self.kind in FINAL_KINDS

    @property
    def ok(self) -> bool:
        """True if the server is ready, stopped or deleted, as requested."""
        return self.kind in SUCCESS_KINDS


class Summary(Outcome[ServerEvent]):
    """The result of a fleet: the final event of each server, by outcome. `Fleet.run` and `Fleet.summary` return it."""

    __slots__ = ()
