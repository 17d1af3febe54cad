"""API tokens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import HubBroken, HubError, InvalidInput, InvalidScope, NotAHub, NotAuthorized
from jhub.models import Identity, OAuthToken, Token
from jhub.operations.requests import body_of, list_of, require_version, user_path
from jhub.steps import Emit, Flow, Request, call, send

SECOND_FACTORS = {"2fa": "Second factor", "otp": "One-time password"}
"""What authenticators call it, NativeAuthenticator and JupyterHub's own since 5.0, and what people are asked for."""
TOKEN_LIFE = 30 * 24 * 3600
"""Seconds until a token from `Hub.login` expires, unless told otherwise."""


class TokenListing(Struct):
    """What the hub answers a request for somebody's tokens with."""

    api_tokens: tuple[Token, ...]


def read_tokens(user: str) -> Request[TokenListing]:
    """The tokens of a user, all at once: the hub has no pages of them."""
    return call("GET", _path(user), TokenListing, about=f"tokens of {user}")


class TokenOps:
    """API tokens of users."""

    @stream(Token)
    def list(self, user: str) -> Flow[None]:
        """A user's API tokens, without the secrets. The hub removes expired ones before it answers.

        `GET /users/{user}/tokens` (all versions), scope `read:tokens`.
        """
        listing = yield from read_tokens(user)
        for token in listing.api_tokens:
            yield Emit(token)

    @operation
    def get(self, user: str, token_id: str) -> Request[Token]:
        """One token by its id, without the secret.

        `GET /users/{user}/tokens/{id}` (all versions), scope `read:tokens`.
        """
        return call("GET", f"{_path(user)}/{_check_id(token_id)}", Token, about=f"token {token_id} of {user}")

    @operation
    def create(
        self, user: str, *, note: str = "", expires_in: int | None = None, scopes: Iterable[str] | None = None
    ) -> Flow[Token]:
        """A new token for a user. The secret is in `.token`, this once.

        Parameters
        ----------
        expires_in
            Seconds. None means the hub's own default, which on most hubs is never.
        scopes
            Fewer than the user has (JupyterHub 3.0); None means all of theirs.

        `POST /users/{user}/tokens` (all versions), scope `tokens`. `NotAuthorized` also for a user that the hub does
        not know; `InvalidScope` for one that is unknown or not held (up to 4.1 `HubBroken` for an unknown one), with
        the scopes of the token in use as its hint; `LifetimeTooLong` for more than the hub allows (5.1).
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
        """A token from a username and a password, where the hub's authenticator checks passwords itself.

        Parameters
        ----------
        second_factor
            The code, where the authenticator wants one.

        `POST /users/{username}/tokens` with `auth` in the body (JupyterHub 2.0; before, `/authorizations/token`), no
        token needed; sends none, and no cookie. `NotAuthorized` when the hub refuses; it gives one answer for a wrong
        password, for a user it does not know yet, and for an authenticator without passwords.
        """
        body = _token_body(note, expires_in, scopes)
        yield from _require_scopes_support(scopes)
        body["auth"] = {"username": username, "password": password}
        if second_factor:
            body["auth"].update(dict.fromkeys(SECOND_FACTORS, second_factor))
        request = call("POST", _path(username), Token, body=body, about=f"sign in as {username}", anonymous=True)
        try:
            token = yield from request.once()  # an authenticator may lock people out
        except NotAuthorized as error:
            hint = (
                "check both; somebody who never logged in must do so once in the browser, and a hub with single "
                "sign-on has no passwords: take a token from its page /hub/token"
            )
            if username != username.lower():
                hint = f"most hubs know names in lower case: {username.lower()}; {hint}"
            message = f"sign in as {username}: the hub refused this username and password"
            raise NotAuthorized(message, method="POST", path=error.path, status=error.status, hint=hint) from None
        return _with_secret(token)

    @operation
    def exchange_code(
        self, code: str, *, client_id: str, client_secret: str, redirect_uri: str, code_verifier: str | None = None
    ) -> Flow[OAuthToken]:
        """Exchange the code of an OAuth sign-in for an OAuth token: the last step of a browser's way back from
        `/oauth2/authorize`. A code is good for one exchange, within five minutes.

        Parameters
        ----------
        client_id, client_secret
            Those of the service that is the OAuth client; its secret is its API token.
        redirect_uri
            To the letter as in the request for the code.
        code_verifier
            The secret behind the PKCE challenge; hubs before 6.0 do not look at it.

        `POST /oauth2/token` (all versions), no token needed. `NotAuthorized` for a client that the hub does not know,
        `BadRequest` for a code that it did not give out, or not to this client.
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
        return (yield from request.once())  # the hub takes a code once

    @operation
    def revoke(self, user: str, token_id: str) -> Request[None]:
        """Revoke a token by its id. An OAuth token takes all of that client's tokens with it.

        `DELETE /users/{user}/tokens/{id}` (all versions), scope `tokens`.
        """
        return send("DELETE", f"{_path(user)}/{_check_id(token_id)}", about=f"token {token_id} of {user}")


def _check_id(token_id: str) -> str:
    if not re.fullmatch(r"[a-z]\d+", token_id, re.ASCII):
        # It may be the secret itself, which must not stand in a URL, nor here.
        raise InvalidInput("that is not the id of a token, such as a12", hint="see: jhub token list")
    return token_id


def _create(request: Request[Token], user: str, scopes: Iterable[str] | None) -> Flow[Token]:
    yield from _require_scopes_support(scopes)
    try:
        token = yield from request
    except HubBroken as error:
        error.hint = "JupyterHub 4 fails like that for a scope that it does not know: is one misspelt?"
        if scopes is not None:
            error.hint += f" {yield from _describe_grantable_scopes(user, scopes)}"
        raise
    except InvalidScope as error:
        if scopes is not None:
            error.hint = yield from _describe_grantable_scopes(user, scopes)
        raise
    return _with_secret(token)


def _describe_grantable_scopes(user: str, scopes: Iterable[str]) -> Flow[str]:
    """What a token for `user` could be for, as far as the hub tells it."""
    try:
        identity = yield from call("GET", "/user", Identity).once()  # something else went wrong already
    except HubError:
        return ""
    if (identity.kind, identity.name) == ("user", user):
        own_scopes = [f"{scope}!user" for scope in list_of(scopes) if f"{scope}!user={user}" in identity.scopes]
        ask = f"for one's own: {', '.join(own_scopes)}; " if own_scopes else ""
        return f"{ask}{user} can give it: {', '.join(identity.scopes) or 'no scopes'}"
    return f"it can have those that {user} holds, and the hub tells only {user} which these are"


def _require_scopes_support(scopes: Iterable[str] | None) -> Flow[None]:
    if scopes is not None:
        # A 2.x hub does not look at them, and the token would have all scopes of its owner.
        yield from require_version("3.0", "a token with scopes of its own")


def _with_secret(token: Token) -> Token:
    if not token.token:
        raise NotAHub("the hub created a token and did not show it")
    return token


def _path(user: str) -> str:
    return f"{user_path(user)}/tokens"


def _token_body(note: str, expires_in: int | None, scopes: Iterable[str] | None) -> dict[str, Any]:
    if expires_in is not None and expires_in <= 0:
        # Up to 5.5 a 0 makes a token that never expires.
        raise InvalidInput(f"a token cannot expire in {expires_in} s; leave it out for the hub's own default")
    return body_of(note=note or None, expires_in=expires_in, scopes=None if scopes is None else list_of(scopes))


class Tokens(TokenOps, Bound):
    """`hub.tokens`"""


class AsyncTokens(TokenOps, AsyncBound):
    """`hub.tokens`"""


def revocation_groups(tokens: Iterable[Token]) -> list[list[Token]]:
    """Return tokens by the request that revokes them: with one of a session go the user's others of that client."""
    by_client: dict[str, list[Token]] = {}
    for token in tokens:
        session = token.kind == "session"
        by_client.setdefault(f"client {token.oauth_client}" if session else token.id, []).append(token)
    return list(by_client.values())
