"""Filters of servers: by owner, group, name, profile, state, idle time and age."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias, get_args

from jhub.errors import InvalidInput, MissingScope, NotAHub
from jhub.models import Server, User, as_utc
from jhub.operations.groups import read_members
from jhub.operations.requests import user_path
from jhub.steps import Answer, Flow, Request

ServerState: TypeAlias = Literal["ready", "spawn", "stop", "check", "rename"]
"""The state of an active server: "ready", or its pending action."""
SERVER_STATES: tuple[str, ...] = get_args(ServerState)
"""States that a filter accepts."""
MAX_SECONDS = 100 * 365 * 86400
"""Maximum duration in a filter, in seconds: 100 years."""
ADMIN_SCOPES = ("read:users:name",)
"""Scopes, one of which shows whether a user is an administrator."""
MIN_YEAR = 2000
"""Year up to which a hub's time is not plausible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A selection of the active servers (running, starting or stopping) that match all given fields.

    The fields are the parameters of `hub.servers.list`, with its REST calls, scopes and errors: `idle` and `max_age`
    are in seconds or timedeltas, by the hub's clock.
    """

    user: str | None = None
    group: str | None = None
    name: str | None = None
    profile: str | None = None
    idle: float | timedelta | None = None
    state: str | None = None
    max_age: float | timedelta | None = None
    admin: bool | None = None


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """A filter of servers, with the members and the time that the hub answered for it."""

    criteria: Running
    members: frozenset[str] | None = None
    """The owners whose servers match; None: all owners."""
    idle_since: datetime | None = None
    """The latest time at which a matching server was used; None: any time."""
    started_before: datetime | None = None
    """The latest start of a matching server; None: any time."""

    @property
    def empty(self) -> bool:
        """True if no server can match, because the group has no members."""
        return self.members is not None and not self.members

    def may_match(self, user: User) -> bool:
        """Return whether servers of a user can match.

        Raises
        ------
        MissingScope
            The criteria ask for administrators, and the token cannot see whether the user is one.
        """
        if self.members is not None and user.name not in self.members:
            return False
        if self.criteria.admin is None or not user.servers:
            return True
        if user.admin is None:
            raise MissingScope(
                f"user {user.name}: this token cannot see whether they are an administrator", ADMIN_SCOPES
            )
        return user.admin is self.criteria.admin

    def select(self, servers: Mapping[str, Server]) -> Iterator[Server]:
        """Yield the matching servers of one owner, by name."""
        return (servers[name] for name in sorted(servers) if self._matches(servers[name]))

    def _matches(self, server: Server) -> bool:
        criteria = self.criteria
        return (
            criteria.name in (None, server.name)
            and criteria.profile in (None, server.profile)
            and criteria.state in (None, server.status)
            and (self.idle_since is None or self._is_idle(server, self.idle_since))
            and (self.started_before is None or _is_older(server, self.started_before))
        )

    def _is_idle(self, server: Server, since: datetime) -> bool:
        # While a server starts, its last activity may be that of an earlier run.
        return (server.ready or self.criteria.state is not None) and _last_used(server) <= since


def prepare_filter(criteria: Running, *, stopped: bool) -> Flow[ServerFilter]:
    """Return a filter, after reading the members of the group and the hub's time if they are needed.

    `InvalidInput`, before any request, for criteria that no server can match.
    """
    if criteria.user is not None:
        user_path(criteria.user)
    if criteria.state is not None and criteria.state not in SERVER_STATES:
        known = ", ".join(SERVER_STATES)
        raise InvalidInput(f"invalid state {criteria.state!r} of an active server", hint=f"use one of: {known}")
    if stopped and any(each is not None for each in (criteria.state, criteria.idle, criteria.max_age)):
        raise InvalidInput(
            "cannot combine stopped servers with state, idle or max_age", hint="only active servers have them"
        )
    idle, max_age = seconds_of(criteria.idle, "idle"), seconds_of(criteria.max_age, "max_age")
    members = None if criteria.group is None else frozenset((yield from read_members(criteria.group)))
    if idle is max_age is None:
        return ServerFilter(criteria, members)
    now = yield from hub_time()
    idle_since, started_before = (None if each is None else now - timedelta(seconds=each) for each in (idle, max_age))
    return ServerFilter(criteria, members, idle_since, started_before)


def seconds_of(value: float | timedelta | None, noun: str) -> float | None:
    """Return a duration in seconds. `InvalidInput` if it is negative, longer than 100 years or not a number."""
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    if seconds is not None and not 0 <= seconds <= MAX_SECONDS:  # false for nan too
        raise InvalidInput(f"{noun} must be between 0 and {MAX_SECONDS} seconds, not {seconds}")
    return seconds


def hub_time() -> Request[datetime]:
    """Return the request for the time on the hub, to the second.

    The last activity of servers is a time of the hub's clock, and this machine's clock may be wrong. `NotAHub` if the
    answer has no valid date.

    `GET /` (all versions); no token needed.
    """
    return Request("GET", "/", _decode_date, about="hub", anonymous=True)


def _decode_date(answer: Answer) -> datetime:
    try:
        now = as_utc(parsedate_to_datetime(answer.headers["date"]))
    except (KeyError, ValueError, OverflowError):
        now = None
    if now is None or not MIN_YEAR < now.year < datetime.max.year:
        raise NotAHub(
            "hub: its answer has no valid Date header, so the idle time of servers is unknown",
            hint="a proxy in front of the hub may drop the Date header",
        )
    return now


def _last_used(server: Server) -> datetime:
    """Return the time when a server was last used: at the earliest, when it was started.

    A server that has just started is not idle, although its last activity may be from an earlier run.
    """
    known = [as_utc(moment) for moment in (server.last_activity, server.started) if moment is not None]
    return max(known, default=_NEVER_IDLE)


def _is_older(server: Server, moment: datetime) -> bool:
    """Return whether a server started before a time; a server without a start, which is still starting, did not."""
    return server.started is not None and as_utc(server.started) <= moment


_NEVER_IDLE = as_utc(datetime.max)
"""Last use of a server without any times: it is not idle."""
