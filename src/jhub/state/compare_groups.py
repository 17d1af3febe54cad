"""Comparison of groups: their owner, their properties and their members."""

from __future__ import annotations

from datetime import timedelta

from jhub.errors import join_names
from jhub.state.changes import (
    AddMembers,
    BeginGrace,
    CreateGroup,
    EndApply,
    EndGrace,
    GroupBefore,
    RemoveMembers,
    SetOwner,
    SetProperties,
    same_json,
)
from jhub.state.document import GroupEntry, MembersEntry
from jhub.state.draft import Draft
from jhub.state.mark import CLAIM_SECONDS
from jhub.state.observed import ObservedGroup

MIN_CLASS_SIZE = 5
"""Smallest number of names and of members for which a comparison says that few of them match."""
FEW = 0.1
"""Share of the names below which few of them match."""


def compare_groups(draft: Draft) -> None:
    """Compare all groups of the document."""
    _create_members(draft)
    for entry in draft.document.groups:
        group = draft.observed.groups.get(entry.name)
        if group is None:
            draft.changes.append(CreateGroup(group=entry.name))
            group = ObservedGroup(members=(), properties={} if draft.has_properties else None)
        elif _belongs_to_another(draft, entry, group):
            continue
        before = len(draft.changes)
        # A file that only adds members leaves the claims of others alone.
        if (entry.members is not None and entry.members.exact) or draft.document.owner_of(entry) == group.mark.owner:
            _compare_claim(draft, entry, group)
        _compare_owner(draft, entry, group)
        _compare_properties(draft, entry, group)
        if entry.members is not None:
            _compare_members(draft, entry, entry.members, group)
        if len(draft.changes) > before:
            draft.groups[entry.name] = GroupBefore(owner=group.mark.owner, members=group.members)


def _create_members(draft: Draft) -> None:
    """Add the creation of members. Other groups may have them, too, so this comes first."""
    for entry in draft.document.groups:
        for name in entry.members.names if entry.members and entry.create_users else ():
            if draft.exists(name) is not True:
                draft.create_user(name, why=f"member of {entry.name}")


def _belongs_to_another(draft: Draft, entry: GroupEntry, group: ObservedGroup) -> bool:
    owner, present = draft.document.owner_of(entry), group.mark.owner
    # Without an owner, a document may add members to the group, or name it only.
    only_adds = owner is None and not entry.properties and (entry.members is None or not entry.members.exact)
    if present is None or present == owner or only_adds or (owner is not None and draft.adopt):
        return False
    hint = "--adopt takes it over" if owner else f"to change it, write its owner in the file: owner: {present}"
    draft.refuse(f"group {entry.name}", f"belongs to the owner {present}", hint)
    return True


def _compare_claim(draft: Draft, entry: GroupEntry, group: ObservedGroup) -> None:
    claim = group.mark.apply
    if claim is None:
        return
    if claim.blocks(draft.digest, draft.observed.now):
        until = claim.since + timedelta(seconds=CLAIM_SECONDS)
        message = f"another file is being applied to it; if that was interrupted, it is free at {until:%H:%M:%S} UTC"
        draft.note("waiting", f"group {entry.name}", message)
    else:
        draft.changes.append(EndApply(group=entry.name, document=claim.document))


def _compare_owner(draft: Draft, entry: GroupEntry, group: ObservedGroup) -> None:
    owner, present = draft.document.owner_of(entry), group.mark.owner
    if owner is None or owner == present:
        return
    if not draft.has_properties:
        draft.note("warning", f"group {entry.name}", "its owner cannot be marked before JupyterHub 4.0")
        return
    why = f"taken over from {present}" if present else ""
    draft.changes.append(SetOwner(group=entry.name, before=present, after=owner, why=why))


def _compare_properties(draft: Draft, entry: GroupEntry, group: ObservedGroup) -> None:
    if not entry.properties:
        return
    present = group.properties
    if present is None:
        hint = "remove `properties` from the file"
        draft.refuse(f"group {entry.name}", "this hub has no properties of groups: they need JupyterHub 4.0", hint)
        return
    after = {
        key: value
        for key, value in entry.properties.items()
        if key not in present or not same_json(present[key], value)
    }
    if after:
        before = {key: present[key] for key in after if key in present}
        draft.changes.append(SetProperties(group=entry.name, before=before, after=after))


def _compare_members(draft: Draft, entry: GroupEntry, members: MembersEntry, group: ObservedGroup) -> None:
    present = set(group.members)
    wanted: dict[str, None] = {}
    unknown: list[str] = []
    for name in members.names:
        if draft.exists(name) is False:
            unknown.append(name)
            continue
        # The hub normalises a name that was not seen, and an authenticator may keep its capital letters.
        wanted[draft.observed.spelling(name) or name] = None
    if unknown:
        advice = "create-users: true creates them"
        draft.note("unknown", f"group {entry.name}", f"not users of this hub: {join_names(unknown)}; {advice}")
    to_add = tuple(name for name in wanted if name not in present)
    if to_add:
        draft.changes.append(AddMembers(group=entry.name, users=to_add, exact=members.exact))
    if members.exact:
        _leave(draft, entry.name, members, group, wanted)
    _warn_of_few(draft, entry.name, members, wanted, present)


def _leave(draft: Draft, name: str, members: MembersEntry, group: ObservedGroup, wanted: dict[str, None]) -> None:
    """Add the changes for the members whom the document does not have."""
    subject = f"group {name}"
    protected = {user.lower() for user in draft.document.protected_users}
    absent = [user for user in group.members if user not in wanted]
    if kept := [user for user in absent if user.lower() in protected]:
        draft.note("unmanaged", subject, f"not in the file, and kept because they are protected: {join_names(kept)}")
    absent = [user for user in absent if user.lower() not in protected]
    records, grace = group.mark.leaving, timedelta(seconds=draft.document.grace_seconds)
    missing, now = set(absent), draft.observed.now
    if members.unreadable:
        result = "nobody leaves, because" if absent else "incomplete:"
        rows = join_names(members.unreadable)
        draft.note("unknown", subject, f"{result} rows of the roster have no name: {rows}")
        # A row that can be read says that its user is here.
        _end_grace(draft, name, [user for user in records if grace and user not in missing])
        return
    if grace and not draft.has_properties:
        if absent:
            draft.note("warning", subject, "nobody leaves: before JupyterHub 4.0 the hub cannot remember a grace")
        return
    leaving = [user for user in absent if not grace or (user in records and now - records[user] >= grace)]
    gone = set(leaving)
    beginning = [user for user in absent if user not in records and user not in gone]
    days: dict[str, list[str]] = {}
    for user in absent:
        if user in records and user not in gone:
            days.setdefault(f"{records[user] + grace:%Y-%m-%d %H:%M} UTC", []).append(user)
    for day, users in sorted(days.items()):
        draft.note("waiting", subject, f"not in the file, and members until {day}: {join_names(users)}")
    if _too_many(draft, subject, len(group.members), max(len(leaving), len(beginning))):
        return
    if beginning:
        draft.changes.append(BeginGrace(group=name, users=tuple(beginning), since=now))
    # A document without a grace, such as an export, leaves the records of those who stay as they are.
    _end_grace(draft, name, [user for user in records if user in gone or (grace and user not in missing)])
    if leaving:
        draft.changes.append(RemoveMembers(group=name, users=tuple(leaving)))


def _end_grace(draft: Draft, name: str, users: list[str]) -> None:
    if users:
        draft.changes.append(EndGrace(group=name, users=tuple(users)))


def _too_many(draft: Draft, subject: str, members: int, leaving: int) -> bool:
    limit = draft.document.leave_limit
    if leaving <= limit.allowed(members):
        return False
    draft.refuse(
        subject,
        f"{leaving} of {members} members would leave, and the limit is {limit}",
        "if that is right, raise `limits: {leave: …}` in the file",
    )
    return True


def _warn_of_few(draft: Draft, name: str, members: MembersEntry, wanted: dict[str, None], present: set[str]) -> None:
    """Warn if hardly any name is a member of a class that exists: the names may be made by a wrong rule."""
    if not members.exact or min(len(members.names), len(present)) < MIN_CLASS_SIZE:
        return
    matching = sum(1 for user in wanted if user in present)
    if matching < FEW * len(members.names):
        users = draft.observed.users
        signed_in = sum(1 for user in wanted if user in present or (user in users and users[user].signed_in))
        draft.note(
            "warning",
            f"group {name}",
            f"{matching} of {len(members.names)} names are members now, and {signed_in} have ever signed in: is the "
            "rule that makes the names right?",
        )
