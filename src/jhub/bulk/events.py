"""What a bulk write reports: an event for each name, and at its end a summary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jhub.errors import HubError
from jhub.models import User
from jhub.outcome import Outcome

NameKind = Literal["created", "exists", "added", "removed", "failed", "skipped"]


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


class NameSummary(Outcome[NameEvent]):
    """How a bulk write ended."""

    __slots__ = ()
