"""Looking at many servers with few requests: one listing for all of them, or one call for each of a few owners."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, cast

from jhub.errors import NotAuthorized, NotFound
from jhub.fleet.events import Target
from jhub.models import Server, User
from jhub.operations.paging import pages
from jhub.operations.servers import STOPPED_TOO, owner_of, servers_of
from jhub.steps import Emit, Flow, Fork, Now, Request, Step, through

ACTIVE = (("state", "active"),)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look has found of the servers that were looked for."""

    wanted: Collection[Target]
    servers: dict[Target, Server]
    began: float
    """Of `Now`: what the hub took up later may be missing."""


class Looks:
    """Chooses the way that takes fewer requests, by what the last look has taken.

    Parameters
    ----------
    stopped
        Find servers that do not run, too. Only their owners tell those of them and of nobody else.
    """

    def __init__(self, *, stopped: bool = False) -> None:
        self._query = STOPPED_TOO if stopped else ()
        self._by_owner = stopped
        self._pages = 1
        self.requests = 1
        """That the last look has taken."""

    def look(self, wanted: Collection[Target], *, sure: bool = True) -> Flow[Seen]:
        """`GET /users?state=active` (all versions), scopes `list:users` and `read:servers`; or `GET /users/{user}`
        for each owner, scope `read:servers`, where they are fewer than the pages, or the token may not list users.
        """
        wanted = wanted if isinstance(wanted, set | frozenset) else set(wanted)
        owners = list(dict.fromkeys(each.user for each in wanted))
        began = yield from Now()
        found: dict[Target, Server] | None = None
        if not self._by_owner and len(owners) > self._pages:
            try:
                found = yield from self._list(wanted)
                if sure and self._pages > 1 and (missing := wanted - found.keys()):
                    # Whoever leaves the listing meanwhile moves others to a page that was read already.
                    owners_of_them = list(dict.fromkeys(each.user for each in missing))
                    found.update((yield from self._ask(owners_of_them, missing)))
            except NotAuthorized:
                self._by_owner = True
        if found is None:
            found = yield from self._ask(owners, wanted)
            self.requests = len(owners)
        return Seen(wanted, found, began)

    def _list(self, wanted: Collection[Target]) -> Flow[dict[Target, Server]]:
        found: dict[Target, Server] = {}
        requests = 0

        def carry_out(step: Step) -> Flow[Any]:
            nonlocal requests
            if isinstance(step, Emit):
                server = cast(Server, step.event)
                found[Target.of(server)] = server
                return None
            requests += isinstance(step, Request | Fork)
            return (yield step)

        owners = {each.user for each in wanted}

        def pick(owner: User) -> Iterator[Server]:
            # A token for the servers of a group alone does not see those of others, and need not.
            return _wanted_of(owner, wanted) if owner.name in owners else iter(())

        yield from through(
            pages("/users", User, lambda owner: owner.name, ACTIVE, about="servers", emit=pick), carry_out
        )
        self._pages = self.requests = requests
        return found

    def _ask(self, owners: list[str], wanted: Collection[Target]) -> Flow[dict[Target, Server]]:
        found: dict[Target, Server] = {}
        for name in owners:
            try:
                owner = yield from owner_of(name, self._query)
            except NotFound:
                continue
            found.update((Target.of(server), server) for server in _wanted_of(owner, wanted))
        return found


def _wanted_of(owner: User, wanted: Collection[Target]) -> Iterator[Server]:
    return (server for server in servers_of(owner).values() if Target.of(server) in wanted)
