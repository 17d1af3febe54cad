"""Users: list, get, create, edit, rename, delete, and their activity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from jhub.binding import operation, stream
from jhub.errors import Conflict, HubBroken, InvalidInput, NotAHub, NotFound
from jhub.models import User, as_utc
from jhub.operations.paging import pages
from jhub.operations.requests import body_of, list_of, user_path
from jhub.operations.server_status import servers_of
from jhub.operations.servers import ServerOps
from jhub.steps import Emit, Flow, HubVersion, Request, call, segment, send

Sort: TypeAlias = Literal["id", "name", "last_activity", "-id", "-name", "-last_activity"]


class UserOps:
    """The users of the hub."""

    @stream(User)
    def list(
        self,
        *,
        name_filter: str = "",
        state: Literal["active", "ready", "inactive"] | None = None,
        sort: Sort | None = None,
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
            "id", "name" or "last_activity", with "-" in front for the reverse. On hubs before 5.0, which cannot do
            it, the whole list is fetched first.
        include_stopped_servers
            Also list servers that do not run (3.0).

        A user whose name the hub has lost (see `edit`) is passed over: there is no way to name them.

        `GET /users` (all versions), scope `list:users`; `read:servers` for the servers.
        """

        query = {
            "name_filter": name_filter,
            "state": state or "",
            "include_stopped_servers": "1" if include_stopped_servers else "",
        }
        # Hubs before 5.0 ignore it without a word.
        sorted_here = sort is not None and (yield from HubVersion()) < (5,)
        if sort is not None and not sorted_here:
            query["sort"] = sort
        collected: list[User] = []

        def matching(user: User) -> tuple[User, ...]:
            # The hub makes a LIKE pattern of it, in which _ and % stand for anything.
            if name_filter.lower() not in user.name.lower():
                return ()
            if not sorted_here:
                return (user,)
            collected.append(user)
            return ()

        asked = tuple((key, value) for key, value in query.items() if value)
        yield from pages("/users", User, lambda user: user.name, asked, about="users", emit=matching)
        for user in _sorted(collected, sort or "id"):
            yield Emit(user)

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
        exists, unless `exist_ok`, or exists without being the administrator that was asked for; `InvalidUsername` for a
        name that the hub's authenticator refuses.
        """
        user_path(name)
        # POST /users/NAME would keep upper case, and such a user can never log in or join a group by name.
        body = {"usernames": [name], "admin": admin}
        try:
            created = yield from call("POST", "/users", tuple[User, ...], body=body, about=f"user {name}")
        except Conflict:
            if not exist_ok:
                raise taken(name, "already exists") from None
            return (yield from existing(name, admin=admin))
        if not created:
            raise NotAHub(f"user {name}: the hub says it was created, and does not show it")
        return created[0]

    @operation
    def edit(self, name: str, *, admin: bool | None = None, auth_state: Mapping[str, Any] | None = None) -> Flow[User]:
        """Make a user an administrator or not, or replace what the hub's authenticator keeps for them. What is None
        stays as it is.

        `PATCH /users/{name}` (all versions), scope `admin:users`; only administrators can make administrators.
        """
        # Never with the name: 5.5.3 and later erase one that is sent unchanged, and break the list of users for all.
        body = body_of(admin=admin, auth_state=None if auth_state is None else dict(auth_state))
        path = user_path(name)
        if not body:
            raise InvalidInput(f"user {name}: nothing to change")
        try:
            return (yield from call("PATCH", path, User, body=body, about=f"user {name}", repeatable=True))
        except HubBroken as error:
            if auth_state is not None:
                error.hint = "does the hub keep auth state? It takes enable_auth_state, and JUPYTERHUB_CRYPT_KEY"
            raise

    @operation
    def rename(self, name: str, new: str) -> Flow[User]:
        """Give a user another name on the hub. What they sign in with is the authenticator's and stays: a name that
        it does not know belongs to nobody. Stop their servers first, whose addresses contain the name.

        `PATCH /users/{name}` (all versions), scopes `admin:users`, `read:users` and `read:servers`. `Conflict` where
        the new name is taken, or a server of theirs runs.
        """
        path = user_path(name)
        segment(new, "user")
        user = yield from UserOps.get(name)
        if new == name:
            return user  # sent unchanged, it would be erased: see `edit`
        if running := [server.target for server in servers_of(user).values() if server.active]:
            raise Conflict(
                f"user {name}: {', '.join(running)} runs", method="PATCH", path=path, status=409, hint="stop it first"
            )
        if new != new.lower() and not _normalises_new_names((yield from HubVersion())):
            raise InvalidInput(
                f"{new!r} has capital letters", hint="this hub would keep them, and nobody could sign in by that name"
            )
        return (yield from call("PATCH", path, User, body={"name": new}, about=f"user {name}"))

    @operation
    def record_activity(self, name: str, *, at: datetime, servers: Iterable[str] = ()) -> Flow[None]:
        """Tell the hub that a user, and these servers of theirs ("" is the default one), were active at a time, such
        as now. Keeps a server from being stopped for idleness. An earlier time than the hub knows changes nothing.

        `POST /users/{name}/activity` (all versions), scope `users:activity`. `BadRequest` for a server that does not
        exist, or a time more than 59 minutes ahead.
        """
        if at.tzinfo is None:
            raise InvalidInput(f"{at} says no time zone", hint="datetime.now(UTC), for example")
        moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        body = {"last_activity": moment, "servers": {server: {"last_activity": moment} for server in list_of(servers)}}
        path = f"{user_path(name)}/activity"
        yield from send("POST", path, body=body, about=f"activity of {name}", repeatable=True)

    @operation
    def delete(self, name: str) -> Flow[None]:
        """Delete a user, after stopping every server of theirs.

        What the spawner keeps for the user (on Kubernetes, the volume) may be deleted with them.

        `DELETE /users/{name}` (all versions), scopes `delete:users`, `read:users`, `read:servers`, `delete:servers`.
        """
        user = yield from UserOps.get(name)
        # The hub stops only the default server by itself, not while it starts, and not if that takes long; else it
        # answers 500 or 400 (4.1 to 6.1).
        for server in servers_of(user).values():
            if server.name or server.active:
                try:
                    yield from ServerOps.stop(user.name, server.name)
                except NotFound:
                    continue  # gone meanwhile
        yield from send("DELETE", user_path(name), about=f"user {name}")


def existing(name: str, *, admin: bool = False) -> Flow[User]:
    """A user who was to be created and exists; `Conflict` where they are not the administrator that was asked for."""
    try:
        found = yield from UserOps.get(name.lower())
    except NotFound:
        found = yield from UserOps.get(name)  # an authenticator may keep capital letters
    return as_wanted(name, found, admin)


def as_wanted(name: str, found: User, admin: bool) -> User:
    """The user who was there; `Conflict` as for `existing`."""
    if admin and not found.admin:
        unknown = "exists, and this token does not see whether as an administrator (scope read:users:name)"
        raise taken(name, unknown if found.admin is None else "exists, and is no administrator")
    return found


def taken(name: str, why: str) -> Conflict:
    """The error about a name that was to be a new user's."""
    return Conflict(f"user {name}: {why}", method="POST", path="/users", status=409)


def _normalises_new_names(version: tuple[int, ...]) -> bool:
    # Fixed in 5.5.3 and, on the other branch, in 6.1.0.
    return version >= (6, 1) or (5, 5, 3) <= version < (6,)


def _sorted(users: list[User], sort: Sort) -> list[User]:
    backwards = sort.startswith("-")
    match sort.removeprefix("-"):
        case "name":
            return sorted(users, key=lambda user: user.name, reverse=backwards)
        case "last_activity":
            never = datetime.min.replace(tzinfo=UTC)
            return sorted(users, key=lambda user: as_utc(user.last_activity or never), reverse=backwards)
        case _:  # the order in which they come
            return users[::-1] if backwards else users
