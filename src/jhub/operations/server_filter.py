"""Which servers are meant: by their owner's group, name, profile, state, and how long nobody has used them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal, TypeAlias, get_args

from jhub.errors import InvalidInput, NotAHub
from jhub.models import Server, as_utc
from jhub.operations.groups import members_of
from jhub.operations.requests import user_path
from jhub.steps import Answer, Flow, Request

ServerState: TypeAlias = Literal["ready", "spawn", "stop", "check", "rename"]
"""The state of a server that runs: "ready", or what is under way."""
STATES: tuple[str, ...] = get_args(ServerState)
LONGEST = 100 * 365 * 86400
"""Seconds of idle time that can be asked for."""
FIRST = 2000
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

    which: Running
    members: frozenset[str] | None = None
    """The users whose servers they are; None: anybody's."""
    idle_since: datetime | None = None

    @property
    def nobody(self) -> bool:
        """Whether it is known already that none matches."""
        return self.members is not None and not self.members

    def owner(self, user: str) -> bool:
        """Whether servers of a user can be meant."""
        return self.members is None or user in self.members

    def of(self, servers: Mapping[str, Server]) -> Iterator[Server]:
        """Those of one owner, by name."""
        return (servers[name] for name in sorted(servers) if self._takes(servers[name]))

    def _takes(self, server: Server) -> bool:
        which = self.which
        return (
            which.name in (None, server.name)
            and which.profile in (None, server.profile)
            and which.state in (None, server.status)
            and (self.idle_since is None or _used(server) <= self.idle_since)
        )


def prepared(which: Running, *, stopped: bool) -> Flow[ServerFilter]:
    """Return a filter: ask for the members of the group, and for the hub's time, where they matter.

    `InvalidInput`, before anything is asked, for what no server can match.
    """
    if which.user is not None:
        user_path(which.user)
    if which.state is not None and which.state not in STATES:
        raise InvalidInput(f"{which.state!r} is no state of a server that runs", hint=f"one of: {', '.join(STATES)}")
    if stopped and (which.state is not None or which.idle is not None):
        raise InvalidInput("a state and idle time are those of servers that run: leave out stopped ones")
    idle = which.idle.total_seconds() if isinstance(which.idle, timedelta) else which.idle
    if idle is not None and not 0 <= idle <= LONGEST:  # nor nan
        raise InvalidInput(f"{idle} is no idle time: give it in seconds")
    members = None if which.group is None else frozenset((yield from members_of(which.group)))
    since = None if idle is None else (yield from hub_time()) - timedelta(seconds=idle)
    return ServerFilter(which, members, since)


def hub_time() -> Request[datetime]:
    """The time on the hub, to the second: its servers' last activity is told by that clock, and this machine's may be
    wrong. `NotAHub` where the answer does not tell it.

    `GET /` (all versions); no token needed.
    """
    return Request("GET", "/", _date, about="hub", anonymous=True)


def _date(answer: Answer) -> datetime:
    try:
        now = as_utc(parsedate_to_datetime(answer.headers["date"]))
    except (KeyError, ValueError, OverflowError):
        now = None
    if now is None or not FIRST < now.year < datetime.max.year:
        raise NotAHub(
            "hub: its answers do not tell the time, so it cannot be told how long a server has been idle",
            hint="a proxy before the hub may drop the header Date",
        )
    return now


def _used(server: Server) -> datetime:
    """When a server was last used. One that has just started is not idle, whatever is known from its last run."""
    known = [as_utc(moment) for moment in (server.last_activity, server.started) if moment is not None]
    return max(known, default=_FOR_EVER)


_FOR_EVER = as_utc(datetime.max)
"""Nothing is known: it is not taken for idle."""
