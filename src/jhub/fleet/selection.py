"""Selection of the servers of a fleet: by name, by group membership, or by a filter on running servers."""

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
    """A selection of one server of each member of a group, running or not: the default one, or the one named `name`.

    `GET /groups/{group}` (all versions), scope `read:groups`. `NotFound` if the group does not exist.
    """

    group: str
    name: str = ""


Targets: TypeAlias = Iterable[Target | Server | str | tuple[str, str]] | Members | Running
"""Servers of a fleet: names, pairs, targets or models, or a selection."""


def resolve(targets: Targets | Target | Server | str) -> Flow[list[Target]]:
    """Return the servers of a selection, each once, in the order of the arguments or of the listing.

    An empty selection is not an error. `InvalidInput` for an invalid name. A single string is one server, not a list
    of letters.
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
                f"ambiguous pair {targets!r}: one server, or the default servers of two users",
                hint=f"use '{user}/{name}' for the server, or a list for the users",
            )
        case _:
            return list(dict.fromkeys(map(Target.of, targets)))


def _running(selection: Running) -> Flow[list[Target]]:
    """Return the running servers that match, each once. To save memory, only their names are kept."""
    servers: dict[Target, None] = {}
    yield from collect(list_matching(selection), lambda server: servers.setdefault(Target.of(server)))
    return list(servers)
