"""The request and the result of a sign-in."""

from __future__ import annotations

import platform
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from jhub.models import Identity
from jhub.operations.tokens import TOKEN_LIFE


def default_note() -> str:
    """Return the text that the hub's token page shows for a token without a note of its own."""
    return f"jhub on {platform.node() or 'an unnamed machine'}"


def _random_secret() -> str:
    return secrets.token_urlsafe(48)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInRequest:
    """A request for a token, with what is known of its owner in advance.

    Parameters
    ----------
    api_url
        The API root.
    token
        An existing token; it is used unless a method is named.
    username, password, second_factor
        Credentials; the flow asks for those that are missing and needed.
    expected
        The user that the browser should sign in as, if `username` is not set: the previous user of the context.
    note
        The text on the hub's token page; names this machine by default.
    expires_in
        Seconds. A hub whose maximum is below `TOKEN_LIFE` gives its maximum for that; it refuses other values above it.
    scopes
        The token's scopes; None for all of the user's.
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
    """The OAuth state, which ties the browser's redirect to this request."""
    verifier: str = field(default_factory=_random_secret, repr=False)
    """The secret behind the PKCE challenge."""

    def __post_init__(self) -> None:
        """Store the scopes as a tuple, and fill in the default note."""
        # The scopes are sent twice to a hub with a shorter maximum lifetime, which would use an iterator up.
        if self.scopes is not None and not isinstance(self.scopes, str):
            object.__setattr__(self, "scopes", tuple(self.scopes))
        if not self.note:
            object.__setattr__(self, "note", default_note())

    @property
    def hub_url(self) -> str:
        """The root of the hub's own pages, with a closing slash."""
        return self.api_url.removesuffix("api")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInResult:
    """A token and its owner."""

    method: MethodUsed
    who: Identity
    token: str = field(repr=False)
    token_id: str = ""
    """The token's id on the hub. Empty for a token that jhub did not create, and so does not revoke."""
    life: float | None = None
    """Seconds until the token expires, by the hub's clock, which may differ from ours; None for never, or unknown."""

    @property
    def how(self) -> str:
        """The method in words, such as "with the browser"."""
        return METHOD_PHRASES[self.method]


LoginMethod: TypeAlias = Literal["password", "form", "browser", "paste"]
"""A sign-in method: see `Hub.login`."""
MethodUsed: TypeAlias = LoginMethod | Literal["token"]
"""A sign-in method, or "token" for an existing token."""

METHOD_PHRASES: dict[MethodUsed, str] = {
    "token": "with a token",
    "password": "with a password",
    "form": "through the login form",
    "browser": "with the browser",
    "paste": "with a pasted token",
}
"""Sign-in methods in words, as in "signing in with the browser"."""
