"""Signing in with a token that is there already."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from jhub.errors import APIError, InvalidInput, NotAuthorized
from jhub.login.credentials import acting_as, by_token
from jhub.login.prompts import PastedToken
from jhub.login.request import MethodUsed, SignInRequest, SignInResult
from jhub.models import in_utc
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps
from jhub.steps import Ask, Flow, check_token


def with_token(request: SignInRequest, method: MethodUsed = "token") -> Flow[SignInResult]:
    """The hub is asked whose it is; its expiry is told where it may be seen."""
    if not request.token:
        raise InvalidInput("there is no token to sign in with", hint="give one on stdin: --token -")
    check_token(request.token)
    credentials = by_token(request.token)
    try:
        who = yield from acting_as(credentials, HubOps.whoami())
    except NotAuthorized as error:
        raise NotAuthorized(
            "the hub does not know this token: it has expired, was revoked, or is another hub's",
            method=error.method,
            path=error.path,
            status=error.status,
            hint=f"make one on {request.hub_url}token, or sign in another way: jhub login URL --form, or --browser",
        ) from None
    life = None
    if who.kind == "user" and who.token_id:
        try:
            stored = yield from acting_as(credentials, TokenOps.get(who.name, who.token_id))
        except (APIError, InvalidInput):
            pass  # it may not read tokens, not even itself
        else:
            life = _remaining_seconds(stored.last_activity or stored.created, stored.expires_at)
    return SignInResult(method=method, who=who, token=request.token, life=life)


def by_paste(request: SignInRequest) -> Flow[SignInResult]:
    """The person makes a token on the hub's page for that, and pastes it."""
    if request.scopes is not None:
        raise InvalidInput(
            "a pasted token has the scopes that it was given on the hub's token page", hint="leave them out here"
        )
    token: str = yield from Ask(PastedToken(f"{request.hub_url}token"))
    return (yield from with_token(replace(request, token=token), "paste"))


def _remaining_seconds(now: datetime | None, end: datetime | None) -> float | None:
    """The hub's clock stands at the last use of the token, which was just now."""
    return None if now is None or end is None else (in_utc(end) - in_utc(now)).total_seconds()
