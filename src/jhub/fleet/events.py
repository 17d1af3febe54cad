"""What a fleet reports: an event for each change of a server, or of a name, and at its end a summary."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal, Protocol, TypeVar, get_args

from jhub.errors import HubError, InvalidInput
from jhub.models import Server, User, target

End = Literal["ready", "stopped", "deleted", "failed", "skipped"]
Kind = Literal["queued", "starting", "stopping", "deleting", "progress", "waiting"] | End
FINAL: frozenset[Kind] = frozenset(get_args(End))
NameKind = Literal["created", "exists", "added", "removed", "failed", "skipped"]
DONE = frozenset({"ready", "stopped", "deleted", "created", "exists", "added", "removed"})

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


@dataclass(frozen=True, slots=True)
class NameEvent:
    """What became of one user, by the name that was given."""

    kind: NameKind
    name: str
    message: str = ""
    """The reason of a failure; what is not certain about the rest."""
    user: User | None = None
    """The user, where the hub told it."""
    error: HubError | None = None


class Event(Protocol):
    """Whatever a fleet reports."""

    @property
    def kind(self) -> str:
        """What became of it."""
        ...


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[E]):
    """How a fleet ended."""

    done: tuple[E, ...] = ()
    failed: tuple[E, ...] = ()
    skipped: tuple[E, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether all came to where they were to be."""
        return not self.failed and not self.skipped


class Summary(Outcome[ServerEvent]):
    """How a fleet of servers ended."""

    __slots__ = ()


class NameSummary(Outcome[NameEvent]):
    """How a bulk write ended."""

    __slots__ = ()


@dataclass(slots=True)
class Tally(Generic[E]):
    """A summary in the making."""

    done: list[E] = field(default_factory=list[E])
    failed: list[E] = field(default_factory=list[E])
    skipped: list[E] = field(default_factory=list[E])

    def take(self, event: E) -> E:
        """Note an event, and give it back."""
        if event.kind in DONE:
            self.done.append(event)
        elif event.kind == "failed":
            self.failed.append(event)
        elif event.kind == "skipped":
            self.skipped.append(event)
        return event

    def parts(self) -> tuple[tuple[E, ...], tuple[E, ...], tuple[E, ...]]:
        """What was noted, closed."""
        return tuple(self.done), tuple(self.failed), tuple(self.skipped)
