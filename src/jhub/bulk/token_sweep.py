"""Tokens of all users: one request for each user, a few at a time."""

from __future__ import annotations

import math

from jhub.bulk.events import UserTokens
from jhub.errors import HubError, InvalidInput, MissingScope, NotFound, Unavailable, UnknownToken, is_missing
from jhub.interpreter import collect
from jhub.models import Identity, Token
from jhub.operations.token_filter import TokenCriteria, TokenFilter, prepare_token_filter
from jhub.operations.tokens import read_tokens
from jhub.operations.users import UserOps
from jhub.preflight.scope_check import filters_of
from jhub.steps import Cancel, Done, Emit, Flow, Fork, Next, call

MAX_CONCURRENT = 8
"""Maximum number of requests in flight. A hub answers reads one after the other, so further ones would only queue."""
MIN_CONCURRENT = 2
"""Number of requests in flight at the beginning, and on a slow hub: while one is answered, another one arrives."""
MAX_AHEAD = 4 * MAX_CONCURRENT
"""Maximum number of users that are read before the tokens of an earlier user have arrived."""
MAX_ADDED_LATENCY_SECONDS = 0.125
"""Maximum time of an answer above that of the fastest one. Beyond it, other users of the hub wait too long."""
MAX_FAILURES_IN_A_ROW = 20
"""Number of failures in a row after which the sweep ends: the error does not concern single users."""
WAIT_SECONDS = 60.0
"""Seconds of one wait for an answer, before the sweep waits again."""
SCOPES = ("list:users", "read:tokens")
"""Scopes that a sweep needs."""


def sweep_tokens(criteria: TokenCriteria) -> Flow[None]:
    """Emit the `UserTokens` of `list_all`."""
    token_filter = yield from prepare_token_filter(criteria)
    yield from _require_scopes()
    # Names only, and before the sweep: it takes minutes, in which a deletion would shift the pages past a user.
    names: list[str] = []
    yield from collect(UserOps.list(), lambda user: names.append(user.name))
    sweep = _Sweep(names, token_filter)
    while sweep.emitted < len(names):
        while sweep.may_send:
            yield from sweep.send()
        while (event := sweep.next_event()) is not None:
            yield Emit(event)
        if sweep.in_flight and (done := (yield from Next(WAIT_SECONDS))) is not None:
            fatal = sweep.receive(done)
            if fatal is not None:
                for event in sweep.rest():
                    yield Emit(event)
                for position in sweep.in_flight:
                    yield Cancel(position)
                raise fatal


class _Sweep:
    """The state of a sweep. Users are emitted in the order of their list, so that two audits can be compared."""

    def __init__(self, names: list[str], token_filter: TokenFilter) -> None:
        self._names = names
        self._filter = token_filter
        self._sent = 0
        self.emitted = 0
        self.in_flight = set[int]()
        """The positions of users whose tokens are being read, which are the tags of the forks."""
        self._ended: dict[int, UserTokens] = {}
        self._limit = MIN_CONCURRENT
        self._backed_off_at = 0
        self._fastest = math.inf
        self._failures_in_a_row = 0

    @property
    def may_send(self) -> bool:
        """True if the tokens of another user may be requested now."""
        ahead = self._sent - self.emitted
        return self._sent < len(self._names) and len(self.in_flight) < self._limit and ahead < MAX_AHEAD

    def send(self) -> Flow[None]:
        """Request the tokens of the next user."""
        position, self._sent = self._sent, self._sent + 1
        try:
            request = read_tokens(self._names[position])
        except InvalidInput as error:  # a name that cannot be in a path
            self._end(position, error=error)
            return
        self.in_flight.add(position)
        yield Fork(request, position)

    def next_event(self) -> UserTokens | None:
        """Return the event of the next user in the list; None if the user's tokens have not arrived."""
        event = self._ended.pop(self.emitted, None)
        self.emitted += event is not None
        return event

    def rest(self) -> list[UserTokens]:
        """Return the events of the users whose tokens have arrived."""
        return [self._ended[position] for position in sorted(self._ended)]

    def receive(self, done: Done) -> HubError | None:
        """Record an answer. Return the error that ends the sweep, if it is one."""
        if done.tag not in self.in_flight or not isinstance(done.tag, int):
            return None  # a page of the list of users that was not needed
        self.in_flight.remove(done.tag)
        if isinstance(done.error, Unavailable | UnknownToken):
            return done.error
        self._adapt(done.tag, done.seconds)
        if done.error is None:
            try:
                tokens = tuple(token for token in done.answer.api_tokens if self._filter.matches(token))
            except HubError as error:
                self._end(done.tag, error=error)
            else:
                self._end(done.tag, tokens)
            self._failures_in_a_row = 0
            return None
        self._end(done.tag, error=None if is_missing(done.error) else done.error)
        self._failures_in_a_row += not isinstance(done.error, NotFound)
        return done.error if self._failures_in_a_row == MAX_FAILURES_IN_A_ROW else None

    def _adapt(self, position: int, seconds: float) -> None:
        """Back off while answers are slow, as they are for everybody then.

        A stall delays all requests in flight, and counts once.
        """
        self._fastest = min(self._fastest, seconds)
        if seconds <= self._fastest + MAX_ADDED_LATENCY_SECONDS:
            self._limit = min(MAX_CONCURRENT, self._limit + 1)
        elif position >= self._backed_off_at:
            self._limit, self._backed_off_at = max(MIN_CONCURRENT, self._limit // 2), self._sent

    def _end(self, position: int, tokens: tuple[Token, ...] = (), error: HubError | None = None) -> None:
        self._ended[position] = UserTokens(self._names[position], len(self._names), tokens, error)


def _require_scopes() -> Flow[None]:
    """Raise `MissingScope` if the token in use has one of the scopes for no user."""
    identity = yield from call("GET", "/user", Identity, about="token in use")
    missing = tuple(scope for scope in SCOPES if not filters_of(identity.scopes, scope))
    if missing:
        error = MissingScope(f"tokens of all users: the token in use lacks {' and '.join(missing)}", missing)
        error.hint = f"use a token with the scopes {' and '.join(SCOPES)}, such as that of an administrator"
        raise error
