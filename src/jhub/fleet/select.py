"""Which servers a fleet is about: named one by one, those of a group's members, or those that run and match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from jhub.errors import InvalidInput
from jhub.fleet.events import Target
from jhub.models import Server
from jhub.operations.groups import members_of
from jhub.operations.servers import ServerOps
from jhub.steps import Emit, Flow, Plan, Step, through


@dataclass(frozen=True, slots=True)
class Members:
    """The server called `name`, or the default one, of each member of a group, whether it runs or not.

    `GET /groups/{group}` (all versions), scope `read:groups`. `NotFound` where there is no such group.
    """

    group: str
    name: str = ""


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


Targets: TypeAlias = Iterable[Target | Server | str | tuple[str, str]] | Members | Running
"""Servers as a fleet takes them."""


def resolve(targets: Targets | Target | Server | str) -> Flow[list[Target]]:
    """The servers that are meant, each once, in the order in which they were given or found. None is no error.

    `InvalidInput` for what names no server. A single one is one: a str would be taken for its letters.
    """
    match targets:
        case Members():
            return list(dict.fromkeys(Target(user, targets.name) for user in (yield from members_of(targets.group))))
        case Running():
            return (yield from listed(listing(targets)))
        case str() | Target() | Server():
            return [Target.of(targets)]
        case (str() as user, str() as name) if isinstance(targets, tuple) and "/" not in user + name:
            raise InvalidInput(
                f"{targets!r} may be one server or the default ones of two users",
                hint=f"give the server as {user}/{name}, and users in a list",
            )
        case _:
            return list(dict.fromkeys(map(Target.of, targets)))


def listing(which: Running, *, stopped: bool = False) -> Plan[None]:
    """The servers that match; of those that do not run, too, if `stopped`."""
    return ServerOps.list(
        which.user,
        stopped=stopped,
        group=which.group,
        name=which.name,
        profile=which.profile,
        idle=which.idle,
        state=which.state,
    )


def listed(listing: Plan[None]) -> Flow[list[Target]]:
    """The servers of a listing, each once; of a server nothing but its name is kept."""
    found: dict[Target, None] = {}

    def keep(step: Step) -> Flow[Any]:
        match step:
            case Emit(event=Server() as server):
                found[Target.of(server)] = None
            case _:
                return (yield step)

    yield from through(listing, keep)
    return list(found)
