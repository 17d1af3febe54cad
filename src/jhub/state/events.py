"""Results of the application of a plan: events for each change, and a summary at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jhub.errors import HubError
from jhub.outcome import Outcome
from jhub.state.changes import Change

StateKind = Literal["changing", "changed", "unchanged", "failed", "stale", "skipped"]
"""The result of a change; "changing" is followed by other events."""


@dataclass(frozen=True, slots=True)
class StateEvent:
    """The result of a change, for one user if it has several.

    "unchanged": the hub already was as the plan wants it. "stale": the hub is neither as it was when the plan was made
    nor as the plan wants it, so that nothing was changed. "skipped": it depends on a change that failed, or the hub
    does not answer.
    """

    kind: StateKind
    change: Change | None
    """The change; None for a user in the document whom the hub does not have."""
    name: str = ""
    """The user, of a change of several users."""
    message: str = ""
    """The reason, except for "changed"."""
    error: HubError | None = None
    """The error behind a failure."""


class StateSummary(Outcome[StateEvent]):
    """The result of the application of a plan. `failed` has the stale changes, too."""

    __slots__ = ()
