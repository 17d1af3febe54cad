"""Export: the state of a hub as a document. The plan of an export is empty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from jhub.errors import MissingScope, NotFound
from jhub.operations.requests import list_of
from jhub.state.document import Document, GroupEntry, MembersEntry, ServerEntry, UserEntry
from jhub.state.observed import Needs, Observed, ObservedUser, observe
from jhub.steps import Flow


def export(groups: Iterable[str] = ()) -> Flow[Document]:
    """Return the state of the whole hub, or of some groups. See `hub.state.export`."""
    names = frozenset(list_of(groups))
    if names:
        observed = yield from observe(Needs(groups=names))
        if absent := sorted(names - observed.groups.keys()):
            raise NotFound("not found", about=f"group {absent[0]}", status=404)
    else:
        observed = yield from observe(Needs(all_users=True, all_groups=True, servers=True))
        for complete, what, scope in (
            (observed.all_users, "users", "list:users"),
            (observed.all_groups, "groups", "list:groups"),
        ):
            if not complete:
                raise MissingScope(f"the token cannot see all {what}, and an export would lack the others", (scope,))
    return to_document(observed)


def to_document(observed: Observed) -> Document:
    """Return an observed state as a document, with its parts in the order of their names."""
    owners = Counter(group.mark.owner for group in observed.groups.values())
    # Without an owner of its own, the plan of the document leaves groups without an owner as they are.
    owner = next(iter(owners)) if len(owners) == 1 else None
    return Document(
        owner=owner,
        users=tuple(_user(name, user) for name, user in sorted(observed.users.items())),
        groups=tuple(
            GroupEntry(
                name=name,
                owner=None if group.mark.owner == owner else group.mark.owner,
                members=MembersEntry(names=tuple(sorted(group.members))),
                properties=group.properties or None,
            )
            for name, group in sorted(observed.groups.items())
        ),
        servers=_servers(observed),
    )


def _user(name: str, user: ObservedUser) -> UserEntry:
    if user.admin is None:
        raise MissingScope(f"user {name}: the token cannot see whether they are an administrator", ("read:users:name",))
    return UserEntry(name=name, admin=user.admin or None)


def _servers(observed: Observed) -> tuple[ServerEntry, ...] | None:
    """Return the named servers; None if they were not read."""
    if not observed.users:
        return None
    entries: list[ServerEntry] = []
    for user, each in sorted(observed.users.items()):
        if each.servers is None:
            raise MissingScope(f"the token cannot see the servers of {user}", ("read:servers",))
        for name, server in sorted(each.servers.items()):
            entries.append(ServerEntry.from_hub(user, name, server.options, server.display_name))
    return tuple(entries)
