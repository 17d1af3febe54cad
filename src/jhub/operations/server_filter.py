"""Which servers are meant: by their owner's group, name, profile, state, and how long nobody has used them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias, get_args

from jhub.errors import InvalidInput, NotAHub
from jhub.models import Server, in_utc
from jhub.operations.groups import read_members
from jhub.operations.requests import user_path
from jhub.steps import Answer, Flow, Request

ServerState: TypeAlias = Literal["ready", "spawn", "stop", "check", "rename"]
"""The state of a server that runs: "ready", or what is under way."""
SERVER_STATES: tuple[str, ...] = get_args(ServerState)
MAX_IDLE_SECONDS = 100 * 365 * 86400
"""Seconds of idle time that can be asked for."""
MIN_YEAR = 2000
"""The year after which a hub's time makes sense."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """The servers that run, or are on their way up or down, and match everything that is given.

    The parameters are those of `hub.servers.list`, and so are the REST calls, the scopes and the errors: `idle` in
    seconds or as a timedelta, by the hub's clock.
    """

    user: str | None = None
    group: str | None = None
    name: str | None = None
    profile: str | None = None
    idle: float | timedelta | None = None
    state: str | None = None


@dataclass(frozen=True, slots=True)
class ServerFilter:
    """A selection of servers, with what the hub was asked for it."""

    criteria: Running
    members: frozenset[str] | None = None
    """The users whose servers they are; None: anybody's."""
    idle_since: datetime | None = None

    @property
    def empty(self) -> bool:
        """Whether it is known already that none matches."""
        return self.members is not None and not self.members

    def may_match(self, user: str) -> bool:
        """Whether servers of a user can be meant."""
        return self.members is None or user in self.members

    def select(self, servers: Mapping[str, Server]) -> Iterator[Server]:
        """Those of one owner, by name."""
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
    """Return a filter: ask for the members of the group, and for the hub's time, where they matter.

    `InvalidInput`, before anything is asked, for what no server can match.
    """
    if criteria.user is not None:
        user_path(criteria.user)
    if criteria.state is not None and criteria.state not in SERVER_STATES:
        known = ", ".join(SERVER_STATES)
        raise InvalidInput(f"{criteria.state!r} is no state of a server that runs", hint=f"one of: {known}")
    if stopped and (criteria.state is not None or criteria.idle is not None):
        raise InvalidInput("a state and idle time are those of servers that run: leave out stopped ones")
    idle = criteria.idle.total_seconds() if isinstance(criteria.idle, timedelta) else criteria.idle
    if idle is not None and not 0 <= idle <= MAX_IDLE_SECONDS:  # nor nan
        raise InvalidInput(f"{idle} is no idle time: give it in seconds")
    members = None if criteria.group is None else frozenset((yield from read_members(criteria.group)))
    idle_since = None if idle is None else (yield from hub_time()) - timedelta(seconds=idle)
    return ServerFilter(criteria, members, idle_since)


def hub_time() -> Request[datetime]:
    """The time on the hub, to the second: its servers' last activity is told by that clock, and this machine's may be
    wrong. `NotAHub` where the answer does not tell it.

    `GET /` (all versions); no token needed.
    """
    return Request("GET", "/", _decode_date, about="hub", anonymous=True)


def _decode_date(answer: Answer) -> datetime:
    try:
        now = in_utc(parsedate_to_datetime(answer.headers["date"]))
    except (KeyError, ValueError, OverflowError):
        now = None
    if now is None or not MIN_YEAR < now.year < datetime.max.year:
        raise NotAHub(
            "hub: its answers do not tell the time, so it cannot be told how long a server has been idle",
            hint="a proxy before the hub may drop the header Date",
        )
    return now


def _last_used(server: Server) -> datetime:
    """When a server was last used. One that has just started is not idle, whatever is known from its last run."""
    known = [in_utc(moment) for moment in (server.last_activity, server.started) if moment is not None]
    return max(known, default=_NEVER_IDLE)


_NEVER_IDLE = in_utc(datetime.max)
"""Nothing is known: it is not taken for idle."""
