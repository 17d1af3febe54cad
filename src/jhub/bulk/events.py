"""Reports of bulk writes: an event for each name, and a summary at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jhub.errors import HubError
from jhub.models import User
from jhub.outcome import Outcome

NameKind = Literal["created", "exists", "added", "removed", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class NameEvent:
    """The result for one user, by the name that was given."""

    kind: NameKind
    name: str
    message: str = ""
    """The reason of a failure; what is not certain about the rest."""
    user: User | None = None
    """The user, where the hub told it."""
    error: HubError | None = None


class NameSummary(Outcome[NameEvent]):
    """The result of a bulk write."""

    __slots__ = ()
