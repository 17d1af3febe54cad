"""The namespace `hub.tokens`: operations on one token, and on the tokens of many users."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from functools import partial

from jhub.binding import AsyncBound, Bound, fleet, stream
from jhub.bulk.each import call_each
from jhub.bulk.events import NameEvent, NameSummary, UserTokens
from jhub.bulk.token_sweep import sweep_tokens
from jhub.models import TokenKind
from jhub.operations.requests import list_of
from jhub.operations.token_filter import TokenCriteria
from jhub.operations.tokens import TokenOps, check_lifetime
from jhub.preview import Preview, preview_each
from jhub.steps import Emit, Flow

POSSIBLY_CREATED = "the hub may have created a token whose secret is lost; to revoke it, list the user's tokens"
"""Advice after a request without an answer."""


def preview_creation(
    names: Iterable[str], *, note: str = "", expires_in: int | None = None, scopes: Iterable[str] | None = None
) -> Flow[Preview]:
    """Preview `create_many`."""
    scopes = None if scopes is None else list_of(scopes)
    check_lifetime(expires_in)
    create = partial(TokenOps.create, note=note, expires_in=expires_in, scopes=scopes)
    return preview_each(partial(create, name) for name in dict.fromkeys(list_of(names)))


class BulkTokenOps:
    """Operations on the tokens of many users."""

    @fleet(NameEvent, preview=preview_creation)
    def create_many(
        self,
        names: Iterable[str],
        *,
        note: str = "",
        expires_in: int | None = None,
        scopes: Iterable[str] | None = None,
    ) -> Flow[NameSummary]:
        """Create a token for each user, one user after the other.

        Parameters
        ----------
        note, expires_in, scopes
            As for `create`, for every token. `expires_in` is in seconds.

        Emits a `NameEvent` "creating" before the request for each user, and after it "created", with the token, or
        "failed". After an error that concerns all users, the others are "skipped": the hub does not answer, the token
        in use lacks a scope, or the lifetime is too long. The secret is in `.token.token` of the event only.

        A call that is repeated creates new tokens. To continue after an interruption, pass the users that have no
        "created" event. A user whose last event is "creating" may have a token whose secret is lost; so may one who
        "failed" with `Unavailable`.

        `POST /users/{user}/tokens` (all versions), scope `tokens`; errors as for `create`, in the events.
        """
        scopes = None if scopes is None else list_of(scopes)
        check_lifetime(expires_in)

        def create(name: str) -> Flow[NameEvent]:
            yield Emit(NameEvent("creating", name))
            token = yield from TokenOps.create(name, note=note, expires_in=expires_in, scopes=scopes)
            return NameEvent("created", name, token=token)

        return call_each(names, create, POSSIBLY_CREATED)

    @stream(UserTokens)
    def list_all(
        self,
        *,
        kind: TokenKind | None = None,
        unused_for: float | timedelta | None = None,
        never_expires: bool = False,
        expired: bool = False,
    ) -> Flow[None]:
        """List the tokens of all users that match all given criteria, user by user, without the secrets.

        Parameters
        ----------
        kind, unused_for, never_expires, expired
            As for `list`, for every token.

        Emits a `UserTokens` for each user, in the order of the list of users, also if none of the tokens match. A
        failure for one user is in `.error` of the event, and the others are read. A user who was deleted since the
        beginning has no tokens, and that is not an error. At most eight requests are in flight, fewer while the hub is
        slow. The names of all users are in memory, and the tokens of a few of them.

        `MissingScope` before the first user if the token has one of the scopes for nobody. If its scopes are limited,
        such as to a group, users that it cannot list are left out. `Unavailable`, `UnknownToken`, and an error that 20
        users in a row have, end the list before its end.

        The tokens of services are not in the list: the REST API does not show them.

        `GET /users` and `GET /users/{user}/tokens` for each (all versions), scopes `list:users` and `read:tokens`;
        before it `GET /user`, and with `unused_for` or `expired` `GET /`.
        """
        return sweep_tokens(
            TokenCriteria(kind=kind, unused_for=unused_for, never_expires=never_expires, expired=expired)
        )


class Tokens(TokenOps, BulkTokenOps, Bound):
    """The namespace `hub.tokens`."""


class AsyncTokens(TokenOps, BulkTokenOps, AsyncBound):
    """The namespace `hub.tokens`."""
