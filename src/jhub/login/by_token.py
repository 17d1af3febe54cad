"""Signing in with a token that is there already."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from jhub.errors import APIError, InvalidInput, NotAuthorized
from jhub.login.credentials import acting_as, by_token
from jhub.login.prompts import PastedToken
from jhub.login.request import SignedIn, SignIn, Taken
from jhub.models import as_utc
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps
from jhub.steps import Ask, Flow, check_token


def with_token(wish: SignIn, way: Taken = "token") -> Flow[SignedIn]:
    """The hub is asked whose it is; its expiry is told where it may be seen."""
    if not wish.token:
        raise InvalidInput("there is no token to sign in with", hint="give one on stdin: --token -")
    check_token(wish.token)
    credentials = by_token(wish.token)
    try:
        who = yield from acting_as(credentials, HubOps.whoami())
    except NotAuthorized as error:
        raise NotAuthorized(
            "the hub does not know this token: it has expired, was revoked, or is another hub's",
            method=error.method,
            path=error.path,
            status=error.status,
            hint=f"make one on {wish.hub_url}token, or sign in another way: jhub login URL --form, or --browser",
        ) from None
    life = None
    if who.kind == "user" and who.token_id:
        try:
            known = yield from acting_as(credentials, TokenOps.get(who.name, who.token_id))
        except (APIError, InvalidInput):
            pass  # it may not read tokens, not even itself
        else:
            life = _left(known.last_activity or known.created, known.expires_at)
    return SignedIn(way=way, who=who, token=wish.token, life=life)


def by_paste(wish: SignIn) -> Flow[SignedIn]:
    """The person makes a token on the hub's page for that, and pastes it."""
    if wish.scopes is not None:
        raise InvalidInput(
            "a pasted token has the scopes that it was given on the hub's token page", hint="leave them out here"
        )
    token: str = yield from Ask(PastedToken(f"{wish.hub_url}token"))
    return (yield from with_token(replace(wish, token=token), "paste"))


def _left(now: datetime | None, end: datetime | None) -> float | None:
    """The hub's clock stands at the last use of the token, which was just now."""
    return None if now is None or end is None else (as_utc(end) - as_utc(now)).total_seconds()
