"""Groups and their members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import BadRequest, Conflict, InvalidInput, NotFound
from jhub.models import Group
from jhub.operations.paging import pages
from jhub.steps import Flow, Request, call, segment, send


class GroupOps:
    """Groups and their members."""

    @stream(Group)
    def list(self) -> Flow[None]:
        """All groups with their members, page by page.

        `GET /groups` (all versions), scope `list:groups`.
        """
        return pages("/groups", Group, lambda group: group.name, about="groups")

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
            return (yield from call("POST", _path(name), Group, about=f"group {name}"))
        except Conflict:
            if not exist_ok:
                raise
            return (yield from GroupOps.get(name))

    @operation
    def delete(self, name: str) -> Request[None]:
        """Delete a group. Its members stay users.

        `DELETE /groups/{name}` (all versions), scope `delete:groups`.
        """
        return send("DELETE", _path(name), about=f"group {name}")

    @operation
    def add_users(self, name: str, users: Iterable[str]) -> Flow[Group]:
        """Add users; who is a member already stays one. All or none: an unknown name adds nobody.

        `POST /groups/{name}/users` (all versions), scope `groups`. `NotFound` names the unknown user, or
        the group.
        """
        return _members("POST", name, users)

    @operation
    def remove_users(self, name: str, users: Iterable[str]) -> Flow[Group]:
        """Remove users; who is no member is passed over. All or none: an unknown name removes nobody.

        `DELETE /groups/{name}/users` (all versions), scope `groups`. `NotFound` names the unknown user, or
        the group.
        """
        return _members("DELETE", name, users)

    @operation
    def set_properties(self, name: str, properties: Mapping[str, Any]) -> Flow[Group]:
        """Change some of a group's properties; a value of None removes one, the others stay.

        `PUT /groups/{name}/properties` replaces them all (JupyterHub 4.0), so they are read first; scopes
        `groups` and `read:groups`.
        """
        group = yield from GroupOps.get(name)
        merged = {**group.properties, **properties}
        wanted = {key: value for key, value in merged.items() if value is not None}
        if wanted == group.properties:
            return group
        return (yield from call("PUT", f"{_path(name)}/properties", Group, body=wanted, about=f"group {name}"))


def _path(name: str) -> str:
    return f"/groups/{segment(name, 'group')}"


def _members(method: str, name: str, users: Iterable[str]) -> Flow[Group]:
    members = list(dict.fromkeys((users,) if isinstance(users, str) else users))
    path = f"{_path(name)}/users"
    if not members:
        raise InvalidInput(f"group {name}: no users named")
    for user in members:
        segment(user, "user")
    try:
        return (yield from call(method, path, Group, body={"users": members}, about=f"group {name}"))
    except BadRequest as error:
        if "No such user" not in str(error):
            raise
        hint = "nobody was changed; leave the name out, or create the user first"
        raise NotFound(str(error), method=method, path=path, status=error.status, hint=hint) from None


class Groups(GroupOps, Bound):
    """`hub.groups`"""


class AsyncGroups(GroupOps, AsyncBound):
    """`hub.groups`"""
