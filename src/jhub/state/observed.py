"""State of a hub, as far as a plan needs it: read from the hub, or taken from an exported document."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from jhub.bulk.existing import existing_users
from jhub.bulk.spellings import Spellings
from jhub.errors import MissingScope, NotAuthorized, NotFound
from jhub.interpreter import collect
from jhub.models import Group, Identity, User
from jhub.operations.groups import GroupOps, users_in
from jhub.operations.hub import read_caller
from jhub.operations.server_filter import hub_time
from jhub.operations.users import UserOps
from jhub.preflight.scope_check import access
from jhub.state.document import Document
from jhub.state.mark import Mark, own_properties, read_mark
from jhub.steps import Flow, HubVersion, Request

PROPERTIES_VERSION = (4,)
"""First version of JupyterHub with properties of groups."""
CREATE_SERVER_VERSION = (6,)
"""First version of JupyterHub that creates a server without starting it."""


@dataclass(slots=True, kw_only=True)
class ObservedServer:
    """A named server."""

    active: bool = False
    options: dict[str, Any] | None = None
    display_name: str | None = None


@dataclass(slots=True, kw_only=True)
class ObservedUser:
    """A user. None: the token cannot see it."""

    admin: bool | None = None
    roles: tuple[str, ...] | None = None
    signed_in: bool | None = None
    """True if the user was ever active on the hub."""
    active: bool | None = None
    """True if one of the user's servers runs, starts or stops."""
    servers: dict[str, ObservedServer] | None = None
    """The named servers, if the plan needs them."""


@dataclass(slots=True, kw_only=True)
class ObservedGroup:
    """A group."""

    members: tuple[str, ...]
    properties: dict[str, Any] | None = None
    """The properties without jhub's mark. None: the hub has none, or the token cannot see them."""
    mark: Mark = field(default_factory=Mark)
    roles: tuple[str, ...] | None = None


@dataclass(slots=True, kw_only=True)
class Observed:
    """The state of a hub."""

    hub: str = ""
    version: tuple[int, ...] = (99,)
    now: datetime = field(default_factory=lambda: datetime.fromtimestamp(0, UTC))
    """The time on the hub."""
    caller: Identity | None = None
    """The owner of the token; None for an exported document."""
    users: dict[str, ObservedUser] = field(default_factory=dict[str, ObservedUser])
    groups: dict[str, ObservedGroup] = field(default_factory=dict[str, ObservedGroup])
    all_users: bool = True
    """True if a user who is not in `users` does not exist."""
    all_groups: bool = True
    """True if a group that is not in `groups` does not exist."""
    missing: set[str] = field(default_factory=set[str])
    """Users who do not exist, if not all users were read."""
    members: set[str] = field(default_factory=set[str])
    """The members of all groups."""
    _seen: tuple[int, int] = field(default=(0, 0), init=False, repr=False, compare=False)
    """The numbers of users and of members in `_spellings`. Both only grow."""
    _spellings: Spellings = field(default_factory=partial(Spellings, ()), init=False, repr=False, compare=False)

    def spelling(self, name: str) -> str | None:
        """Return a user's name as the hub writes it, usually in lower case; None if no such user was seen.

        If nobody has the name, a user whose name has other capital letters counts: some hubs keep them.
        """
        seen = len(self.users), len(self.members)
        if self._seen != seen:
            self._seen, self._spellings = seen, Spellings((*self.users, *sorted(self.members)))
        return next(iter(self._spellings.find(name)), None)


def from_document(document: Document) -> Observed:
    """Return the state of a hub that an exported document describes."""
    observed = Observed()
    for entry in document.users:
        observed.users[entry.name] = ObservedUser(admin=bool(entry.admin), active=False)
    for group in document.groups:
        names = group.members.names if group.members else ()
        mark = Mark(document.owner_of(group))
        observed.groups[group.name] = ObservedGroup(members=names, properties=dict(group.properties or {}), mark=mark)
        observed.members.update(names)
    for server in document.servers or ():
        owner = observed.users.setdefault(server.user, ObservedUser(active=False))
        owner.servers = owner.servers or {}
        owner.servers[server.name] = ObservedServer(options=server.options, display_name=server.display_name)
    for user in observed.users.values():
        user.servers = user.servers or {}
    return observed


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The part of a hub's state that is needed."""

    users: frozenset[str] = frozenset()
    all_users: bool = False
    groups: frozenset[str] = frozenset()
    all_groups: bool = False
    servers: bool = False
    """True if the named servers of all users are needed, also those that do not run."""


def observe(needs: Needs) -> Flow[Observed]:
    """Read the state of a hub."""
    caller = yield from read_caller(Identity)
    observed = Observed(caller=caller, all_users=False, all_groups=False)
    observed.hub, observed.now = yield from url_and_time()
    observed.version = yield from HubVersion()
    yield from _read_groups(observed, needs, caller)
    yield from _read_users(observed, needs, caller)
    return observed


def url_and_time() -> Request[tuple[str, datetime]]:
    """Return the request for the hub's URL, which every answer has, and for the time on the hub."""
    request = hub_time()
    return Request("GET", "/", lambda answer: (answer.url, request.decode(answer)), about="hub", anonymous=True)


def _read_groups(observed: Observed, needs: Needs, caller: Identity) -> Flow[None]:
    def keep(group: Group) -> None:
        if needs.all_groups or group.name in needs.groups:
            add_group(observed, group)

    scope = access(caller.scopes, ("list:groups",))
    if needs.all_groups or len(needs.groups) > 1:
        try:
            yield from collect(GroupOps.list(), keep)
        except NotAuthorized:
            if scope == "granted":
                raise
        else:
            observed.all_groups = scope == "granted" and needs.all_groups
            if scope == "granted":
                return
    for name in sorted(needs.groups - observed.groups.keys()):
        try:
            keep((yield from GroupOps.get(name)))
        except NotFound as error:
            if error.filtered:
                raise MissingScope(
                    f"group {name}: the token cannot see whether it exists", ("read:groups",), path=error.path
                ) from None


def check_properties(group: Group, version: tuple[int, ...]) -> None:
    """Raise `MissingScope` if the token cannot see the properties of a group. They exist since JupyterHub 4.0."""
    if group.properties is None and version >= PROPERTIES_VERSION:
        raise MissingScope(f"group {group.name}: the token cannot see the properties", ("read:groups",))


def add_group(observed: Observed, group: Group) -> None:
    """Add a group that was read. `MissingScope` if its members or properties are not visible."""
    members = users_in(group)
    check_properties(group, observed.version)
    properties = group.properties
    observed.groups[group.name] = ObservedGroup(
        members=members,
        properties=None if properties is None else own_properties(properties),
        mark=read_mark(properties),
        roles=group.roles,
    )
    observed.members.update(members)


def _read_users(observed: Observed, needs: Needs, caller: Identity) -> Flow[None]:
    def keep(user: User) -> None:
        observed.users[user.name] = _observed_user(user, needs)

    if needs.all_users:
        yield from collect(UserOps.list(include_stopped_servers=needs.servers), keep)
        observed.all_users = access(caller.scopes, ("list:users",)) == "granted"
        return
    names = sorted(name for name in needs.users if observed.spelling(name) is None)
    for event in (yield from existing_users(names, admin=False)):
        if event.user is not None:
            keep(event.user)
        elif isinstance(event.error, NotFound) and not event.error.filtered:
            observed.missing.add(event.name.lower())


def _observed_user(user: User, needs: Needs) -> ObservedUser:
    servers = user.servers
    return ObservedUser(
        admin=user.admin,
        roles=user.roles,
        signed_in=None if user.created is None and user.last_activity is None else user.last_activity is not None,
        active=None if servers is None else any(server.active for server in servers.values()),
        servers=None
        if servers is None or not needs.servers
        else {
            name: ObservedServer(active=each.active, options=each.user_options, display_name=each.display_name)
            for name, each in servers.items()
            if name
        },
    )
