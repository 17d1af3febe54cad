"""How work on many servers or users ended: what was done, what failed and what was skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

SUCCESS_KINDS = frozenset({"ready", "stopped", "deleted", "created", "exists", "added", "removed"})
"""Kinds of events that report a success."""


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


@dataclass(slots=True)
class Tally(Generic[E]):
    """A summary in the making."""

    done: list[E] = field(default_factory=list[E])
    failed: list[E] = field(default_factory=list[E])
    skipped: list[E] = field(default_factory=list[E])

    def take(self, event: E) -> E:
        """Note an event, and give it back."""
        if event.kind in SUCCESS_KINDS:
            self.done.append(event)
        elif event.kind == "failed":
            self.failed.append(event)
        elif event.kind == "skipped":
            self.skipped.append(event)
        return event

    def parts(self) -> tuple[tuple[E, ...], tuple[E, ...], tuple[E, ...]]:
        """What was noted, closed."""
        return tuple(self.done), tuple(self.failed), tuple(self.skipped)
