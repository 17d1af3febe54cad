"""Scopes that the changes of a plan need, and that the token lacks."""

from __future__ import annotations

from collections.abc import Iterable

from jhub.models import Identity, target
from jhub.preflight.scope_check import access
from jhub.state.changes import (
    Change,
    CreateGroup,
    CreateServer,
    CreateUser,
    DeleteGroup,
    DeleteServer,
    DeleteUser,
    EditServer,
    SetAdmin,
)


def missing_scopes(changes: Iterable[Change], caller: Identity) -> tuple[str, ...]:
    """Return the scopes that a token lacks for some of the changes, sorted.

    Parameters
    ----------
    caller
        The answer of `hub.whoami()`.
    """
    missing: set[str] = set()
    for change in changes:
        scopes, resource = _needed(change)
        for scope in scopes:
            # Whether a filter by group covers a user depends on the user's groups: the hub decides.
            state = access(caller.scopes, (scope,), **resource)
            if state == "missing" or (state == "filtered" and "group" in resource):
                missing.add(scope)
    return tuple(sorted(missing))


def _needed(change: Change) -> tuple[tuple[str, ...], dict[str, str]]:
    """Return the scopes for a change, and the object that they must cover."""
    match change:
        case CreateUser():
            return ("admin:users",), {}
        case SetAdmin(user=user):
            return ("admin:users", "read:users"), {"user": user}
        case CreateGroup(group=group):
            return ("admin:groups",), {"group": group}
        case CreateServer(user=user, name=name) | EditServer(user=user, name=name):
            return ("start:servers", "read:servers"), {"user": user, "server": target(user, name)}
        case DeleteServer(user=user, name=name):
            return ("delete:servers", "read:servers"), {"user": user, "server": target(user, name)}
        case DeleteGroup(group=group):
            return ("delete:groups", "read:groups"), {"group": group}
        case DeleteUser(user=user):
            return ("delete:users", "read:users"), {"user": user}
        case _:
            return ("groups", "read:groups"), {"group": change.group}
