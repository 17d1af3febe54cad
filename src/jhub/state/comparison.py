"""Comparison of a document with the state of a hub: the plan, as a pure function."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from jhub.errors import InvalidInput, MissingScope
from jhub.operations.requests import list_of
from jhub.state.changes import PRUNE_KINDS, Plan, PruneKind, SetAdmin
from jhub.state.compare_groups import compare_groups
from jhub.state.compare_servers import compare_servers
from jhub.state.document import Document
from jhub.state.draft import Draft
from jhub.state.observed import Needs, Observed, ObservedGroup, ObservedUser, from_document
from jhub.state.prune import compare_absent


def needs_of(document: Document, prune: Iterable[PruneKind] = ()) -> Needs:
    """Return the part of a hub's state that decides the plan of a document.

    The list of all users shows administrators whom the document does not have, and servers that do not run; the list of
    all groups shows those of this owner that the document no longer has.
    """
    kinds = prune_kinds(prune)
    users = {name for group in document.groups if group.members for name in group.members.names}
    users |= {server.user for server in document.servers or ()}
    users |= {name for role in document.roles for name in role.users or ()}
    groups = {group.name for group in document.groups} | {name for role in document.roles for name in role.groups or ()}
    return Needs(
        users=frozenset(users),
        all_users=bool(document.users or document.servers or document.roles or kinds & {"users", "servers"}),
        groups=frozenset(groups),
        all_groups=document.owner is not None or bool(kinds & {"groups", "users"}),
        servers=bool(document.servers) or "servers" in kinds,
    )


def compare(
    document: Document, observed: Document | Observed, *, prune: Iterable[PruneKind] = (), adopt: bool = False
) -> Plan:
    """Return the plan that brings a hub from an observed state to the state of a document.

    Parameters
    ----------
    observed
        The state of the hub: the document that `hub.state.export` returned.
    prune
        Kinds of objects to delete if the document does not have them: "groups" of the document's owner, "servers" that
        are stopped and whose user is in the document, and "users".
    adopt
        Take groups of other owners over.
    """
    state = from_document(observed) if isinstance(observed, Document) else observed
    draft = Draft(document, state, prune_kinds(prune), adopt=adopt)
    _compare_users(draft)
    compare_groups(draft)
    compare_servers(draft)
    if not isinstance(observed, Document):
        _compare_roles(draft)
    elif document.roles:
        draft.note("warning", "roles", "not compared: an exported file has none")
    compare_absent(draft)
    return draft.plan()


def prune_kinds(prune: Iterable[PruneKind]) -> frozenset[PruneKind]:
    """Return the kinds of objects to delete; `InvalidInput` for a kind that does not exist."""
    kinds = set(list_of(prune))
    if unknown := sorted(kinds - set(PRUNE_KINDS)):
        raise InvalidInput(f"prune: unknown kind {unknown[0]!r}", hint=f"use {', '.join(PRUNE_KINDS)}")
    return frozenset(kind for kind in PRUNE_KINDS if kind in kinds)


def _compare_users(draft: Draft) -> None:
    for entry in draft.document.users:
        name = draft.observed.spelling(entry.name)
        if name is None:
            draft.create_user(entry.name, admin=bool(entry.admin))
            continue
        user = draft.observed.users.get(name)
        if entry.admin is None:
            continue
        if user is None or user.admin is None:
            raise MissingScope(
                f"user {name}: the token cannot see whether they are an administrator", ("read:users:name",)
            )
        if user.admin == entry.admin:
            continue
        draft.changes.append(SetAdmin(user=name, before=user.admin, after=entry.admin))
        if not entry.admin and draft.is_caller(name):
            draft.note("warning", f"user {name}", "you take your own admin rights away")


def _compare_roles(draft: Draft) -> None:
    """Report the differences of roles, which only the hub's configuration can change."""
    observed = draft.observed
    for role in draft.document.roles:
        if role.users is not None:
            wanted = {observed.spelling(name) or name for name in role.users}
            _compare_holders(draft, role.name, "user", wanted, observed.users)
        if role.groups is not None:
            _compare_holders(draft, role.name, "group", role.groups, observed.groups)


def _compare_holders(
    draft: Draft, role: str, noun: str, wanted: Collection[str], observed: Mapping[str, ObservedUser | ObservedGroup]
) -> None:
    for name in sorted({*wanted, *observed}):
        each = observed.get(name)
        roles = each.roles if each is not None else ()
        if roles is None:
            if name in wanted:
                draft.note("unmanaged", f"role {role}", f"the token cannot see whether {noun} {name} holds it")
        elif (name in wanted) != (role in roles):
            state = "does not hold it" if name in wanted else "holds it and is not in the file"
            draft.note("unmanaged", f"role {role}", f"{noun} {name} {state}; the hub's configuration sets roles")
