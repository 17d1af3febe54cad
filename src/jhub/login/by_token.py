"""Sign-in with an existing token."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from jhub.errors import APIError, InvalidInput, NotAuthorized
from jhub.login.credentials import acting_as, by_token
from jhub.login.questions import PastedToken
from jhub.login.request import MethodUsed, SignInRequest, SignInResult
from jhub.models import as_utc
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps
from jhub.steps import Ask, Flow, check_token


def with_token(request: SignInRequest, method: MethodUsed = "token") -> Flow[SignInResult]:
    """Look up the owner of the request's token, and its expiry if the token may read it."""
    if not request.token:
        raise InvalidInput("no token to sign in with", hint="pass it on stdin: --token -")
    check_token(request.token)
    credentials = by_token(request.token)
    try:
        who = yield from acting_as(credentials, HubOps.whoami())
    except NotAuthorized as error:
        raise NotAuthorized(
            "the hub rejected the token: it has expired, was revoked, or belongs to another hub",
            method=error.method,
            path=error.path,
            status=error.status,
            hint=f"create one on {request.hub_url}token, or use: jhub login URL --form, or --browser",
        ) from None
    life = None
    if who.kind == "user" and who.token_id:
        try:
            stored = yield from acting_as(credentials, TokenOps.get(who.name, who.token_id))
        except (APIError, InvalidInput):
            pass  # its scopes may not cover reading tokens, itself included
        else:
            life = _remaining_seconds(stored.last_activity or stored.created, stored.expires_at)
    return SignInResult(method=method, who=who, token=request.token, life=life)


def by_paste(request: SignInRequest) -> Flow[SignInResult]:
    """Sign in with a token that the user creates on the hub's token page and pastes."""
    if request.scopes is not None:
        raise InvalidInput("a pasted token has the scopes chosen on the hub's token page", hint="omit the scopes here")
    token: str = yield from Ask(PastedToken(f"{request.hub_url}token"))
    return (yield from with_token(replace(request, token=token), "paste"))


def _remaining_seconds(now: datetime | None, end: datetime | None) -> float | None:
    """Return the seconds between the token's last use, which is now by the hub's clock, and its end."""
    return None if now is None or end is None else (as_utc(end) - as_utc(now)).total_seconds()
