"""Contexts from sign-ins: saves a new token as a context, and revokes the token that it replaces."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jhub.config import contexts
from jhub.config.certificate_files import CertificateFiles
from jhub.config.contexts import Context
from jhub.config.expiry import local_end
from jhub.discovery import https_origin, normalize_url
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
    """Lines for the user: where the token is stored, if not in the usual place, and that an older one stays valid."""


NO_FILES = CertificateFiles()
"""Neither a CA file nor a client certificate."""


def saved_files(url: str, name: str | None = None) -> CertificateFiles:
    """Return the CA file and the client certificate with which a context reaches a hub.

    The context is `name`, else the current one, else the first, among those of the same scheme, host and port.
    """
    saved = contexts.load()
    address = https_origin(normalize_url(url))
    for each in (name or "", saved.current, *sorted(saved.contexts)):
        context = saved.contexts.get(each)
        if context is not None and https_origin(context.api_url) == address:
            return CertificateFiles(ca_file=context.ca_file, cert_file=context.cert_file, key_file=context.key_file)
    return NO_FILES


def save_context(
    result: SignInResult,
    api_url: str,
    name: str | None = None,
    *,
    narrowed: bool = False,
    files: CertificateFiles = NO_FILES,
) -> Flow[SavedContext]:
    """Save a token as a context, make that the current one, and revoke the token that the context had.

    If the context cannot be written, the new token is revoked. `DELETE /users/{user}/tokens/{id}` (all versions).

    Parameters
    ----------
    result
        The result of `sign_in`.
    api_url
        The API root.
    name
        The context; by default the hub's host name, behind USER@ if another user's context has that name.
    narrowed
        The token has scopes of its own, and may lack the right to revoke another: then the older token revokes itself.
    files
        The CA file and the client certificate for this hub.
    """
    try:
        name = name or contexts.default_name(api_url, result.who.name)
        context = _context(name, api_url, result, files)
        old_token = _current_token(name) if narrowed else ""
        saved = contexts.save(name, context, result.token)
    except BaseException:
        if result.token_id:  # nobody will use it
            with suppress(HubError):
                yield from revoke_token(by_token(result.token), result)
        raise
    notes = [saved.note] if saved.note else []
    old = saved.replaced
    if old is not None and old.token_id and not (yield from _revoke_replaced(old, context, result, old_token)):
        notes.append(f"the previous token of this context, {old.token_id} of {old.user} on {old.api_url}, stays valid")
    return SavedContext(name, context, tuple(notes))


def sign_in_and_save(
    request: SignInRequest, method: LoginMethod | None, context: str | None, files: CertificateFiles = NO_FILES
) -> Flow[tuple[SignInResult, tuple[str, ...]]]:
    """Sign in, and save the token as a context if one is named. Return the result and the notes of `save_context`."""
    if context is None:
        return (yield from sign_in(request, method)), ()
    request = replace(request, expected=contexts.user_of(context, request.api_url))
    result = yield from sign_in(request, method)
    narrowed = request.scopes is not None
    saved = yield from save_context(result, request.api_url, context, narrowed=narrowed, files=files)
    return result, saved.notes


def _context(name: str, api_url: str, result: SignInResult, files: CertificateFiles) -> Context:
    token_id = result.token_id
    old = contexts.load().contexts.get(name)
    if old is not None and _same_user(old, api_url, result) and old.token_id == result.who.token_id:
        token_id = old.token_id  # an existing token, and the one that jhub created for this context before
    end = local_end(result.life, datetime.now(UTC))
    return Context(
        api_url=api_url,
        user=result.who.name,
        token_id=token_id,
        expires_at=end,
        ca_file=files.ca_file,
        cert_file=files.cert_file,
        key_file=files.key_file,
    )


def _same_user(context: Context, api_url: str, result: SignInResult) -> bool:
    return (context.api_url, context.user) == (api_url, result.who.name)


def _current_token(name: str) -> str:
    """Return the token that a context has now; "" if it cannot be read."""
    try:
        return contexts.connection(name).token
    except InvalidInput:
        return ""


def _revoke_replaced(old: Context, context: Context, result: SignInResult, old_token: str) -> Flow[bool]:
    """Revoke the replaced token, with the rights of the new one or of `old_token`. Return whether it is gone."""
    if not _same_user(old, context.api_url, result):
        return False
    if old.token_id == context.token_id:
        return True
    # A hub before 5.0 does not report the id of an existing token, which may be the replaced one.
    if result.token_id or result.who.token_id:
        for token in filter(None, (result.token, old_token)):
            try:
                yield from acting_as(by_token(token), TokenOps.revoke(old.user, old.token_id))
            except NotFound:
                return True
            except HubError:
                continue
            return True
    return False
