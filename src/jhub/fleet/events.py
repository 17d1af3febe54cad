"""Reports of fleets: an event for each change of a server, and a summary at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from jhub.errors import HubError, InvalidInput
from jhub.models import Server, target
from jhub.outcome import SUCCESS_KINDS, Outcome

End = Literal["ready", "stopped", "deleted", "failed", "skipped"]
Kind = Literal["queued", "starting", "stopping", "deleting", "progress", "waiting"] | End
FINAL: frozenset[Kind] = frozenset(get_args(End))

FEW = 4
"""So many are asked about one by one; of more, a listing tells."""


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """A server by its owner and name; "" is the default one."""

    user: str
    name: str = ""

    def __str__(self) -> str:
        return target(self.user, self.name)

    @classmethod
    def of(cls, given: Target | Server | str | tuple[str, str]) -> Target:
        """From "ana", "ana/lab", ("ana", "lab"), or a server that a listing gave."""
        match given:
            case Target():
                return given
            case Server():
                return cls(given.user, given.name)
            case str():
                user, slash, name = given.partition("/")
                if not user or (slash and not name):
                    raise InvalidInput(f"{given!r} names no server", hint="give it as USER or USER/NAME")
                return cls(user, name)
            case tuple() if len(given) == 2:
                return cls(*given)
            case _:
                raise TypeError(f"a server is named by 'USER', 'USER/NAME' or ('USER', 'NAME'), not by {given!r}")


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One change of one server."""

    kind: Kind
    target: Target
    message: str = ""
    """The hub's words on the way; the reason of a failure."""
    progress: float | None = None
    """Per cent, on the way."""
    seconds: float | None = None
    """From the request to the end."""
    pace: int | None = None
    """Servers that are kept on their way at once, at this moment; None as long as the hub has refused none."""
    server: Server | None = None
    """The server, when it is ready."""
    error: HubError | None = None

    @property
    def final(self) -> bool:
        """Whether no other event of this server follows."""
        return self.kind in FINAL

    @property
    def ok(self) -> bool:
        """Whether the server came to where it was to be."""
        return self.kind in SUCCESS_KINDS


class Summary(Outcome[ServerEvent]):
    """How a fleet of servers ended."""

    __slots__ = ()
