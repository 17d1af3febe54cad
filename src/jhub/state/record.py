"""Record of an application: what has become of each change so far."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from jhub.bulk.each import FINAL_ERRORS
from jhub.errors import Conflict, HubError
from jhub.outcome import Tally
from jhub.state.changes import Change
from jhub.state.events import StateEvent, StateKind
from jhub.steps import Emit, Flow


class Stale(Conflict):
    """Error for a change whose object is neither as the plan found it, nor as the plan wants it."""


class Record:
    """The results of the changes so far."""

    def __init__(self) -> None:
        self.tally: Tally[StateEvent] = Tally()
        self.stopped = ""
        """The reason why no further change is attempted, after an error that concerns all of them; else empty."""
        self._lost: set[tuple[str, str]] = set()

    def emit(
        self, kind: StateKind, change: Change | None, name: str = "", message: str = "", error: HubError | None = None
    ) -> Flow[None]:
        """Emit an event, and record it."""
        yield Emit(self.tally.take(StateEvent(kind, change, name, message, error)))

    def fail(self, change: Change | None, error: HubError, name: str = "") -> Flow[None]:
        """Emit the event of an error, and record it."""
        if isinstance(error, FINAL_ERRORS):
            self.stopped = self.stopped or f"not attempted: {error}"
        kind: StateKind = "stale" if isinstance(error, Stale) else "failed"
        return self.emit(kind, change, name, str(error), error)

    def lose(self, noun: str, name: str) -> None:
        """Record that a new user or group could not be created, so that what depends on it is skipped."""
        self._lost.add((noun, name.lower() if noun == "user" else name))

    def is_lost(self, noun: str, name: str) -> bool:
        """Return whether a new user or group could not be created."""
        return (noun, name.lower() if noun == "user" else name) in self._lost

    def carry_out(self, change: Change, work: Callable[[], Flow[bool]]) -> Flow[bool]:
        """Make a change, and emit its events. `work` returns False if the hub already was as wanted.

        Returns whether the hub is as wanted now.
        """
        if self.stopped:
            yield from self.emit("skipped", change, message=self.stopped)
            return False
        yield from self.emit("changing", change)
        try:
            changed = yield from work()
        except HubError as error:
            yield from self.fail(change, error)
            return False
        yield from self.emit("changed" if changed else "unchanged", change)
        return True

    def skip(self, change: Change, names: Iterable[str], message: str) -> Flow[None]:
        """Emit that a change of several users is not made."""
        for name in names:
            yield from self.emit("skipped", change, name, message)
