"""Operations on API tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from msgspec import Struct

from jhub.binding import operation, stream
from jhub.errors import HubBroken, HubError, InvalidInput, InvalidScope, NotAHub, NotAuthorized
from jhub.models import Identity, OAuthToken, Token, TokenKind
from jhub.operations.requests import accept_missing, body_of, list_of, require_version, user_path
from jhub.operations.token_filter import TokenCriteria, prepare_token_filter
from jhub.steps import Emit, Flow, Request, call, send

SECOND_FACTORS = {"2fa": "Second factor", "otp": "One-time password"}
"""Prompts for a second factor, by the name of its form field: `2fa` in NativeAuthenticator, `otp` in JupyterHub 5.0."""
TOKEN_LIFE = 30 * 24 * 3600
"""Default lifetime of a token from `Hub.login`, in seconds."""


class TokenListing(Struct):
    """The response body of a request for a user's tokens."""

    api_tokens: tuple[Token, ...]


def read_tokens(user: str) -> Request[TokenListing]:
    """Return the request for all tokens of a user: the hub does not page them."""
    return call("GET", _path(user), TokenListing, about=f"tokens of {user}")


class TokenOps:
    """Operations on the API tokens of users."""

    @stream(Token)
    def list(
        self,
        user: str,
        *,
        kind: TokenKind | None = None,
        unused_for: float | timedelta | None = None,
        never_expires: bool = False,
        expired: bool = False,
    ) -> Flow[None]:
        """List a user's API tokens that match all given criteria, without the secrets.

        Parameters
        ----------
        kind
            Only tokens of this kind: see `Token.kind`.
        unused_for
            Only tokens without use for at least this time: seconds, or a timedelta. If a token was never used, the time
            counts from its creation. The clock is the hub's, read once at the beginning.
        never_expires
            Only tokens that never expire.
        expired
            Only tokens that have expired. The hub deletes them before it answers, so they are rare.

        `GET /users/{user}/tokens` (all versions), scope `read:tokens`; with `unused_for` or `expired` one `GET /`.
        """
        criteria = TokenCriteria(kind=kind, unused_for=unused_for, never_expires=never_expires, expired=expired)
        token_filter = yield from prepare_token_filter(criteria)
        listing = yield from read_tokens(user)
        for token in listing.api_tokens:
            if token_filter.matches(token):
                yield Emit(token)

    @operation
    def get(self, user: str, token_id: str) -> Request[Token]:
        """Return a token by its id, without the secret.

        `GET /users/{user}/tokens/{id}` (all versions), scope `read:tokens`.
        """
        return call("GET", f"{_path(user)}/{_check_id(token_id)}", Token, about=f"token {token_id} of {user}")

    @operation
    def create(
        self, user: str, *, note: str = "", expires_in: int | None = None, scopes: Iterable[str] | None = None
    ) -> Flow[Token]:
        """Create a token for a user.

        The secret is in `.token` of this answer only.

        Parameters
        ----------
        expires_in
            Lifetime in seconds. None means the hub's own default; on most hubs such a token never expires.
        scopes
            A subset of the user's scopes (JupyterHub 3.0); None means all of them.

        `POST /users/{user}/tokens` (all versions), scope `tokens`. `NotAuthorized` also for an unknown user;
        `InvalidScope` for a scope that is unknown or that the user does not hold (up to 4.1 `HubBroken` for an unknown
        one), with the scopes of the token in use as its hint; `LifetimeTooLong` for a longer lifetime than the hub
        allows (5.1).
        """
        body = _token_body(note, expires_in, scopes)
        return _create(call("POST", _path(user), Token, body=body, about=f"token for {user}"), user, scopes)

    @operation
    def create_with_password(
        self,
        username: str,
        password: str,
        *,
        second_factor: str | None = None,
        note: str = "",
        expires_in: int | None = None,
        scopes: Iterable[str] | None = None,
    ) -> Flow[Token]:
        """Create a token from a username and a password, if the hub's authenticator checks passwords itself.

        Parameters
        ----------
        second_factor
            The one-time code, if the authenticator requires one.

        `POST /users/{username}/tokens` with `auth` in the body (JupyterHub 2.0; before, `/authorizations/token`), no
        token needed; sends neither a token nor a cookie. `NotAuthorized` if the hub refuses; its answer is the same for
        a wrong password, an unknown user, and an authenticator without passwords.
        """
        body = _token_body(note, expires_in, scopes)
        yield from _require_scopes_support(scopes)
        body["auth"] = {"username": username, "password": password}
        if second_factor:
            body["auth"].update(dict.fromkeys(SECOND_FACTORS, second_factor))
        request = call("POST", _path(username), Token, body=body, about=f"sign in as {username}", anonymous=True)
        try:
            token = yield from request.once()  # an authenticator may lock the user out
        except NotAuthorized as error:
            hint = (
                "check both; a user who has never logged in must do so once in the browser, and a hub with single "
                "sign-on has no passwords: create a token on its page /hub/token"
            )
            if username != username.lower():
                hint = f"most hubs store names in lower case: use {username.lower()}; {hint}"
            message = f"sign in as {username}: the hub refused this username and password"
            raise NotAuthorized(message, method="POST", path=error.path, status=error.status, hint=hint) from None
        return _with_secret(token)

    @operation
    def exchange_code(
        self, code: str, *, client_id: str, client_secret: str, redirect_uri: str, code_verifier: str | None = None
    ) -> Flow[OAuthToken]:
        """Exchange the code of an OAuth sign-in for an OAuth token.

        This is the last step of a sign-in at `/oauth2/authorize`, after the redirect of the browser. A code is valid
        for one exchange, within five minutes.

        Parameters
        ----------
        client_id, client_secret
            The id and secret of the service that is the OAuth client; the secret is the service's API token.
        redirect_uri
            The same string as in the request for the code.
        code_verifier
            The secret of the PKCE challenge; hubs before 6.0 ignore it.

        `POST /oauth2/token` (all versions), no token needed. `NotAuthorized` for an unknown client, `BadRequest` for a
        code that the hub did not issue, or not to this client.
        """
        body = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": client_id,
            "client_secret": client_secret,
            "redirect_uri": redirect_uri,
        }
        if code_verifier is not None:
            body["code_verifier"] = code_verifier
        request = call("POST", "/oauth2/token", OAuthToken, body=body, about="OAuth token", anonymous=True, form=True)
        return (yield from request.once())  # the hub accepts a code only once

    @operation
    def revoke(self, user: str, token_id: str, *, missing_ok: bool = False) -> Flow[None]:
        """Revoke a token by its id.

        With an OAuth token the hub revokes all tokens of the user for that client.

        `DELETE /users/{user}/tokens/{id}` (all versions), scope `tokens`. `NotFound` if the token or the user does not
        exist, unless `missing_ok`.
        """
        path, about = f"{_path(user)}/{_check_id(token_id)}", f"token {token_id} of {user}"
        return accept_missing(send("DELETE", path, about=about), missing_ok)


def _check_id(token_id: str) -> str:
    if not re.fullmatch(r"[a-z]\d+", token_id, re.ASCII):
        # The value may be the secret itself, which belongs neither into a URL nor into this message.
        raise InvalidInput("invalid token ID", hint="use an ID such as a12; see: jhub token list")
    return token_id


def _create(request: Request[Token], user: str, scopes: Iterable[str] | None) -> Flow[Token]:
    yield from _require_scopes_support(scopes)
    try:
        token = yield from request
    except HubBroken as error:
        error.hint = "check for a misspelt scope: JupyterHub 4 fails like this for an unknown one"
        if scopes is not None:
            error.hint += f" {yield from _describe_grantable_scopes(user, scopes)}"
        raise
    except InvalidScope as error:
        if scopes is not None:
            error.hint = yield from _describe_grantable_scopes(user, scopes)
        raise
    return _with_secret(token)


def _describe_grantable_scopes(user: str, scopes: Iterable[str]) -> Flow[str]:
    """Return a hint about the scopes that a token for `user` can have, as far as the token in use can read them."""
    try:
        identity = yield from call("GET", "/user", Identity).once()  # the hint is optional, so it does not retry
    except HubError:
        return ""
    if (identity.kind, identity.name) == ("user", user):
        own_scopes = [f"{scope}!user" for scope in list_of(scopes) if f"{scope}!user={user}" in identity.scopes]
        prefix = f"for your own resources use {', '.join(own_scopes)}; " if own_scopes else ""
        return f"{prefix}{user} can grant: {', '.join(identity.scopes) or 'no scopes'}"
    return f"the token can have scopes that {user} holds; only {user} can list them"


def _require_scopes_support(scopes: Iterable[str] | None) -> Flow[None]:
    if scopes is not None:
        # JupyterHub 2 ignores scopes here, and the token would have all scopes of its owner.
        yield from require_version("3.0", "a token with limited scopes")


def _with_secret(token: Token) -> Token:
    if not token.token:
        raise NotAHub("the hub created a token but did not return it")
    return token


def _path(user: str) -> str:
    return f"{user_path(user)}/tokens"


def check_lifetime(expires_in: int | None) -> None:
    """Raise `InvalidInput` for a lifetime that is not positive."""
    if expires_in is not None and expires_in <= 0:
        # Up to JupyterHub 5.5 a 0 creates a token that never expires.
        raise InvalidInput(
            f"a token cannot expire in {expires_in} s", hint="leave expires_in out for the hub's default"
        )


def _token_body(note: str, expires_in: int | None, scopes: Iterable[str] | None) -> dict[str, Any]:
    check_lifetime(expires_in)
    return body_of(note=note or None, expires_in=expires_in, scopes=None if scopes is None else list_of(scopes))


def revocation_groups(tokens: Iterable[Token]) -> list[list[Token]]:
    """Return tokens grouped by the request that revokes them.

    With a token of a session the hub revokes all of the user's tokens for that OAuth client.
    """
    by_client: dict[str, list[Token]] = {}
    for token in tokens:
        session = token.kind == "session"
        by_client.setdefault(f"client {token.oauth_client}" if session else token.id, []).append(token)
    return list(by_client.values())
