"""What somebody who signs in asks for, and what they get."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from jhub.models import Identity
from jhub.operations.tokens import TOKEN_LIFE


def default_note() -> str:
    """What the hub's token page shows of a token, unless somebody gives it a note."""
    return f"jhub on {platform.node() or 'a machine without a name'}"


def _random_secret() -> str:
    return secrets.token_urlsafe(48)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRequest:
    """A request for a token, and what is known of its owner before anybody is asked.

    Parameters
    ----------
    api_url
        The API root.
    token
        One that is at hand: it is taken, unless a method is named.
    expected
        The user whom the browser is to sign in as, where no `username` says it: who had this context before.
    note
        What the hub's token page shows; names this machine by default.
    expires_in
        Seconds. A hub that allows less than `TOKEN_LIFE` gives what it allows; other values it refuses.
    """

    api_url: str
    token: str | None = field(default=None, repr=False)
    username: str | None = None
    expected: str | None = None
    password: str | None = field(default=None, repr=False)
    second_factor: str | None = field(default=None, repr=False)
    note: str = ""
    expires_in: int | None = TOKEN_LIFE
    scopes: Iterable[str] | None = None
    state: str = field(default_factory=_random_secret, repr=False)
    """Ties the browser's way back to its way out."""
    verifier: str = field(default_factory=_random_secret, repr=False)
    """The secret behind the PKCE challenge."""

    def __post_init__(self) -> None:
        # They are sent again to a hub that allows less than the usual life, which would use an iterator up.
        if self.scopes is not None and not isinstance(self.scopes, str):
            object.__setattr__(self, "scopes", tuple(self.scopes))
        if not self.note:
            object.__setattr__(self, "note", default_note())

    @property
    def hub_url(self) -> str:
        """Where the hub's own pages are, with a closing slash."""
        return self.api_url.removesuffix("api")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInResult:
    """A token, and whose it is."""

    method: MethodUsed
    who: Identity
    token: str = field(repr=False)
    token_id: str = ""
    """Empty for a token that was brought along: it is not ours to revoke."""
    life: float | None = None
    """Seconds until it expires, by the hub's clock, which may differ from ours; None for never, or unknown."""

    @property
    def how(self) -> str:
        """The way in words, such as "by the browser"."""
        return METHOD_PHRASES[self.method]


LoginMethod: TypeAlias = Literal["password", "form", "browser", "paste"]
"""A way to sign in: see `Hub.login`."""
MethodUsed: TypeAlias = LoginMethod | Literal["token"]
"""The latter with a token that was at hand."""

METHOD_PHRASES: dict[MethodUsed, str] = {
    "token": "by token",
    "password": "by password",
    "form": "by the login form",
    "browser": "by the browser",
    "paste": "by a pasted token",
}
"""How one has signed in, in words."""
