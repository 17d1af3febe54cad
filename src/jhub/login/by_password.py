"""Signing in with a username and a password in one call of the REST API."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from jhub.errors import HubError
from jhub.login.credentials import acting_as, by_token, then
from jhub.login.prompts import known
from jhub.login.request import SignInRequest, SignInResult
from jhub.login.token import as_long_as_allowed, mint, signed_in, unmade
from jhub.models import Token
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps
from jhub.steps import Flow, Interrupted, Operation

MOMENT = 60
"""Seconds that a token lives which is there to make another one."""


def by_password(wish: SignInRequest) -> Flow[SignInResult]:
    """The hub's authenticator checks the password; a person who never signed in before is refused like a wrong one."""
    username, password = yield from known(wish)
    if wish.scopes is not None:
        # With a token of all scopes the hub can be asked which those are, should it refuse these.
        door = yield from TokenOps.create_with_password(
            username, password, second_factor=wish.second_factor, note=wish.note, expires_in=MOMENT
        )
        credentials = by_token(door.token or "")

        def shut() -> Operation[None]:
            return acting_as(credentials, TokenOps.revoke(door.user or username, door.id))

        return (yield from then(mint(credentials, wish, "password"), shut, partial(unmade, credentials)))

    def make(expires_in: int | None) -> Operation[Token]:
        return TokenOps.create_with_password(
            username, password, second_factor=wish.second_factor, note=wish.note, expires_in=expires_in
        )

    token = yield from as_long_as_allowed(wish, make)
    credentials = by_token(token.token or "")
    try:
        who = yield from acting_as(credentials, HubOps.whoami())
    except (HubError, Interrupted):
        with suppress(HubError):  # nobody would know it
            yield from acting_as(credentials, TokenOps.revoke(token.user or username, token.id))
        raise
    return signed_in("password", who, token)
