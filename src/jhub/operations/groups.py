"""Groups and their members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jhub.binding import operation, stream
from jhub.errors import Conflict, InvalidInput, MissingScope
from jhub.models import Group
from jhub.operations.paging import pages
from jhub.operations.requests import list_of, since
from jhub.steps import Flow, HubVersion, Request, call, segment, send

MAX_GROUPS_PER_REQUEST = 50
"""Groups in one call; the hub answers nobody else meanwhile."""


class GroupOps:
    """Groups and their members."""

    @stream(Group)
    def list(self, user: str | None = None) -> Flow[None]:
        """List groups with their members, page by page; with `user` only those that this user is in.

        `GET /groups` (all versions), scope `list:groups`, and with `user` `read:groups`.
        """

        def with_user(group: Group) -> tuple[Group, ...]:
            return (group,) if user is None or user in users_in(group) else ()

        return pages("/groups", Group, lambda group: group.name, about="groups", emit=with_user)

    @operation
    def get(self, name: str) -> Request[Group]:
        """One group with its members.

        `GET /groups/{name}` (all versions), scope `read:groups`; `NotFound` where there is none, or none to be seen.
        """
        return call("GET", _path(name), Group, about=f"group {name}")

    @operation
    def create(self, name: str, *, exist_ok: bool = False) -> Flow[Group]:
        """Create an empty group.

        `POST /groups/{name}` (all versions), scope `admin:groups`, with `exist_ok` `read:groups` too. `Conflict`
        where it exists, unless `exist_ok`.
        """
        try:
            # Where it may exist already, one whose answer got lost may be asked for again.
            return (yield from call("POST", _path(name), Group, about=f"group {name}", repeatable=exist_ok))
        except Conflict:
            if not exist_ok:
                raise
            return (yield from GroupOps.get(name))

    @operation
    def create_many(
        self, names: Iterable[str], *, users: Iterable[str] = (), exist_ok: bool = False
    ) -> Flow[tuple[Group, ...]]:
        """Create groups, each with these users in it.

        `POST /groups` (all versions), scope `admin:groups`, with `exist_ok` `list:groups` too. `Conflict` where one
        exists, which tells those that were created before it; with `exist_ok` it is left as it is. `UnknownUser`
        names one; no group is created then.
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
                # The hub goes from one to the next, and keeps those that it created before the one that exists.
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
    def delete(self, name: str) -> Request[None]:
        """Delete a group. Its members stay users.

        `DELETE /groups/{name}` (all versions), scope `delete:groups`.
        """
        return send("DELETE", _path(name), about=f"group {name}")

    @operation
    def add_users(self, name: str, users: Iterable[str]) -> Flow[Group]:
        """Add users; who is a member already stays one. All or none: an unknown name adds nobody. The hub answers
        nobody else meanwhile: a thousand take a second.

        Where the hub's authenticator manages groups (`manage_groups`), hubs before 5.3 refuse, and later ones undo it
        when the user signs in again.

        `POST /groups/{name}/users` (all versions), scope `groups`. `UnknownUser` names one; `NotFound` where
        there is no such group.
        """
        return _change_members("POST", name, users)

    @operation
    def remove_users(self, name: str, users: Iterable[str]) -> Flow[Group]:
        """Remove users; who is no member is passed over. All or none: an unknown name removes nobody.

        `DELETE /groups/{name}/users` (all versions), scope `groups`. `UnknownUser` names one; `NotFound` where
        there is no such group.
        """
        return _change_members("DELETE", name, users)

    @operation
    def set_properties(self, name: str, properties: Mapping[str, Any]) -> Flow[Group]:
        """Change some of a group's properties; a value of None removes one, the others stay.

        `PUT /groups/{name}/properties` (JupyterHub 4.0), scopes `groups` and `read:groups`. The call replaces them all,
        so they are read first.
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
    """Return a group's members. `MissingScope` where the hub left them out: a token that sees a group's name alone is
    not refused.
    """
    if group.users is None:
        raise _missing_scope(group, "members")
    return group.users


def _missing_scope(group: Group, what: str) -> MissingScope:
    return MissingScope(
        f"group {group.name}: the token lacks the scope read:groups, so it does not see the {what}",
        ("read:groups",),
        method="GET",
        path=_path(group.name),
    )


def _path(name: str) -> str:
    return f"/groups/{segment(name, 'group')}"


def unique_names(names: Iterable[str], what: str) -> list[str]:
    """Each name once."""
    unique = list(dict.fromkeys(list_of(names)))
    for name in unique:
        segment(name, what)
    return unique


def _change_members(method: str, name: str, users: Iterable[str]) -> Flow[Group]:
    members = unique_names(users, "user")
    if not members:
        raise InvalidInput(f"group {name}: no users named")
    # Who is in, or out, already stays so: it may be sent twice.
    request = call(
        method, f"{_path(name)}/users", Group, body={"users": members}, about=f"group {name}", repeatable=True
    )
    return (yield from request)


def _existing_group(error: Conflict, names: list[str]) -> str | None:
    """The group that a refusal is about, which the hub's message has with single spaces."""
    return next((name for name in names if " ".join(name.split()) == error.existing), None)


def _group_exists(error: Conflict, existing: str | None, created: list[str]) -> Conflict:
    if existing is None:
        return error
    suffix = f"; created before it: {', '.join(created)}" if created else "; none was created"
    fields = {"method": error.method, "path": error.path, "hint": "ask for it with exist_ok to go on"}
    conflict = Conflict(f"group {existing}: already exists{suffix}", status=409, **fields)
    conflict.existing, conflict.created = existing, tuple(created)
    return conflict
