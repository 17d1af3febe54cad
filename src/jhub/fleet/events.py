"""What a fleet reports: an event for each change of a server's state, and at its end a summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from jhub.errors import HubError, InvalidInput
from jhub.models import Server, target

Kind = Literal["queued", "starting", "progress", "stopping", "ready", "stopped", "failed", "skipped"]
FINAL: frozenset[Kind] = frozenset({"ready", "stopped", "failed", "skipped"})


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
    server: Server | None = None
    """The server, when it is ready."""
    error: HubError | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """How a fleet ended."""

    done: tuple[ServerEvent, ...] = ()
    failed: tuple[ServerEvent, ...] = ()
    skipped: tuple[ServerEvent, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether every server came to where it was to be."""
        return not self.failed and not self.skipped


@dataclass(slots=True)
class Tally:
    """A summary in the making."""

    done: list[ServerEvent] = field(default_factory=list[ServerEvent])
    failed: list[ServerEvent] = field(default_factory=list[ServerEvent])
    skipped: list[ServerEvent] = field(default_factory=list[ServerEvent])

    def take(self, event: ServerEvent) -> ServerEvent:
        """Note an event, and give it back."""
        match event.kind:
            case "ready" | "stopped":
                self.done.append(event)
            case "failed":
                self.failed.append(event)
            case "skipped":
                self.skipped.append(event)
            case _:
                pass
        return event

    def summary(self, seconds: float) -> Summary:
        """What was noted, closed."""
        return Summary(tuple(self.done), tuple(self.failed), tuple(self.skipped), seconds)
