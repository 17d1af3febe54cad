"""Objects of the hub that the document does not have: they are reported or, on demand, deleted."""

from __future__ import annotations

from jhub.errors import join_names
from jhub.models import target
from jhub.state.changes import DeleteGroup, DeleteServer, DeleteUser, RemoveMembers
from jhub.state.draft import Draft
from jhub.state.observed import ObservedUser


def compare_absent(draft: Draft) -> None:
    """Report the objects that the document does not have, or add their deletion."""
    _report_administrators(draft)
    _absent_groups(draft)
    if "servers" in draft.prune:
        _absent_servers(draft)
    if "users" in draft.prune:
        _absent_users(draft)


def _report_administrators(draft: Draft) -> None:
    document = draft.document
    if not document.users:
        return
    known = {name.lower() for name in document.protected_users}
    known |= {entry.name.lower() for entry in document.users if entry.admin is not None}
    for name, user in draft.observed.users.items():
        if user.admin and name.lower() not in known:
            draft.note("unmanaged", f"user {name}", "is an administrator on the hub, which the file does not say")


def _absent_groups(draft: Draft) -> None:
    owner = draft.document.owner
    if owner is None:
        return
    named = {entry.name for entry in draft.document.groups}
    absent = sorted(
        name for name, group in draft.observed.groups.items() if group.mark.owner == owner and name not in named
    )
    if absent and not named and "groups" in draft.prune:
        # A file that was cut off must not delete everything.
        hint = "jhub group delete deletes groups by their names"
        draft.refuse(
            f"owner {owner}",
            f"the file has no groups, so all of this owner would be deleted: {join_names(absent)}",
            hint,
        )
        return
    for name in absent:
        if "groups" in draft.prune:
            members = draft.observed.groups[name].members
            draft.changes.append(DeleteGroup(group=name, owner=owner, members=members, why="not in the file"))
        else:
            draft.note("unmanaged", f"group {name}", f"belongs to {owner}, and is not in the file; --prune deletes it")


def _absent_servers(draft: Draft) -> None:
    """Delete stopped named servers of the users who are in the document."""
    document = draft.document
    if document.servers is None:
        return
    named = {(entry.user.lower(), entry.name) for entry in document.servers}
    owners = {user for user, _ in named} | {entry.name.lower() for entry in document.users}
    deleted: list[DeleteServer] = []
    for user, observed in sorted(draft.observed.users.items()):
        for name, server in sorted((observed.servers or {}).items()) if user.lower() in owners else ():
            if (user.lower(), name) in named:
                continue
            if server.active:
                draft.note("waiting", f"server {target(user, name)}", "is not in the file, and kept while it is active")
            else:
                deleted.append(DeleteServer(user=user, name=name, why="not in the file"))
    if deleted and not named:
        # An export of a hub without named servers has an empty list, and people create servers later.
        names = join_names([target(change.user, change.name) for change in deleted])
        message = f"the file has none, so all stopped servers of its users would be deleted: {names}"
        draft.refuse("servers", message, "leave `servers` out of the file, or list those that stay")
        return
    draft.changes += deleted


def _absent_users(draft: Draft) -> None:
    document = draft.document
    kept = {entry.name.lower() for entry in document.users} | {name.lower() for name in document.protected_users}
    kept |= {name.lower() for group in document.groups if group.members for name in group.members.names}
    kept |= {server.user.lower() for server in document.servers or ()}
    kept |= {name.lower() for role in document.roles for name in role.users or ()}
    groups = _remaining_groups(draft)
    reasons: dict[str, list[str]] = {}
    deleted: list[str] = []
    for name, user in sorted(draft.observed.users.items()):
        if name.lower() in kept:
            continue
        if reason := _reason_to_keep(draft, name, user, groups.get(name)):
            reasons.setdefault(reason, []).append(name)
        else:
            deleted.append(name)
    unreadable = [row for group in document.groups if group.members for row in group.members.unreadable]
    if deleted and unreadable:
        message = f"some users to delete may be in a row of a roster that has no name: {join_names(unreadable)}"
        draft.refuse("users", message, "correct the roster")
        return
    if deleted and not document.users:
        # A file that was cut off must not delete everybody.
        message = f"the file has no users, so {len(deleted)} would be deleted: {join_names(deleted)}"
        draft.refuse("users", message, "list the users who stay in the file")
        return
    draft.changes += [DeleteUser(user=name, why="not in the file") for name in deleted]
    for reason, names in reasons.items():
        draft.note("unmanaged", "users", f"not in the file, and kept ({reason}): {join_names(names)}")


def _reason_to_keep(draft: Draft, name: str, user: ObservedUser, group: str | None) -> str:
    """Return why a user who is not in the document is kept; empty if they are deleted."""
    if user.admin is None or user.active is None or not draft.observed.all_groups:
        return "the token cannot see their admin rights, their servers or their groups"
    if user.admin:
        return "administrators"
    if draft.is_caller(name):
        return "the owner of the token in use"
    if user.active:
        return "with an active server"
    return f"members of {group}" if group else ""


def _remaining_groups(draft: Draft) -> dict[str, str]:
    """Return a group of each user, of those that the plan neither deletes nor takes the user out of."""
    deleted = {change.group for change in draft.changes if isinstance(change, DeleteGroup)}
    leaving = {
        (change.group, user) for change in draft.changes if isinstance(change, RemoveMembers) for user in change.users
    }
    return {
        user: name
        for name, group in draft.observed.groups.items()
        if name not in deleted
        for user in group.members
        if (name, user) not in leaving
    }
