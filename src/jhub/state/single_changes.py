"""Changes of one object, each by a few requests, after a look at whether the object still is as the plan found it."""

from __future__ import annotations

from typing import TypeAlias

from jhub.errors import AlreadyRunning, Conflict, MissingScope, NotFound, is_missing, join_names
from jhub.models import Identity, Server, target
from jhub.operations.groups import GroupOps, users_in
from jhub.operations.server_status import servers_of
from jhub.operations.servers import ServerOps
from jhub.operations.users import UserOps
from jhub.state.changes import (
    CreateGroup,
    CreateServer,
    DeleteGroup,
    DeleteServer,
    DeleteUser,
    EditServer,
    SetAdmin,
    same_json,
)
from jhub.state.mark import read_mark
from jhub.state.record import Stale
from jhub.steps import Flow

SingleChange: TypeAlias = SetAdmin | CreateGroup | CreateServer | EditServer | DeleteServer | DeleteGroup | DeleteUser
"""A change of one object."""


def make(change: SingleChange, caller: Identity) -> Flow[bool]:
    """Make a change. Returns False if the hub already was as the plan wants it.

    The owner of the token in use is not deleted: another token may have made the plan.

    Raises
    ------
    Stale
        The object is neither as the plan found it, nor as the plan wants it.
    """
    match change:
        case SetAdmin():
            return _set_admin(change)
        case CreateGroup():
            return _create_group(change)
        case CreateServer():
            return _create_server(change)
        case EditServer():
            return _edit_server(change)
        case DeleteServer():
            return _delete_server(change)
        case DeleteGroup():
            return _delete_group(change)
        case DeleteUser():
            return _delete_user(change, caller)


def _set_admin(change: SetAdmin) -> Flow[bool]:
    try:
        user = yield from UserOps.get(change.user)
    except NotFound as error:
        raise _gone(error, f"user {change.user}") from None
    if user.admin == change.after:
        return False
    yield from UserOps.edit(change.user, admin=change.after)
    return True


def _create_group(change: CreateGroup) -> Flow[bool]:
    try:
        yield from GroupOps.create(change.group)
    except Conflict:
        return False
    return True


def _create_server(change: CreateServer) -> Flow[bool]:
    label = f"server {target(change.user, change.name)}"
    try:
        yield from ServerOps.create(
            change.user, change.name, display_name=change.display_name, user_options=change.options
        )
    except Conflict:
        server = yield from ServerOps.get(change.user, change.name)
        if not _is_as_wanted(server, change):
            raise Stale(f"{label}: exists now, with other options") from None
        return False
    except NotFound as error:
        raise _gone(error, f"user {change.user}") from None
    return True


def _edit_server(change: EditServer) -> Flow[bool]:
    label = f"server {target(change.user, change.name)}"
    try:
        server = yield from ServerOps.get(change.user, change.name)
        if _is_as_wanted(server, change):
            return False
        options_changed = change.options is not None and not same_json(server.user_options, change.options_before)
        name_changed = change.display_name is not None and server.display_name != change.display_name_before
        if options_changed or name_changed:
            raise Stale(f"{label}: has changed since the plan was made")
        yield from ServerOps.edit(
            change.user, change.name, display_name=change.display_name, user_options=change.options
        )
    except AlreadyRunning as error:
        raise Stale(f"{label}: is active now", hint=error.hint) from None
    except NotFound as error:
        raise _gone(error, label) from None
    return True


def _is_as_wanted(server: Server, change: CreateServer | EditServer) -> bool:
    if change.display_name is not None and server.display_name != change.display_name:
        return False
    return change.options is None or same_json(server.user_options or {}, change.options)


def _delete_server(change: DeleteServer) -> Flow[bool]:
    label = f"server {target(change.user, change.name)}"
    try:
        server = yield from ServerOps.get(change.user, change.name)
        if server.active:
            raise Stale(f"{label}: is active now")
        yield from ServerOps.delete(change.user, change.name)
    except NotFound as error:
        if is_missing(error):
            return False
        raise
    return True


def _delete_group(change: DeleteGroup) -> Flow[bool]:
    try:
        group = yield from GroupOps.get(change.group)
        owner = read_mark(group.properties).owner
        if owner != change.owner:
            raise Stale(f"group {change.group}: belongs to {owner or 'nobody'} now")
        if joined := sorted(set(users_in(group)) - set(change.members)):
            raise Stale(f"group {change.group}: has other members now: {join_names(joined)}")
        yield from GroupOps.delete(change.group)
    except NotFound as error:
        if is_missing(error):
            return False
        raise
    return True


def _delete_user(change: DeleteUser, caller: Identity) -> Flow[bool]:
    label = f"user {change.user}"
    if (caller.kind, caller.name) == ("user", change.user):
        raise Stale(f"{label}: owns the token in use", hint="a plan that this token makes keeps them")
    try:
        user = yield from UserOps.get(change.user)
        if user.admin is None or user.groups is None:
            raise MissingScope(f"{label}: the token cannot see their admin rights and groups", ("read:users",))
        if user.admin:
            raise Stale(f"{label}: is an administrator now")
        if user.groups:
            raise Stale(f"{label}: is in the group {join_names(user.groups)} now")
        if any(server.active for server in servers_of(user).values()):
            raise Stale(f"{label}: has an active server now")
        yield from UserOps.delete(change.user)
    except NotFound as error:
        if is_missing(error):
            return False
        raise
    return True


def _gone(error: NotFound, label: str) -> Exception:
    """Return the error for an object that the plan found, and that does not exist any more."""
    return Stale(f"{label}: does not exist any more") if is_missing(error) else error
