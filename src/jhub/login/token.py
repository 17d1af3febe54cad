"""Making the token that stays, once the hub knows who is there."""

from __future__ import annotations

from collections.abc import Callable

from jhub.errors import LifetimeTooLong, NotAuthorized
from jhub.login.credentials import Credentials, acting_as
from jhub.login.prompts import OtherUser
from jhub.login.request import MethodUsed, SignInRequest, SignInResult
from jhub.models import Identity, Token
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TOKEN_LIFE, TokenOps
from jhub.steps import Ask, Flow, Operation


def create_token(credentials: Credentials, request: SignInRequest, method: MethodUsed) -> Flow[SignInResult]:
    """A token as wished for, made with the rights of who holds the credentials."""
    who = yield from acting_as(credentials, HubOps.whoami())
    if method == "browser":
        yield from check_user(request, who.name)

    def make(expires_in: int | None) -> Operation[Token]:
        return TokenOps.create(who.name, note=request.note, expires_in=expires_in, scopes=request.scopes)

    token = yield from acting_as(credentials, with_allowed_lifetime(request, make))
    return sign_in_result(method, who, token)


def check_user(request: SignInRequest, name: str) -> Flow[None]:
    """See that the browser result in as who was meant, or that the person agrees."""
    meant = (request.username or request.expected or "").strip()
    if not meant or meant.casefold() == name.casefold():
        return
    answer: str = yield from Ask(OtherUser(name, meant))
    if answer != name:
        raise NotAuthorized(
            f"the browser result in as {name}, and not as {meant}: no token was kept",
            hint=f"sign out of the hub in the browser, and sign in again; if {name} is right: -u {name}",
        )


def revoke_token(credentials: Credentials, result: SignInResult) -> Flow[None]:
    """Take back what `create_token` made."""
    yield from acting_as(credentials, TokenOps.revoke(result.who.name, result.token_id))


def with_allowed_lifetime(request: SignInRequest, make: Callable[[int | None], Operation[Token]]) -> Flow[Token]:
    """What `make` gives for the wished life; where that is the usual one, and the hub allows less, for its longest."""
    try:
        return (yield from make(request.expires_in))
    except LifetimeTooLong:
        # A token of no stated life gets token_expires_in_max_seconds.
        if request.expires_in != TOKEN_LIFE:
            raise
    return (yield from make(None))


def sign_in_result(method: MethodUsed, who: Identity, token: Token) -> SignInResult:
    """A token that was just made."""
    return SignInResult(method=method, who=who, token=token.token or "", token_id=token.id, life=token.life)
