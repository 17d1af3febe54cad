"""The namespace `hub.tokens`: operations on one token, and creation of tokens for many users."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from jhub.binding import AsyncBound, Bound, fleet
from jhub.bulk.each import call_each
from jhub.bulk.events import NameEvent, NameSummary
from jhub.operations.requests import list_of
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


class Tokens(TokenOps, BulkTokenOps, Bound):
    """The namespace `hub.tokens`."""


class AsyncTokens(TokenOps, BulkTokenOps, AsyncBound):
    """The namespace `hub.tokens`."""
