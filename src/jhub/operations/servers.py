"""Operations on servers: the default server of a user, whose name is "", and named servers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from msgspec import structs

from jhub.binding import operation, stream
from jhub.errors import (
    AlreadyRunning,
    Conflict,
    HubError,
    InvalidInput,
    NotAuthorized,
    WaitTimeout,
)
from jhub.interpreter import retry_until
from jhub.models import Progress, Server, User, target
from jhub.operations.paging import pages
from jhub.operations.profiles import check_options
from jhub.operations.requests import body_of, since
from jhub.operations.server_filter import Running, prepare_filter
from jhub.operations.server_names import (
    NAME_HINT,
    check_display_name_text,
    is_valid_server_name,
    server_label,
    server_path,
)
from jhub.operations.server_start import (
    check_display_name,
    check_new_name,
    start_and_wait,
    start_options,
    wait_until_ready,
)
from jhub.operations.server_status import (
    INCLUDE_STOPPED,
    START_TIMEOUT_SECONDS,
    listen,
    read_owner,
    read_server,
    servers_of,
    wait_until,
)
from jhub.steps import Emit, Flow, HubVersion, Now, Request, call, decode_status

STOP_TIMEOUT_SECONDS = 120.0
"""Default time limit of a stop, in seconds."""
ACTIVE_ONLY = (("state", "active"),)
"""Query that selects the users with active servers."""


def list_matching(criteria: Running, *, stopped: bool = False) -> Flow[None]:
    """Emit the servers that match; with `stopped`, stopped servers too."""
    server_filter = yield from prepare_filter(criteria, stopped=stopped)
    if server_filter.empty:
        return
    query = INCLUDE_STOPPED if stopped else ()

    def emit(owner: User) -> Iterable[Server]:
        # Check the owner first: a token that may read the servers of one group gets other users without servers.
        return server_filter.select(servers_of(owner)) if server_filter.may_match(owner.name) else ()

    if criteria.user is not None:
        for server in emit((yield from read_owner(criteria.user, query))):
            yield Emit(server)
        return
    if not stopped:
        query = ACTIVE_ONLY
    yield from pages("/users", User, lambda owner: owner.name, query, about="servers", emit=emit)


def check_deletable(user: str, name: str) -> None:
    """Raise `InvalidInput` for a default server."""
    if not name:
        raise InvalidInput(f"the default server of {user} cannot be deleted", hint="stop it, or delete the user")


class ServerOps:
    """Operations on one server."""

    @operation
    def get(self, user: str, name: str = "") -> Flow[Server]:
        """Return a server, running or not.

        `GET /users/{user}/servers/{name}` (JupyterHub 6.0; before, read from its user), scope `read:servers`.
        `NotFound` if it does not exist; a default server may not exist until its first start.
        """
        return read_server(user, name)

    @stream(Server)
    def list(
        self,
        user: str | None = None,
        *,
        stopped: bool = False,
        group: str | None = None,
        name: str | None = None,
        profile: str | None = None,
        idle: float | timedelta | None = None,
        state: str | None = None,
    ) -> Flow[None]:
        """List the servers of a user or of all users that match all given criteria.

        Parameters
        ----------
        user
            The owner. None: all users. An empty name, such as that of an unset variable, is an error.
        stopped
            Include stopped servers.
        group
            Only servers of members of this group.
        name
            Only servers of this name; "" is the default server.
        profile
            Only servers that were started from this profile.
        idle
            Only servers that have been idle for at least this time: seconds, or a timedelta. The idle time of a server
            that was never used counts from its start. The clock is the hub's, read once at the beginning. Not with
            `stopped`.
        state
            "ready", or the pending action: "spawn", "stop", "check" or "rename". Not with `stopped`.

        `GET /users/{user}` or `GET /users` (all versions), scopes `read:servers` and, for all users, `list:users`. With
        `group` one `GET /groups/{group}` before it, scope `read:groups`, and `NotFound` if the group does not exist;
        with `idle` one `GET /`.
        """
        criteria = Running(user=user, group=group, name=name, profile=profile, idle=idle, state=state)
        return list_matching(criteria, stopped=stopped)

    @operation
    def create(
        self,
        user: str,
        name: str,
        *,
        display_name: str | None = None,
        profile: str | None = None,
        user_options: Mapping[str, Any] | None = None,
        exist_ok: bool = False,
    ) -> Flow[Server]:
        """Create a named server without starting it.

        `restart` uses the options given here; `start` uses its own.

        `PUT /users/{user}/servers/{name}` (JupyterHub 6.0), scope `start:servers`, with `exist_ok` `read:servers` too.
        `Conflict` if it exists; with `exist_ok` the existing server is returned unchanged.
        """
        if not name:
            raise InvalidInput(f"{user} already has a default server", hint="pass the name of the server to create")
        if not is_valid_server_name(name):
            raise InvalidInput(f"invalid server name {name!r}", hint=NAME_HINT)
        check_display_name_text(display_name)
        body = body_of(display_name=display_name, user_options=start_options(profile, user_options) or None)
        # Not repeatable: a retry would find the server that the first attempt has created.
        request = call(
            "PUT", server_path(user, name), Server, body=body, about=server_label(user, name), repeatable=False
        )
        try:
            created = yield from since("6.0", request, "creating a server without starting it")
        except Conflict:
            if not exist_ok:
                raise
            return (yield from ServerOps.get(user, name))
        return structs.replace(created, user=user)

    @operation
    def edit(
        self,
        user: str,
        name: str = "",
        *,
        display_name: str | None = None,
        profile: str | None = None,
        user_options: Mapping[str, Any] | None = None,
    ) -> Flow[Server]:
        """Change a stopped server's display name, or replace its saved options.

        Parameters that are not given stay unchanged. A `restart`, and a start on the hub's page, use the saved options.
        Until then the hub may still show the options of the last start (6.1).

        `PATCH /users/{user}/servers/{name}` (JupyterHub 6.0), scope `start:servers`. `AlreadyRunning` while it runs;
        `NotFound` if it does not exist.
        """
        check_display_name_text(display_name)
        options = None if profile is None and user_options is None else start_options(profile, user_options)
        changes = body_of(display_name=display_name, user_options=options)
        if not changes:
            raise InvalidInput(f"server {target(user, name)}: nothing to change")
        return _patch(user, name, changes, repeatable=True)

    @operation
    def rename(self, user: str, name: str, new: str) -> Flow[Server]:
        """Rename a stopped named server.

        The spawner does not move the server's files: a spawner that derives their location from the name may not find
        them again.

        `PATCH /users/{user}/servers/{name}` (JupyterHub 6.0), scopes `start:servers` and `read:servers`.
        `AlreadyRunning` while it runs, `Conflict` if the new name is taken; `NotFound` if it does not exist.
        """
        if not name or not new:
            raise InvalidInput(
                "cannot rename from or to the default server", hint="pass a named server, and its new name"
            )
        if not is_valid_server_name(new):
            raise InvalidInput(f"invalid server name {new!r}", hint=NAME_HINT)
        return _rename(user, name, new)

    @operation
    def start(
        self,
        user: str,
        name: str = "",
        *,
        profile: str | None = None,
        user_options: Mapping[str, Any] | None = None,
        display_name: str | None = None,
        wait: bool = True,
        timeout: float = START_TIMEOUT_SECONDS,
    ) -> Flow[Server]:
        """Start a server and wait until it is ready.

        The options are always sent, as `{"profile": profile, **user_options}`: without options the server starts with
        none, never with those of the last start (`restart` reuses them). A server that already runs with these options
        is returned; if it runs with others, `Conflict` is raised.

        If you pass a profile and the hub lists its profiles, the options are checked against that list first, and
        options that the hub would refuse are not sent.

        Parameters
        ----------
        display_name
            The name that users see instead of a named server's name (JupyterHub 6.0).
        wait
            False: return as soon as the hub has accepted the start.
        timeout
            Seconds to wait, including the pauses of a hub that throttles starts (429).

        Raises
        ------
        SpawnFailed
            The server did not start; the error has the hub's own reason.
        WaitTimeout
            The server was not ready within `timeout`; the hub is still starting it.
        NotFound
            The user does not exist, or the profile is not available to them.
        BadRequest, NotAuthorized
            The hub refused the start, or would refuse it.

        `POST /users/{user}/servers/{name}` (all versions), scopes `start:servers` (`servers` before 6.0) and
        `read:servers`. Before it, for a named profile, one `GET /users/{user}/profiles` (jhub.extension on JupyterHub
        5.3) with the scope `start:servers` (or `servers`).
        """
        yield from check_new_name(user, name)
        yield from check_display_name(name, display_name)
        options = start_options(profile, user_options)
        yield from check_options(user, options, server_label(user, name))
        return (yield from start_and_wait(user, name, options, display_name, wait, timeout))

    @operation
    def wait(self, user: str, name: str = "", *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[Server]:
        """Wait until a started server is ready, and return it.

        `timeout` is in seconds. `SpawnFailed` and `WaitTimeout` as for `start`; `NotFound` if the server does not
        exist.

        `GET /users/{user}/servers/{name}/progress` (all versions), scope `read:servers`.
        """
        deadline = (yield from Now()) + timeout
        yield from retry_until(deadline, ServerOps.get(user, name))
        return (yield from wait_until_ready(user, name, deadline - (yield from Now())))

    @stream(Progress)
    def progress(self, user: str, name: str = "", *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[None]:
        """List the hub's progress events while a server starts.

        The last event is `ready` or `failed`. `timeout` is in seconds.

        `GET /users/{user}/servers/{name}/progress` (all versions), scope `read:servers`. `NotFound` or `BadRequest`
        if the server was not started.
        """
        yield from listen(user, name, timeout)

    @operation
    def stop(
        self, user: str, name: str = "", *, wait: bool = True, timeout: float = STOP_TIMEOUT_SECONDS
    ) -> Flow[None]:
        """Stop a server and wait until it has stopped; a stopped server is left unchanged.

        `timeout` is in seconds; `WaitTimeout` if the server takes longer.

        `DELETE /users/{user}/servers/{name}` (all versions), scopes `delete:servers` and, to wait, `read:servers`.
        If the server is still starting, JupyterHub 5.1 and later cancel the start; older hubs answer `BadRequest`.
        """
        deadline = (yield from Now()) + timeout
        status = yield from retry_until(deadline, delete_request(user, name))
        # 202 means only that it takes longer than `slow_stop_timeout`, and a stop has no progress stream: poll.
        if wait and status == 202:
            yield from wait_until(lambda server: server is None or not server.active, user, name, deadline)

    @operation
    def restart(
        self,
        user: str,
        name: str = "",
        *,
        profile: str | None = None,
        user_options: Mapping[str, Any] | None = None,
        timeout: float = START_TIMEOUT_SECONDS,
    ) -> Flow[Server]:
        """Stop a server and start it again, with its previous options unless you pass others.

        `timeout` is in seconds, for the stop and the start together. A given profile is checked as for `start`, before
        the server is stopped.

        `DELETE` and `POST /users/{user}/servers/{name}` (all versions); scopes and errors as for `stop` and `start`.
        Before them, for a given profile, one `GET /users/{user}/profiles` (jhub.extension on JupyterHub 5.3).
        """
        deadline = (yield from Now()) + timeout
        server = yield from retry_until(deadline, ServerOps.get(user, name))
        requested = start_options(profile, user_options)
        yield from check_options(user, requested, server_label(user, name))
        options: dict[str, Any] | None = requested
        if profile is None and user_options is None:
            # JupyterHub 6.0 and later use the saved options. The options that the hub shows may be older: after an edit
            # those of the last start (6.1).
            options = None if (yield from HubVersion()) >= (6,) else server.user_options or {}
        yield from ServerOps.stop(user, name, timeout=timeout)
        return (yield from start_and_wait(user, name, options, None, True, deadline - (yield from Now())))

    @operation
    def delete(self, user: str, name: str, *, timeout: float = STOP_TIMEOUT_SECONDS) -> Flow[None]:
        """Stop a named server and delete it, with the data that the spawner stores for it.

        `timeout` is in seconds; `WaitTimeout` if it takes longer.

        `DELETE /users/{user}/servers/{name}` with `{"remove": true}` (all versions), scope `delete:servers`.
        `NotFound` if it does not exist. A default server cannot be deleted: stop it.
        """
        check_deletable(user, name)
        deadline = (yield from Now()) + timeout
        status = yield from retry_until(deadline, delete_request(user, name, body={"remove": True}))
        # Some proxies drop the body of a DELETE, and after a slow stop the hub deletes later: poll.
        try:
            yield from wait_until(lambda server: server is None, user, name, deadline)
        except NotAuthorized:
            if status != 204:
                raise
        except WaitTimeout as error:
            error.hint = (
                "check again later; if it stays, a proxy in front of the hub may drop the body of DELETE requests"
            )
            raise


def _patch(user: str, name: str, changes: dict[str, Any], *, repeatable: bool = False) -> Flow[Server]:
    about = server_label(user, name)
    request = call("PATCH", server_path(user, name), Server, body=changes, about=about, repeatable=repeatable)
    try:
        server = yield from since("6.0", request, "changing a server")
    except AlreadyRunning as error:
        raise AlreadyRunning(
            "is running", about=about, method="PATCH", path=error.path, status=400, hint="stop it first"
        ) from None
    return structs.replace(server, user=user)


def _rename(user: str, name: str, new: str) -> Flow[Server]:
    server = yield from _patch(user, name, {"name": new})
    if server.display_name == name != new:
        # Without a display name the hub sets it to the name, and keeps it after a rename.
        with suppress(HubError):  # the rename itself has succeeded
            server = yield from _patch(user, new, {"display_name": new}, repeatable=True)
    return server


def delete_request(user: str, name: str, body: object = None) -> Request[int]:
    """Return the request that stops a server, or with a body deletes it; a status of 202 means that it takes longer."""
    path = server_path(user, name)
    return Request("DELETE", path, decode_status, body=body, about=server_label(user, name), gone_is_done=True)
