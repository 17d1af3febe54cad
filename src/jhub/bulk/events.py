"""Events of calls for many users: one for each name, and a summary at the end of bulk writes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from jhub.errors import HubError
from jhub.models import Token, User
from jhub.outcome import Outcome

NameKind = Literal[
    "creating", "created", "exists", "edited", "added", "removed", "deleting", "deleted", "failed", "skipped"
]
"""The result for one name; "creating" and "deleting" are followed by another event."""


@dataclass(frozen=True, slots=True)
class NameEvent:
    """The result for one user, by the name that you passed."""

    kind: NameKind
    name: str
    message: str = ""
    """The reason for a failure; for other events, a note on anything uncertain."""
    user: User | None = None
    """The user, if the hub returned it."""
    error: HubError | None = None
    """The error behind a failure."""
    token: Token | None = None
    """The token that was created for the user, with its secret."""


class NameSummary(Outcome[NameEvent]):
    """The result of a bulk write."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class UserTokens:
    """The tokens of one user that match, or the error with which they could not be read."""

    user: str
    count: int
    """The number of users in all."""
    tokens: tuple[Token, ...] = ()
    error: HubError | None = None
