"""Looking at many servers with few requests: one listing for all of them, or one call for each of a few owners."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from jhub.errors import HubBroken, HubError, MissingScope, NotAuthorized, NotFound
from jhub.fleet.events import Target
from jhub.interpreter import map_steps
from jhub.models import Server, User
from jhub.operations.paging import pages
from jhub.operations.server_status import STOPPED_TOO, owner_of, servers_of
from jhub.operations.servers import ACTIVE
from jhub.steps import Flow, Fork, Now, Request, Step


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look has found."""

    wanted: Set[Target]
    """Those of which it tells: one that is not among `servers` is not there."""
    servers: dict[Target, Server]
    hidden: dict[Target, HubError]
    """Those that the token may not see."""
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
        """That the last look has taken, those for who was missing from a page aside."""

    def look(self, wanted: Set[Target], *, sure: bool = True) -> Flow[Seen]:
        """`GET /users?state=active` (all versions), scopes `list:users` and `read:servers`; or `GET /users/{user}`
        for each owner, scope `read:servers`, where they are fewer than the pages, or the token may not list users.
        """
        owners = list(dict.fromkeys(each.user for each in wanted))
        began = yield from Now()
        if not self._by_owner and len(owners) > self._pages:
            try:
                found = yield from self._list(wanted)
                if sure and self._pages > 1 and (missing := wanted - found.keys()):
                    # Whoever leaves the listing meanwhile moves others to a page that was read already.
                    singly = yield from self._ask(missing, began)
                    told = (wanted - missing) | singly.wanted
                    return Seen(told, {**found, **singly.servers}, singly.hidden, began)
                return Seen(wanted, found, {}, began)
            except NotAuthorized:
                self._by_owner = True
        self.requests = len(owners)
        return (yield from self._ask(wanted, began))

    def _list(self, wanted: Set[Target]) -> Flow[dict[Target, Server]]:
        found: dict[Target, Server] = {}
        requests = 0

        owners = {each.user for each in wanted}

        def keep(owner: User) -> Iterator[object]:
            # A token for the servers of a group alone does not see those of others, and need not.
            if owner.name in owners:
                found.update(_wanted_of(owner.name, owner, wanted))
            return iter(())

        def count(step: Step) -> Flow[Any]:
            nonlocal requests
            requests += isinstance(step, Request | Fork)
            return (yield step)

        yield from map_steps(pages("/users", User, lambda owner: owner.name, ACTIVE, about="servers", emit=keep), count)
        self._pages = self.requests = requests
        return found

    def _ask(self, wanted: Set[Target], began: float) -> Flow[Seen]:
        told: set[Target] = set()
        found: dict[Target, Server] = {}
        hidden: dict[Target, HubError] = {}
        broken: HubBroken | None = None
        owners: dict[str, set[Target]] = {}
        for each in wanted:
            owners.setdefault(each.user, set()).add(each)
        for name, theirs in owners.items():
            try:
                owner = yield from owner_of(name, self._query)
                found.update(_wanted_of(name, owner, theirs))
            except MissingScope as error:
                hidden.update(dict.fromkeys(theirs, error))
                continue
            except HubBroken as error:
                broken = error
                continue
            except NotFound:
                pass
            told |= theirs
        if broken is not None and not told:
            raise broken
        return Seen(told, found, hidden, began)


def _wanted_of(name: str, owner: User, wanted: Set[Target]) -> dict[Target, Server]:
    every = {Target(name, server.name): server for server in servers_of(owner).values()}
    return {target: server for target, server in every.items() if target in wanted}
