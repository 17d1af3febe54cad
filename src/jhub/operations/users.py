"""Users: list, get, create, delete."""

from __future__ import annotations

from typing import Literal

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import Conflict, NotAHub, NotFound
from jhub.models import User
from jhub.operations.paging import pages
from jhub.operations.paths import user_path
from jhub.operations.servers import ServerOps, servers_of
from jhub.steps import Flow, Request, call, send


class UserOps:
    """The users of the hub."""

    @stream(User)
    def list(
        self,
        *,
        name_filter: str = "",
        state: Literal["active", "ready", "inactive"] | None = None,
        sort: str = "",
        include_stopped_servers: bool = False,
    ) -> Flow[None]:
        """All users, page by page.

        Parameters
        ----------
        name_filter
            Part of the name, upper and lower case alike (JupyterHub 2.3).
        state
            "active" (a server runs or starts), "ready", or "inactive".
        sort
            "id", "name" or "last_activity", with "-" in front for the reverse (5.0; older hubs ignore it).
        include_stopped_servers
            Also list servers that do not run (3.0).

        `GET /users` (all versions), scope `list:users`; `read:servers` for the servers.
        """

        def matching(user: User) -> tuple[User, ...]:
            # The hub makes a LIKE pattern of it, in which _ and % stand for anything.
            return (user,) if name_filter.lower() in user.name.lower() else ()

        query = {
            "name_filter": name_filter,
            "state": state or "",
            "sort": sort,
            "include_stopped_servers": "1" if include_stopped_servers else "",
        }
        asked = tuple((key, value) for key, value in query.items() if value)
        return pages("/users", User, lambda user: user.name, asked, about="users", emit=matching)

    @operation
    def get(self, name: str) -> Request[User]:
        """One user.

        `GET /users/{name}` (all versions), scope `read:users`; `NotFound` where there is none, or none to be seen.
        """
        return call("GET", user_path(name), User, about=f"user {name}")

    @operation
    def create(self, name: str, *, admin: bool = False, exist_ok: bool = False) -> Flow[User]:
        """Create a user. The hub normalises the name, usually to lower case: read it from the answer.

        `POST /users` (all versions), scope `admin:users`, with `exist_ok` `read:users` too. `Conflict` where the user
        exists, unless `exist_ok`, or exists without being the administrator that was asked for; `BadRequest` for a
        name that the hub's authenticator refuses.
        """
        user_path(name)
        # POST /users/NAME would keep upper case, and such a user can never log in or join a group by name.
        body = {"usernames": [name], "admin": admin}
        try:
            created = yield from call("POST", "/users", tuple[User, ...], body=body, about=f"user {name}")
        except Conflict:
            if not exist_ok:
                raise Conflict(f"user {name}: already exists", method="POST", path="/users", status=409) from None
            found = yield from UserOps.get(name.lower())
            if admin and not found.admin:
                raise Conflict(
                    f"user {name}: exists, and is no administrator", method="POST", path="/users", status=409
                ) from None
            return found
        if not created:
            raise NotAHub(f"user {name}: the hub says it was created, and does not show it")
        return created[0]

    @operation
    def delete(self, name: str) -> Flow[None]:
        """Delete a user, after stopping and removing every named server of theirs.

        What the spawner keeps for the user (on Kubernetes, the volume) may be deleted with them.

        `DELETE /users/{name}` (all versions), scopes `delete:users`, `read:users`, `read:servers`, `delete:servers`.
        """
        user = yield from UserOps.get(name)
        # The hub stops only the default server by itself, and not while it starts; else it answers 500 (4.1 to 6.1).
        for server in servers_of(user).values():
            if server.name or server.pending:
                try:
                    yield from ServerOps.stop(user.name, server.name)
                except NotFound:
                    continue  # gone meanwhile
        yield from send("DELETE", user_path(name), about=f"user {name}")


class Users(UserOps, Bound):
    """`hub.users`"""


class AsyncUsers(UserOps, AsyncBound):
    """`hub.users`"""
