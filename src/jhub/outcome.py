"""Outcome of work on many servers or users: successes, failures and skips."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

SUCCESS_KINDS = frozenset(
    {"ready", "stopped", "deleted", "created", "exists", "edited", "added", "removed", "changed", "unchanged"}
)
"""Kinds of events that report a success."""


class Event(Protocol):
    """An event of a fleet."""

    @property
    def kind(self) -> str:
        """The kind of the event, such as "ready" or "failed"."""
        ...


E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[E]):
    """The summary of a fleet: its final events, and its duration in seconds."""

    done: tuple[E, ...] = ()
    failed: tuple[E, ...] = ()
    skipped: tuple[E, ...] = ()
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """True if nothing failed and nothing was skipped."""
        return not self.failed and not self.skipped


@dataclass(slots=True)
class Tally(Generic[E]):
    """The final events of a fleet that still runs."""

    done: list[E] = field(default_factory=list[E])
    failed: list[E] = field(default_factory=list[E])
    skipped: list[E] = field(default_factory=list[E])

    def take(self, event: E) -> E:
        """Record an event, if it is final, and return it."""
        if event.kind in SUCCESS_KINDS:
            self.done.append(event)
        elif event.kind in ("failed", "stale"):
            self.failed.append(event)
        elif event.kind == "skipped":
            self.skipped.append(event)
        return event

    def parts(self) -> tuple[tuple[E, ...], tuple[E, ...], tuple[E, ...]]:
        """Return the events so far: the successes, the failures and the skipped ones."""
        return tuple(self.done), tuple(self.failed), tuple(self.skipped)
