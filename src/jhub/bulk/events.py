"""Results of bulk writes: an event for each name, and a summary at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jhub.errors import HubError
from jhub.models import User
from jhub.outcome import Outcome

NameKind = Literal["created", "exists", "added", "removed", "failed", "skipped"]
"""The result for one name."""


@dataclass(frozen=True, slots=True)
class NameEvent:
    """The result for one user, by the name that you passed."""

    kind: NameKind
    name: str
    message: str = ""
    """The reason of a failure; for other events, a note on what is not certain."""
    user: User | None = None
    """The user, if the hub returned it."""
    error: HubError | None = None
    """The error of a failure."""


class NameSummary(Outcome[NameEvent]):
    """The result of a bulk write."""

    __slots__ = ()
