"""Filters of servers: by owner, group, name, profile, state, and idle time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias, get_args

from jhub.errors import InvalidInput, NotAHub
from jhub.models import Server, as_utc
from jhub.operations.groups import read_members
from jhub.operations.requests import user_path
from jhub.steps import Answer, Flow, Request

ServerState: TypeAlias = Literal["ready", "spawn", "stop", "check", "rename"]
"""The state of an active server: "ready", or its pending action."""
SERVER_STATES: tuple[str, ...] = get_args(ServerState)
"""States that a filter accepts."""
MAX_IDLE_SECONDS = 100 * 365 * 86400
"""Maximum idle time of a filter, in seconds: 100 years."""
MIN_YEAR = 2000
"""Year up to which a hub's time is not plausible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A selection of the active servers (running, starting or stopping) that match all given fields.

    The fields are the parameters of `hub.servers.list`, with its REST calls, scopes and errors: `idle` is in seconds
    or a timedelta, by the hub's clock.
    """

    user: str | None = None
    group: str | None = None
    name: str | None = None
    profile: str | None = None
    idle: float | timedelta | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """A filter of servers, with the members and the time that the hub answered for it."""

    criteria: Running
    members: frozenset[str] | None = None
    """The owners whose servers match; None: all owners."""
    idle_since: datetime | None = None
    """The latest time at which a matching server was used; None: any time."""

    @property
    def empty(self) -> bool:
        """True if no server can match, because the group has no members."""
        return self.members is not None and not self.members

    def may_match(self, user: str) -> bool:
        """Return whether servers of a user can match."""
        return self.members is None or user in self.members

    def select(self, servers: Mapping[str, Server]) -> Iterator[Server]:
        """Yield the matching servers of one owner, by name."""
        return (servers[name] for name in sorted(servers) if self._matches(servers[name]))

    def _matches(self, server: Server) -> bool:
        criteria = self.criteria
        return (
            criteria.name in (None, server.name)
            and criteria.profile in (None, server.profile)
            and criteria.state in (None, server.status)
            and (self.idle_since is None or _last_used(server) <= self.idle_since)
        )


def prepare_filter(criteria: Running, *, stopped: bool) -> Flow[ServerFilter]:
    """Return a filter, after reading the members of the group and the hub's time if they are needed.

    `InvalidInput`, before any request, for criteria that no server can match.
    """
    if criteria.user is not None:
        user_path(criteria.user)
    if criteria.state is not None and criteria.state not in SERVER_STATES:
        known = ", ".join(SERVER_STATES)
        raise InvalidInput(f"invalid state {criteria.state!r} of an active server", hint=f"use one of: {known}")
    if stopped and (criteria.state is not None or criteria.idle is not None):
        raise InvalidInput("cannot combine stopped servers with state or idle", hint="only active servers have them")
    idle = criteria.idle.total_seconds() if isinstance(criteria.idle, timedelta) else criteria.idle
    if idle is not None and not 0 <= idle <= MAX_IDLE_SECONDS:  # false for nan too
        raise InvalidInput(f"idle must be between 0 and {MAX_IDLE_SECONDS} seconds, not {idle}")
    members = None if criteria.group is None else frozenset((yield from read_members(criteria.group)))
    idle_since = None if idle is None else (yield from hub_time()) - timedelta(seconds=idle)
    return ServerFilter(criteria, members, idle_since)


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
            hint="a proxy in front of the hub may drop the header Date",
        )
    return now


def _last_used(server: Server) -> datetime:
    """Return the time when a server was last used: at the earliest, when it was started.

    A server that has just started is not idle, although its last activity may be from an earlier run.
    """
    known = [as_utc(moment) for moment in (server.last_activity, server.started) if moment is not None]
    return max(known, default=_NEVER_IDLE)


_NEVER_IDLE = as_utc(datetime.max)
"""Last use of a server without any times: it is not idle."""
