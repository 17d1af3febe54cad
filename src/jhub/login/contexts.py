"""Keeping a new token as a context, in the place of the token that the context had."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jhub.config import contexts
from jhub.config.contexts import Context
from jhub.config.expiry import local_end
from jhub.errors import HubError, InvalidInput, NotFound
from jhub.login.credentials import acting_as, by_token
from jhub.login.methods import sign_in
from jhub.login.request import LoginMethod, SignInRequest, SignInResult
from jhub.login.token import revoke_token
from jhub.operations.tokens import TokenOps
from jhub.steps import Flow


@dataclass(frozen=True, slots=True)
class SavedContext:
    """A context with a new token."""

    name: str
    context: Context
    notes: tuple[str, ...] = ()
    """Lines about where the token is, where that is not the usual place, and about an older one that stays valid."""


def save_context(
    result: SignInResult, api_url: str, name: str | None = None, *, narrowed: bool = False
) -> Flow[SavedContext]:
    """Keep a token as a context, make that the current one, and revoke the token that it had.

    Parameters
    ----------
    result
        What `sign_in` returned.
    name
        The context; by default the hub's host name, behind USER@ where another user has that.
    narrowed
        The token has scopes of its own, and may lack the right to revoke another: then the older one revokes itself.

    Where the context cannot be written, the new token is revoked. `DELETE /users/{user}/tokens/{id}` (all versions).
    """
    try:
        name = name or contexts.default_name(api_url, result.who.name)
        context = _context(name, api_url, result)
        old_token = _current_token(name) if narrowed else ""
        location_note, before = contexts.save(name, context, result.token)
    except BaseException:
        if result.token_id:  # nobody would know it
            with suppress(HubError):
                yield from revoke_token(by_token(result.token), result)
        raise
    notes = [location_note] if location_note else []
    if before is not None and before.token_id and not (yield from _revoke_replaced(before, context, result, old_token)):
        notes.append(
            f"the token {before.token_id} of {before.user} on {before.api_url}, which this context had, stays valid"
        )
    return SavedContext(name, context, tuple(notes))


def sign_in_and_save(
    request: SignInRequest, method: LoginMethod | None, context: str | None
) -> Flow[tuple[SignInResult, tuple[str, ...]]]:
    """Sign in, and keep the token as a context where one is named. Returns the lines about that, too."""
    if context is None:
        return (yield from sign_in(request, method)), ()
    request = replace(request, expected=contexts.user_of(context, request.api_url))
    result = yield from sign_in(request, method)
    saved = yield from save_context(result, request.api_url, context, narrowed=request.scopes is not None)
    return result, saved.notes


def _context(name: str, api_url: str, result: SignInResult) -> Context:
    token_id = result.token_id
    before = contexts.load().contexts.get(name)
    if before is not None and _same_user(before, api_url, result) and before.token_id == result.who.token_id:
        token_id = before.token_id  # brought along, and the one that was made here before
    end = local_end(result.life, datetime.now(UTC))
    return Context(api_url=api_url, user=result.who.name, token_id=token_id, expires_at=end)


def _same_user(context: Context, api_url: str, result: SignInResult) -> bool:
    return (context.api_url, context.user) == (api_url, result.who.name)


def _current_token(name: str) -> str:
    """The token that a context has now, if it is to be had."""
    try:
        return contexts.connection(name).token
    except InvalidInput:
        return ""


def _revoke_replaced(before: Context, context: Context, result: SignInResult, old_token: str) -> Flow[bool]:
    """Revoke the token that the new one takes the place of, with its right or that of `old_token`; whether it is gone."""
    if not _same_user(before, context.api_url, result):
        return False
    if before.token_id == context.token_id:
        return True
    # A hub before 5.0 does not tell whether the token that was brought along is that one.
    if result.token_id or result.who.token_id:
        for secret in filter(None, (result.token, old_token)):
            try:
                yield from acting_as(by_token(secret), TokenOps.revoke(before.user, before.token_id))
            except NotFound:
                return True
            except HubError:
                continue
            return True
    return False
