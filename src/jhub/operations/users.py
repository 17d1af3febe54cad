"""Operations on users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias

from jhub.binding import operation, stream
from jhub.errors import Conflict, HubBroken, InvalidInput, NotAHub, NotFound, ServerPending
from jhub.models import Server, User, as_utc
from jhub.operations.paging import pages
from jhub.operations.requests import accept_missing, body_of, list_of, user_path
from jhub.operations.server_status import POLL_SECONDS, servers_of, wait_until
from jhub.operations.servers import STOP_TIMEOUT_SECONDS, ServerOps, is_stopped, request_stop
from jhub.operations.user_filter import UserCriteria, prepare_user_filter
from jhub.steps import Emit, Flow, HubVersion, Now, Request, Sleep, call, segment, send

Sort: TypeAlias = Literal["id", "name", "last_activity", "-id", "-name", "-last_activity"]
"""Order of a list of users; "-" in front reverses it."""


class UserOps:
    """Operations on one user, and the list of all users."""

    @stream(User)
    def list(
        self,
        *,
        name_filter: str = "",
        state: Literal["active", "ready", "inactive"] | None = None,
        sort: Sort | None = None,
        include_stopped_servers: bool = False,
        group: str | None = None,
        not_in_group: str | None = None,
        admin: bool | None = None,
        role: str | None = None,
        inactive_for: float | timedelta | None = None,
        active_since: datetime | None = None,
        never_used: bool = False,
    ) -> Flow[None]:
        """List the users that match all given criteria, page by page.

        Parameters
        ----------
        name_filter
            Part of the name, ignoring case (JupyterHub 2.3).
        state
            "active" (a server runs or starts), "ready", or "inactive".
        sort
            "id", "name" or "last_activity", with "-" in front for the reverse order. Hubs before 5.0 cannot sort, so
            the whole list is read first.
        include_stopped_servers
            Also list servers that do not run (3.0).
        group, not_in_group
            Only members of the first group, and no members of the second.
        admin
            Only administrators (True), or only other users (False).
        role
            Only users with this role of their own. Roles that a user has by a group are those of the group.
        inactive_for
            Only users without activity for at least this time: seconds, or a timedelta. If a user was never active, the
            time counts from their creation. The clock is the hub's, read once at the beginning.
        active_since
            Only users who were active at this time, which needs a time zone, or later.
        never_used
            Only users who were never active on the hub.

        `MissingScope` if the token cannot see what decides: a user without a visible time is not taken for inactive.
        Users whose name the hub has lost (JupyterHub 5.5.3 and later) are skipped, because no request can name them.

        `GET /users` (all versions), scope `list:users`; `read:servers` for the servers, `read:users` for the activity,
        `read:roles` for the roles. For each group one `GET /groups/{group}` before it, scope `read:groups`, and
        `NotFound` if it does not exist; with `inactive_for` one `GET /`.
        """
        criteria = UserCriteria(
            group=group,
            not_in_group=not_in_group,
            admin=admin,
            role=role,
            inactive_for=inactive_for,
            active_since=active_since,
            never_used=never_used,
        )
        user_filter = yield from prepare_user_filter(criteria)
        if user_filter.empty:
            return
        query = {
            "name_filter": name_filter,
            "state": state or "",
            "include_stopped_servers": "1" if include_stopped_servers else "",
        }
        # Hubs before 5.0 silently ignore the parameter.
        sort_locally = sort is not None and (yield from HubVersion()) < (5,)
        if sort is not None and not sort_locally:
            query["sort"] = sort
        collected: list[User] = []

        def keep(user: User) -> tuple[User, ...]:
            # The hub uses the filter as a LIKE pattern, in which _ and % match anything.
            if name_filter.lower() not in user.name.lower() or not user_filter.matches(user):
                return ()
            if not sort_locally:
                return (user,)
            collected.append(user)
            return ()

        parameters = tuple((key, value) for key, value in query.items() if value)
        yield from pages("/users", User, lambda user: user.name, parameters, about="users", emit=keep)
        for user in _sort(collected, sort or "id"):
            yield Emit(user)

    @operation
    def get(self, name: str) -> Request[User]:
        """Return a user.

        `GET /users/{name}` (all versions), scope `read:users`. `NotFound` if they do not exist, or are not visible to
        the token.
        """
        return call("GET", user_path(name), User, about=f"user {name}")

    @operation
    def create(self, name: str, *, admin: bool = False, exist_ok: bool = False) -> Flow[User]:
        """Create a user.

        The hub normalises the name, usually to lower case: read it from the answer.

        `POST /users` (all versions), scope `admin:users`; with `exist_ok` also `read:users`. `Conflict` if the user
        exists, unless `exist_ok`; also if they exist and are not an administrator as requested. `InvalidUsername` for a
        name that the hub's authenticator refuses.
        """
        user_path(name)
        # POST /users/NAME keeps capital letters, and such a user can never log in or join a group by name.
        body = {"usernames": [name], "admin": admin}
        try:
            created = yield from call("POST", "/users", tuple[User, ...], body=body, about=f"user {name}")
        except Conflict:
            if not exist_ok:
                raise user_conflict(name, "already exists") from None
            return (yield from existing_user(name, admin=admin))
        if not created:
            raise NotAHub(f"user {name}: the hub created the user but did not return it")
        return created[0]

    @operation
    def edit(self, name: str, *, admin: bool | None = None, auth_state: Mapping[str, Any] | None = None) -> Flow[User]:
        """Change whether a user is an administrator, or replace their auth state; None leaves a value unchanged.

        `PATCH /users/{name}` (all versions), scope `admin:users`; only administrators can make administrators.
        """
        # Never send the name: JupyterHub 5.5.3 and later erase an unchanged name, and then fail to list users.
        body = body_of(admin=admin, auth_state=None if auth_state is None else dict(auth_state))
        path = user_path(name)
        if not body:
            raise InvalidInput(f"user {name}: nothing to change")
        try:
            return (yield from call("PATCH", path, User, body=body, about=f"user {name}", repeatable=True))
        except HubBroken as error:
            if auth_state is not None:
                error.hint = "does the hub store auth state? That needs enable_auth_state and JUPYTERHUB_CRYPT_KEY"
            raise

    @operation
    def rename(self, name: str, new: str) -> Flow[User]:
        """Rename a user on the hub.

        The authenticator does not change: if it does not know the new name, nobody can sign in with it. Stop the user's
        servers first, because their addresses contain the name.

        `PATCH /users/{name}` (all versions), scopes `admin:users`, `read:users` and `read:servers`. `Conflict` if the
        new name is taken, or one of the user's servers runs.
        """
        path = user_path(name)
        segment(new, "user")
        user = yield from UserOps.get(name)
        if new == name:
            return user  # JupyterHub 5.5.3 and later would erase an unchanged name
        if active := [f"{server.target} ({server.status})" for server in servers_of(user).values() if server.active]:
            raise Conflict(
                f"user {name}: servers are active: {', '.join(active)}",
                method="PATCH",
                path=path,
                status=409,
                hint="stop them first",
            )
        if new != new.lower() and not _normalises_new_names((yield from HubVersion())):
            raise InvalidInput(
                f"invalid user name {new!r}: it has capital letters",
                hint="this hub would keep them, and nobody could sign in with that name",
            )
        return (yield from call("PATCH", path, User, body={"name": new}, about=f"user {name}"))

    @operation
    def record_activity(self, name: str, *, at: datetime, servers: Iterable[str] = ()) -> Flow[None]:
        """Record that a user, and these servers of the user, were active at a time, such as now.

        The server "" is the default server. This keeps servers from being culled. A time before the recorded activity
        changes nothing.

        `POST /users/{name}/activity` (all versions), scope `users:activity`. `BadRequest` for a server that does not
        exist, or a time more than 59 minutes ahead.
        """
        if at.tzinfo is None:
            raise InvalidInput(f"{at} has no time zone", hint="use datetime.now(UTC), for example")
        moment = at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        body = {"last_activity": moment, "servers": {server: {"last_activity": moment} for server in list_of(servers)}}
        path = f"{user_path(name)}/activity"
        yield from send("POST", path, body=body, about=f"activity of {name}", repeatable=True)

    @operation
    def delete(self, name: str, *, timeout: float = STOP_TIMEOUT_SECONDS, missing_ok: bool = False) -> Flow[None]:
        """Stop all servers of a user, then delete the user.

        The spawner may delete its data of the user too (on Kubernetes, the volume). `timeout` is in seconds;
        `WaitTimeout` if a server takes longer to stop. The user is then kept.

        `DELETE /users/{name}` (all versions), scopes `delete:users`, `read:users`, `read:servers`, `delete:servers`.
        `NotFound` if the user does not exist, unless `missing_ok`.
        """
        return accept_missing(_stop_and_delete(name, timeout), missing_ok)


def _stop_and_delete(name: str, timeout: float) -> Flow[None]:
    deadline = (yield from Now()) + timeout
    user = yield from UserOps.get(name)
    yield from stop_servers(user, deadline, timeout)
    yield from delete_stopped(name, deadline)


def servers_to_stop(user: User) -> list[Server]:
    """Return the servers that the hub does not stop by itself when the user is deleted.

    The hub stops only the default server, and neither while it starts nor if that takes long; otherwise it answers 500
    or 400 (JupyterHub 4.1 to 6.1).
    """
    return [server for server in servers_of(user).values() if server.name or server.active]


def stop_servers(user: User, deadline: float, seconds: float) -> Flow[None]:
    """Stop all servers of a user at the same time. `seconds` is the length of the wait, for a `WaitTimeout`."""
    stopping: list[str] = []
    pending: list[str] = []
    for server in servers_to_stop(user):
        try:
            if (yield from request_stop(user.name, server.name, None, deadline, None)) == 202:
                stopping.append(server.name)
        except ServerPending:
            pending.append(server.name)
        except NotFound:
            continue  # deleted since the listing
    for name in stopping:
        yield from wait_until("stopped", is_stopped, user.name, name, deadline, seconds)
    for name in pending:
        yield from ServerOps.stop(user.name, name, timeout=deadline - (yield from Now()))


def delete_stopped(name: str, deadline: float) -> Flow[None]:
    """Delete a user whose servers are stopped."""
    while True:
        try:
            return (yield from send("DELETE", user_path(name), about=f"user {name}"))
        except ServerPending:  # somebody else has started the default server, and stopped it
            if (yield from Now()) > deadline:
                raise
            yield Sleep(POLL_SECONDS)
        except HubBroken:
            # The hub answers 500 if somebody has started a server since (JupyterHub 4.1 to 6.1).
            user, left = (yield from UserOps.get(name)), deadline - (yield from Now())
            if left <= 0 or not any(server.active for server in servers_of(user).values()):
                raise
            yield from stop_servers(user, deadline, left)


def existing_user(name: str, *, admin: bool = False) -> Flow[User]:
    """Return an existing user; `Conflict` if they are not an administrator as requested."""
    try:
        user = yield from UserOps.get(name.lower())
    except NotFound:
        if name == name.lower():
            raise
        user = yield from UserOps.get(name)  # an authenticator may keep capital letters
    return check_admin(name, user, admin)


def check_admin(name: str, user: User, admin: bool) -> User:
    """Return the user; `Conflict` as for `existing_user`."""
    if admin and not user.admin:
        unknown = "exists; the token needs the scope read:users:name to check that they are an administrator"
        raise user_conflict(name, unknown if user.admin is None else "exists, and is not an administrator")
    return user


def user_conflict(name: str, why: str) -> Conflict:
    """Return the error for a user that cannot be created."""
    return Conflict(f"user {name}: {why}", method="POST", path="/users", status=409)


def _normalises_new_names(version: tuple[int, ...]) -> bool:
    # JupyterHub normalises them since 5.5.3 and, on the other branch, since 6.1.0.
    return version >= (6, 1) or (5, 5, 3) <= version < (6,)


def _sort(users: list[User], sort: Sort) -> list[User]:
    backwards = sort.startswith("-")
    match sort.removeprefix("-"):
        case "name":
            return sorted(users, key=lambda user: user.name, reverse=backwards)
        case "last_activity":
            never = datetime.min.replace(tzinfo=UTC)
            return sorted(users, key=lambda user: as_utc(user.last_activity or never), reverse=backwards)
        case _:  # the hub lists users by id
            return users[::-1] if backwards else users
