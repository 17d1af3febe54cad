"""Operations on groups and their members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jhub.binding import operation, stream
from jhub.errors import Conflict, InvalidInput, MissingScope
from jhub.models import Group
from jhub.object_path import named_objects
from jhub.operations.paging import pages
from jhub.operations.requests import accept_missing, list_of, since
from jhub.steps import Flow, HubVersion, Request, call, segment, send

MAX_GROUPS_PER_REQUEST = 50
"""Maximum number of groups in one request: the hub answers no other request while it creates them."""


class GroupOps:
    """Operations on groups and their members."""

    @stream(Group)
    def list(self, user: str | None = None) -> Flow[None]:
        """List groups with their members, page by page.

        With `user`, list only the groups that this user is in.

        `GET /groups` (all versions), scope `list:groups`; with `user` also `read:groups`.
        """

        def with_user(group: Group) -> tuple[Group, ...]:
            return (group,) if user is None or user in users_in(group) else ()

        return pages("/groups", Group, lambda group: group.name, about="groups", emit=with_user)

    @operation
    def get(self, name: str) -> Request[Group]:
        """Return a group with its members.

        `GET /groups/{name}` (all versions), scope `read:groups`. `NotFound` if it does not exist, or is not visible to
        the token.
        """
        return call("GET", _path(name), Group, about=f"group {name}")

    @operation
    def create(self, name: str, *, exist_ok: bool = False) -> Flow[Group]:
        """Create an empty group.

        `POST /groups/{name}` (all versions), scope `admin:groups`; with `exist_ok` also `read:groups`. `Conflict` if
        the group exists; with `exist_ok` the existing group is returned.
        """
        path, about = _path(name), f"group {name}"
        try:
            # If the group may exist already, the request can be retried after a lost answer.
            if not any(named_objects(path)):
                return (yield from call("POST", path, Group, about=about, repeatable=exist_ok))
            # A proxy may decode a slash in a path, but not in a body.
            groups = tuple[Group, ...]
            created = yield from call(
                "POST", "/groups", groups, body={"groups": [name]}, about=about, repeatable=exist_ok
            )
            return created[0]
        except Conflict:
            if not exist_ok:
                raise
            return (yield from GroupOps.get(name))

    @operation
    def create_many(
        self, names: Iterable[str], *, users: Iterable[str] = (), exist_ok: bool = False
    ) -> Flow[tuple[Group, ...]]:
        """Create groups, each with these users as members.

        `POST /groups` (all versions), scope `admin:groups`; with `exist_ok` also `list:groups`. `Conflict` if one of
        the groups exists; the error names it and the groups that were created before it. With `exist_ok` existing
        groups are left unchanged. `UnknownUser` if a user does not exist; no group is created then.
        """
        unique, members = unique_names(names, "group"), unique_names(users, "user")
        groups: dict[str, Group] = {}
        if exist_ok:

            def keep(group: Group) -> tuple[()]:
                groups[group.name] = group
                return ()

            yield from pages("/groups", Group, lambda group: group.name, about="groups", emit=keep)
        remaining = [name for name in unique if name not in groups]
        while remaining:
            chunk, remaining = remaining[:MAX_GROUPS_PER_REQUEST], remaining[MAX_GROUPS_PER_REQUEST:]
            body = {"groups": chunk, "users": members}
            try:
                created = yield from call("POST", "/groups", tuple[Group, ...], body=body, about="groups")
            except Conflict as error:
                # The hub creates one group after the other, and keeps those that it created before the existing one.
                existing = _existing_group(error, chunk)
                created_before = chunk[: chunk.index(existing)] if existing else []
                if not exist_ok or existing is None:
                    raise _group_exists(error, existing, [*groups, *created_before]) from None
                for name in (*created_before, existing):
                    groups[name] = yield from GroupOps.get(name)
                remaining = chunk[len(created_before) + 1 :] + remaining
            else:
                groups.update((group.name, group) for group in created)
        return tuple(groups[name] for name in unique if name in groups)

    @operation
    def delete(self, name: str, *, missing_ok: bool = False) -> Flow[None]:
        """Delete a group; its members stay users of the hub.

        `DELETE /groups/{name}` (all versions), scope `delete:groups`. `NotFound` if it does not exist, unless
        `missing_ok`.
        """
        return accept_missing(send("DELETE", _path(name), about=f"group {name}"), missing_ok)

    @operation
    def add_users(self, name: str, users: Iterable[str]) -> Flow[Group]:
        """Add users to a group; existing members are unaffected.

        The call is atomic: an unknown user fails the whole call. It blocks the hub for about 1 s per 1,000 users.

        If the hub's authenticator manages groups (`manage_groups`), hubs before 5.3 refuse the call, and later ones
        undo it when the user signs in again.

        `POST /groups/{name}/users` (all versions), scope `groups`. `UnknownUser` if a user does not exist; `NotFound`
        if the group does not exist.
        """
        return _change_members("POST", name, users)

    @operation
    def remove_users(self, name: str, users: Iterable[str]) -> Flow[Group]:
        """Remove users from a group; users who are not members are ignored.

        The call is atomic: an unknown user fails the whole call.

        `DELETE /groups/{name}/users` (all versions), scope `groups`. `UnknownUser` if a user does not exist;
        `NotFound` if the group does not exist.
        """
        return _change_members("DELETE", name, users)

    @operation
    def set_properties(self, name: str, properties: Mapping[str, Any]) -> Flow[Group]:
        """Set some of a group's properties; None removes a property, and others stay unchanged.

        `PUT /groups/{name}/properties` (JupyterHub 4.0), scopes `groups` and `read:groups`. The request replaces all
        properties, so they are read first.
        """
        group = yield from GroupOps.get(name)
        if group.properties is None and (yield from HubVersion()) >= (4,):
            raise _missing_scope(group, "properties")
        present = group.properties or {}
        changed = {key: value for key, value in {**present, **properties}.items() if value is not None}
        if changed == present:
            return group
        request = call("PUT", f"{_path(name)}/properties", Group, body=changed, about=f"group {name}")
        return (yield from since("4.0", request, "group properties"))


def read_members(name: str) -> Flow[tuple[str, ...]]:
    """Return the users in a group, as `users_in` does.

    `GET /groups/{name}` (all versions), scope `read:groups`.
    """
    return users_in((yield from GroupOps.get(name)))


def users_in(group: Group) -> tuple[str, ...]:
    """Return a group's members, or raise `MissingScope` if the hub left them out.

    The hub does not refuse a token that may read only the group's name.
    """
    if group.users is None:
        raise _missing_scope(group, "members")
    return group.users


def _missing_scope(group: Group, what: str) -> MissingScope:
    return MissingScope(
        f"group {group.name}: cannot read the {what}: the token lacks the scope read:groups",
        ("read:groups",),
        method="GET",
        path=_path(group.name),
    )


def _path(name: str) -> str:
    return f"/groups/{segment(name, 'group')}"


def unique_names(names: Iterable[str], what: str) -> list[str]:
    """Return each name once; `InvalidInput` for a name that no path can hold."""
    unique = list(dict.fromkeys(list_of(names)))
    for name in unique:
        segment(name, what)
    return unique


def _change_members(method: str, name: str, users: Iterable[str]) -> Flow[Group]:
    members = unique_names(users, "user")
    if not members:
        raise InvalidInput(f"group {name}: the list of users is empty")
    # The request is idempotent, so it can be retried.
    request = call(
        method, f"{_path(name)}/users", Group, body={"users": members}, about=f"group {name}", repeatable=True
    )
    return (yield from request)


def _existing_group(error: Conflict, names: list[str]) -> str | None:
    """Return the group that exists; the hub's message has its name with single spaces."""
    return next((name for name in names if " ".join(name.split()) == error.existing), None)


def _group_exists(error: Conflict, existing: str | None, created: list[str]) -> Conflict:
    if existing is None:
        return error
    suffix = f"; created before it: {', '.join(created)}" if created else "; no group was created"
    fields = {"method": error.method, "path": error.path, "hint": "pass exist_ok=True to skip existing groups"}
    conflict = Conflict(f"group {existing}: already exists{suffix}", status=409, **fields)
    conflict.existing, conflict.created = existing, tuple(created)
    return conflict
