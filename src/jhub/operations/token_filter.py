"""Filters of tokens: by kind, time of the last use, and expiry."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from jhub.errors import InvalidInput, NotAHub
from jhub.models import Token, TokenKind, as_utc
from jhub.operations.server_filter import hub_time, seconds_of
from jhub.steps import Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCriteria:
    """The criteria of `hub.tokens.list` and `hub.tokens.list_all`. The hub has no query for them."""

    kind: TokenKind | None = None
    unused_for: float | timedelta | None = None
    never_expires: bool = False
    expired: bool = False


@dataclass(frozen=True, slots=True)
class TokenFilter:
    """A filter of tokens, with the hub's time if the criteria need it."""

    criteria: TokenCriteria
    now: datetime | None = None
    unused_since: datetime | None = None
    """The latest use of a matching token; None: any time."""

    def matches(self, token: Token) -> bool:
        """Return whether a token matches.

        Raises
        ------
        NotAHub
            The answer lacks the time that decides.
        """
        criteria = self.criteria
        if criteria.kind is not None and token.kind != criteria.kind:
            return False
        if criteria.never_expires and token.expires_at is not None:
            return False
        if criteria.expired and not (self.now and token.expires_at and as_utc(token.expires_at) <= self.now):
            return False
        return self.unused_since is None or _last_use(token) <= self.unused_since


def prepare_token_filter(criteria: TokenCriteria) -> Flow[TokenFilter]:
    """Return a filter, after reading the hub's time if it is needed.

    `InvalidInput`, before any request, for criteria that no token can match.
    """
    if criteria.kind is not None and criteria.kind not in get_args(TokenKind):
        known = ", ".join(get_args(TokenKind))
        raise InvalidInput(f"invalid kind {criteria.kind!r} of a token", hint=f"use one of: {known}")
    if criteria.never_expires and criteria.expired:
        raise InvalidInput("cannot combine expired with never_expires")
    unused = seconds_of(criteria.unused_for, "unused_for")
    if unused is None and not criteria.expired:
        return TokenFilter(criteria)
    now = yield from hub_time()
    return TokenFilter(criteria, now, None if unused is None else now - timedelta(seconds=unused))


def _last_use(token: Token) -> datetime:
    """Return the time when a token was last used; the time of its creation, if it never was."""
    last = token.last_activity or token.created
    if last is None:
        # A token whose age is unknown must not be left out of an audit, nor be taken for an unused one.
        raise NotAHub(f"token {token.id}: the hub's answer has no time of creation")
    return as_utc(last)
