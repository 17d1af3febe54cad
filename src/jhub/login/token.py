"""Creation and revocation of the token that a sign-in returns."""

from __future__ import annotations

from collections.abc import Callable

from jhub.errors import LifetimeTooLong, NotAuthorized
from jhub.login.credentials import Credentials, acting_as
from jhub.login.questions import OtherUser
from jhub.login.request import MethodUsed, SignInRequest, SignInResult
from jhub.models import Identity, Token
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TOKEN_LIFE, TokenOps
from jhub.steps import Ask, Flow, Operation


def create_token(credentials: Credentials, request: SignInRequest, method: MethodUsed) -> Flow[SignInResult]:
    """Create the requested token, for the owner of the credentials and with their rights."""
    who = yield from acting_as(credentials, HubOps.whoami())
    if method == "browser":
        yield from check_user(request, who.name)

    def create(expires_in: int | None) -> Operation[Token]:
        return TokenOps.create(who.name, note=request.note, expires_in=expires_in, scopes=request.scopes)

    token = yield from acting_as(credentials, with_allowed_lifetime(request, create))
    return sign_in_result(method, who, token)


def check_user(request: SignInRequest, name: str) -> Flow[None]:
    """Check that the browser signed in as the expected user; ask whether to continue if it did not."""
    expected = (request.username or request.expected or "").strip()
    if not expected or expected.casefold() == name.casefold():
        return
    answer: str = yield from Ask(OtherUser(name, expected))
    if answer != name:
        raise NotAuthorized(
            f"the browser signed in as {name}, not as {expected}; no token was kept",
            hint=f"sign out of the hub in the browser and sign in again; if {name} is the right user, use -u {name}",
        )


def revoke_token(credentials: Credentials, result: SignInResult) -> Flow[None]:
    """Revoke a token that `create_token` created."""
    yield from acting_as(credentials, TokenOps.revoke(result.who.name, result.token_id))


def with_allowed_lifetime(request: SignInRequest, create: Callable[[int | None], Operation[Token]]) -> Flow[Token]:
    """Create a token with the requested lifetime; if that is the default and too long, with the hub's maximum."""
    try:
        return (yield from create(request.expires_in))
    except LifetimeTooLong:
        # A token without a lifetime of its own gets token_expires_in_max_seconds.
        if request.expires_in != TOKEN_LIFE:
            raise
    return (yield from create(None))


def sign_in_result(method: MethodUsed, who: Identity, token: Token) -> SignInResult:
    """Return the result of a sign-in that created a token."""
    return SignInResult(method=method, who=who, token=token.token or "", token_id=token.id, life=token.life)
