"""Sign-in with the OAuth of the hub, and the sessions of the people who are signed in.

A session is in the memory of this process. The browser has its random id in a cookie, and never the token.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from jhub import AsyncHub, HubError

CLIENT_ID = "service-portal"
SESSION_SECONDS = 8 * 3600
SIGN_IN_SECONDS = 600
"""Time to enter a password at the hub."""
PORTAL_URL = os.environ["PORTAL_URL"].rstrip("/")
REDIRECT_URI = f"{PORTAL_URL}/signed-in"

_SECURE = PORTAL_URL.startswith("https://")
_PREFIX = "__Host-" if _SECURE else ""  # no other host of the domain can set a cookie of such a name
SESSION_COOKIE = f"{_PREFIX}portal-session"
SIGN_IN_COOKIE = f"{_PREFIX}portal-sign-in"
# Lax, not strict: the browser comes back from the hub, which may be another site.
COOKIE: dict[str, Any] = {"httponly": True, "samesite": "lax", "secure": _SECURE, "path": "/"}


class SignInRefused(Exception):
    """A sign-in that did not end well; the text is for the page."""


@dataclass
class Session:
    """Somebody who is signed in, with the client that acts for them."""

    user: str
    hub: AsyncHub = field(repr=False)
    xsrf_token: str = field(default_factory=secrets.token_urlsafe, repr=False)
    ends: float = field(default_factory=lambda: time.monotonic() + SESSION_SECONDS)


class Sessions:
    """All sessions, by their ids."""

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def find(self, session_id: str) -> Session | None:
        session = self._sessions.get(session_id)
        return session if session is not None and session.ends > time.monotonic() else None

    async def create(self, token: str) -> str:
        """Find out whose token it is, and return the id of their new session."""
        for old in [key for key, session in self._sessions.items() if session.ends <= time.monotonic()]:
            await self.end(old)
        hub = AsyncHub(os.environ["HUB_URL"], token)
        try:
            who = await hub.whoami()
        except BaseException:
            await hub.aclose()
            raise
        session_id = secrets.token_urlsafe()
        self._sessions[session_id] = Session(who.name, hub)
        return session_id

    async def end(self, session_id: str) -> None:
        """Revoke the token of a session, and close its client."""
        session = self._sessions.pop(session_id, None)
        if session is not None:
            async with session.hub as hub:
                with suppress(HubError):  # it may be revoked already
                    await hub.logout()

    async def end_all(self) -> None:
        for session_id in list(self._sessions):
            await self.end(session_id)


async def begin() -> tuple[str, str]:
    """Return the address of the hub's sign-in, and the value of the cookie that its answer must match."""
    state, verifier = secrets.token_urlsafe(), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "client_id": CLIENT_ID,
        "redirect_uri": REDIRECT_URI,
        "response_type": "code",
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    async with AsyncHub(os.environ["HUB_URL"]) as hub:
        return f"{await hub.find_api_url()}/oauth2/authorize?{urlencode(query)}", f"{state}.{verifier}"


async def finish(cookie: str, state: str, code: str) -> str:
    """Check the answer of the hub, and return the token of the person who has signed in."""
    expected, _, verifier = cookie.partition(".")
    if not expected or not secrets.compare_digest(expected.encode(), state.encode()):
        raise SignInRefused("This answer does not belong to a sign-in that this browser has begun here.")
    if not code:
        raise SignInRefused("The hub did not let you in, or you did not agree.")
    async with AsyncHub(os.environ["HUB_URL"]) as hub:
        oauth = await hub.tokens.exchange_code(
            code,
            client_id=CLIENT_ID,
            client_secret=os.environ["PORTAL_SECRET"],
            redirect_uri=REDIRECT_URI,
            code_verifier=verifier,
        )
    return oauth.access_token
