"""Sign-in with a username and a password in one call of the REST API."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

from jhub.errors import HubError
from jhub.login.credentials import acting_as, by_token, with_cleanup
from jhub.login.questions import ask_credentials
from jhub.login.request import SignInRequest, SignInResult
from jhub.login.token import create_token, revoke_token, sign_in_result, with_allowed_lifetime
from jhub.models import Token
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TokenOps
from jhub.steps import Flow, Interrupted, Operation

TEMPORARY_TOKEN_SECONDS = 60
"""Lifetime of a token that exists only to create another one."""


def by_password(request: SignInRequest) -> Flow[SignInResult]:
    """Sign in through the hub's authenticator. It rejects a new user in the same way as a wrong password."""
    username, password = yield from ask_credentials(request)
    if request.scopes is not None:
        # With a token of all scopes, the hub can be asked for the user's scopes if it refuses the requested ones.
        temporary = yield from TokenOps.create_with_password(
            username,
            password,
            second_factor=request.second_factor,
            note=request.note,
            expires_in=TEMPORARY_TOKEN_SECONDS,
        )
        credentials = by_token(temporary.token or "")

        def revoke_temporary() -> Operation[None]:
            return acting_as(credentials, TokenOps.revoke(temporary.user or username, temporary.id))

        operation = create_token(credentials, request, "password")
        return (yield from with_cleanup(operation, revoke_temporary, partial(revoke_token, credentials)))

    def create(expires_in: int | None) -> Operation[Token]:
        return TokenOps.create_with_password(
            username, password, second_factor=request.second_factor, note=request.note, expires_in=expires_in
        )

    token = yield from with_allowed_lifetime(request, create)
    credentials = by_token(token.token or "")
    try:
        who = yield from acting_as(credentials, HubOps.whoami())
    except (HubError, Interrupted):
        with suppress(HubError):  # nobody will use the token
            yield from acting_as(credentials, TokenOps.revoke(token.user or username, token.id))
        raise
    return sign_in_result("password", who, token)
