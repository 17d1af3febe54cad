"""Ways to sign in."""

from __future__ import annotations

from typing import Literal, TypeAlias

Way: TypeAlias = Literal["password", "form", "browser", "paste"]
"""A way to sign in: see `Hub.login`."""
Taken: TypeAlias = Way | Literal["token"]
"""The latter with a token that was at hand."""

SAID: dict[Taken, str] = {
    "token": "by token",
    "password": "by password",
    "form": "by the login form",
    "browser": "by the browser",
    "paste": "by a pasted token",
}
"""How one has signed in, in words."""
