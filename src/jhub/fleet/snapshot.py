"""Snapshots of many servers with few requests: one listing for all of them, or one call for each of a few owners."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import dataclass
from typing import Any

from jhub.errors import HubBroken, HubError, MissingScope, NotAuthorized, NotFound
from jhub.fleet.events import Target
from jhub.interpreter import map_steps
from jhub.models import Server, User
from jhub.operations.paging import pages
from jhub.operations.server_status import INCLUDE_STOPPED, read_owner, servers_of
from jhub.operations.servers import ACTIVE_ONLY
from jhub.steps import Flow, Fork, Now, Request, Step


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot of servers."""

    covered: Set[Target]
    """Targets that the snapshot covers; one that is missing in `servers` does not exist, or does not run."""
    servers: dict[Target, Server]
    """The servers by target."""
    hidden: dict[Target, HubError]
    """Targets that the token may not read, with the error."""
    began: float
    """Time of `Now` when it began; later requests may be missing."""


class Snapshots:
    """A source of snapshots, which uses the method that took fewer requests last time.

    Parameters
    ----------
    stopped
        Include servers that do not run. Only a call for each owner returns them without those of all other users.
    """

    def __init__(self, *, stopped: bool = False) -> None:
        self._query = INCLUDE_STOPPED if stopped else ()
        self._by_owner = stopped
        self._pages = 1
        self.requests = 1
        """Number of requests of the last snapshot, without those for targets missing in the listing."""

    def take(self, targets: Set[Target], *, recheck_missing: bool = True) -> Flow[Snapshot]:
        """Take a snapshot of these servers, from the listing of users or by a call for each owner.

        `GET /users?state=active` (all versions), scopes `list:users` and `read:servers`; or `GET /users/{user}` for
        each owner, scope `read:servers`, if the owners are fewer than the pages or the token may not list users.
        `recheck_missing` reads the owners of servers that are missing in a listing of several pages.
        """
        owners = list(dict.fromkeys(target.user for target in targets))
        began = yield from Now()
        if not self._by_owner and len(owners) > self._pages:
            try:
                servers = yield from self._list(targets)
                if recheck_missing and self._pages > 1 and (missing := targets - servers.keys()):
                    # Pages go by offset: a user who leaves the listing moves others to a page that was already read.
                    rechecked = yield from self._get_owners(missing, began)
                    covered = (targets - missing) | rechecked.covered
                    return Snapshot(covered, {**servers, **rechecked.servers}, rechecked.hidden, began)
                return Snapshot(targets, servers, {}, began)
            except NotAuthorized:
                self._by_owner = True
        self.requests = len(owners)
        return (yield from self._get_owners(targets, began))

    def _list(self, targets: Set[Target]) -> Flow[dict[Target, Server]]:
        servers: dict[Target, Server] = {}
        requests = 0

        owners = {target.user for target in targets}

        def add_servers(owner: User) -> Iterator[object]:
            # A token limited to the servers of a group may not read those of other users, which is fine.
            if owner.name in owners:
                servers.update(_servers_of(owner.name, owner, targets))
            return iter(())

        def count_requests(step: Step) -> Flow[Any]:
            nonlocal requests
            requests += isinstance(step, Request | Fork)
            return (yield step)

        yield from map_steps(
            pages("/users", User, lambda owner: owner.name, ACTIVE_ONLY, about="servers", emit=add_servers),
            count_requests,
        )
        self._pages = self.requests = requests
        return servers

    def _get_owners(self, targets: Set[Target], began: float) -> Flow[Snapshot]:
        covered: set[Target] = set()
        servers: dict[Target, Server] = {}
        hidden: dict[Target, HubError] = {}
        broken: HubBroken | None = None
        owners: dict[str, set[Target]] = {}
        for target in targets:
            owners.setdefault(target.user, set()).add(target)
        for name, owned in owners.items():
            try:
                owner = yield from read_owner(name, self._query)
                servers.update(_servers_of(name, owner, owned))
            except MissingScope as error:
                hidden.update(dict.fromkeys(owned, error))
                continue
            except HubBroken as error:
                broken = error
                continue
            except NotFound:
                pass
            covered |= owned
        if broken is not None and not covered:
            raise broken
        return Snapshot(covered, servers, hidden, began)


def _servers_of(name: str, owner: User, targets: Set[Target]) -> dict[Target, Server]:
    servers = {Target(name, server.name): server for server in servers_of(owner).values()}
    return {target: server for target, server in servers.items() if target in targets}
