"""Which servers a fleet is about: named one by one, those of a group's members, or those that run and match."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from jhub.errors import InvalidInput
from jhub.fleet.events import Target
from jhub.interpreter import collect
from jhub.models import Server
from jhub.operations.groups import read_members
from jhub.operations.server_filter import Running
from jhub.operations.servers import list_matching
from jhub.steps import Flow


@dataclass(frozen=True, slots=True)
class Members:
    """The server called `name`, or the default one, of each member of a group, whether it runs or not.

    `GET /groups/{group}` (all versions), scope `read:groups`. `NotFound` where there is no such group.
    """

    group: str
    name: str = ""


Targets: TypeAlias = Iterable[Target | Server | str | tuple[str, str]] | Members | Running
"""Servers as a fleet takes them."""


def resolve(targets: Targets | Target | Server | str) -> Flow[list[Target]]:
    """The servers that are meant, each once, in the order in which they were given or found. None is no error.

    `InvalidInput` for what names no server. A single one is one: a str would be taken for its letters.
    """
    match targets:
        case Members():
            return list(dict.fromkeys(Target(user, targets.name) for user in (yield from read_members(targets.group))))
        case Running():
            return (yield from _running(targets))
        case str() | Target() | Server():
            return [Target.of(targets)]
        case (str() as user, str() as name) if isinstance(targets, tuple) and "/" not in user + name:
            raise InvalidInput(
                f"{targets!r} may be one server or the default ones of two users",
                hint=f"give the server as {user}/{name}, and users in a list",
            )
        case _:
            return list(dict.fromkeys(map(Target.of, targets)))


def _running(which: Running) -> Flow[list[Target]]:
    """Return the servers that match, each once; of a server nothing but its name is kept."""
    found: dict[Target, None] = {}
    yield from collect(list_matching(which), lambda server: found.setdefault(Target.of(server)))
    return list(found)
