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
    BadRequest,
    Conflict,
    HubBroken,
    HubError,
    InvalidInput,
    NotAuthorized,
    NotFound,
    ServerPending,
)
from jhub.interpreter import retry_until
from jhub.models import Progress, Server, User, target
from jhub.operations.paging import pages
from jhub.operations.profiles import check_options
from jhub.operations.requests import accept_missing, body_of, since
from jhub.operations.server_filter import Running, prepare_filter
from jhub.operations.server_names import (
    NAME_HINT,
    check_display_name_text,
    is_valid_server_name,
    server_label,
    server_path,
)
from jhub.operations.server_pending import UNSTARTABLE_STATES, Goal, still_pending
from jhub.operations.server_start import (
    check_display_name,
    check_new_name,
    start_and_wait,
    start_options,
    wait_until_ready,
)
from jhub.operations.server_status import (
    INCLUDE_STOPPED,
    POLL_SECONDS,
    START_TIMEOUT_SECONDS,
    listen,
    not_started,
    read_owner,
    read_server,
    read_server_if_exists,
    servers_of,
    wait_until,
)
from jhub.steps import Emit, Flow, HubVersion, Now, Request, Sleep, call, decode_status

STOP_TIMEOUT_SECONDS = 120.0
"""Default time limit of a stop, in seconds."""
MAX_CANCELS = 5
"""Maximum number of requests that cancel a start, if the hub fails to finish them."""
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
        return server_filter.select(servers_of(owner)) if server_filter.may_match(owner) else ()

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
        max_age: float | timedelta | None = None,
        admin: bool | None = None,
    ) -> Flow[None]:
        """List the servers of a user or of all users that match all given criteria.

        Parameters
        ----------
        user
            The owner. None: all users. An empty name, as from an unset variable, is an error.
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
            that was never used counts from its start. A server with a pending action is not idle, unless `state`
            names the action: it may be starting. The clock is the hub's, read once at the beginning. Not with
            `stopped`.
        state
            "ready", or the pending action: "spawn", "stop", "check" or "rename". Not with `stopped`.
        max_age
            Only servers that started at least this long ago: seconds, or a timedelta. Not with `stopped`.
        admin
            Only servers of administrators (True) or of other users (False). `MissingScope` if the token cannot see who
            is an administrator.

        `GET /users/{user}` or `GET /users` (all versions), scopes `read:servers` and, for all users, `list:users`. With
        `group` one `GET /groups/{group}` before it, scope `read:groups`, and `NotFound` if the group does not exist;
        with `idle` or `max_age` one `GET /`.
        """
        criteria = Running(
            user=user, group=group, name=name, profile=profile, idle=idle, state=state, max_age=max_age, admin=admin
        )
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

        `PUT /users/{user}/servers/{name}` (JupyterHub 6.0), scope `start:servers`; with `exist_ok` also `read:servers`.
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

        `PATCH /users/{user}/servers/{name}` (JupyterHub 6.0), scope `start:servers`. `AlreadyRunning` while it runs or
        starts, `ServerPending` while the hub stops or checks it; `NotFound` if it does not exist.
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
        `AlreadyRunning` and `ServerPending` as for `edit`, `Conflict` if the new name is taken; `NotFound` if it does
        not exist.
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

        While the hub stops or checks the server, the start waits for the end of that.

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
        StartCancelled
            Somebody stopped the server while it was starting.
        WaitTimeout
            The server was not ready within `timeout`. The message names the state: still starting, or still stopping.
        ServerPending
            Without `wait`: the hub is still stopping the server, for example, and rejects the start.
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

        `timeout` is in seconds. `SpawnFailed`, `StartCancelled` and `WaitTimeout` as for `start`; `NotFound` if the
        server is not created, `NotStarted` if it is stopped.

        `GET /users/{user}/servers/{name}` (JupyterHub 6.0; before, read from its user) and, while it starts,
        `GET /users/{user}/servers/{name}/progress` (all versions), scope `read:servers`.
        """
        return (yield from wait_until_ready(user, name, timeout, begun=False))

    @stream(Progress)
    def progress(self, user: str, name: str = "", *, timeout: float = START_TIMEOUT_SECONDS) -> Flow[None]:
        """List the hub's progress events while a server starts.

        The last event is `ready` or `failed`. `timeout` is in seconds. A start that somebody cancels ends with `ready`
        too (JupyterHub 5.1 to 6.1): `start` and `wait` look again after that.

        `GET /users/{user}/servers/{name}/progress` (all versions), scope `read:servers`. `NotFound` if the server is
        not created, `NotStarted` if nobody starts it, `ServerPending` while the hub stops or checks it.
        """
        try:
            yield from listen(user, name, timeout)
        except (NotFound, BadRequest) as error:
            server = yield from read_server_if_exists(user, name)
            if server is not None and server.pending in UNSTARTABLE_STATES:
                raise still_pending(user, name, server, "GET") from None
            raise ((yield from not_started(user, name)) or error) from None

    @operation
    def stop(
        self, user: str, name: str = "", *, wait: bool = True, timeout: float = STOP_TIMEOUT_SECONDS
    ) -> Flow[None]:
        """Stop a server and wait until it has stopped; a stopped server is left unchanged.

        A default server that never ran counts as stopped. `NotFound` if the user or the named server does not exist.

        `timeout` is in seconds; `WaitTimeout` if the server takes longer, also if the hub first has to finish what it
        does with the server, such as a check after a restart. Without `wait`, that is `ServerPending`.

        `DELETE /users/{user}/servers/{name}` (all versions), scopes `delete:servers` and, to wait, `read:servers`.
        If the server is still starting, JupyterHub 5.1 and later cancel the start; for older hubs, `stop` waits until
        the start has ended.
        """
        deadline = (yield from Now()) + timeout
        status = yield from request_stop(user, name, None, deadline, timeout if wait else None)
        # 202 means only that it takes longer than `slow_stop_timeout`, and a stop has no progress stream: poll.
        if wait and status == 202:
            yield from wait_until("stopped", is_stopped, user, name, deadline, timeout)

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

        `timeout` is in seconds, for the stop and the start together. A profile, also that of the previous options, is
        checked as for `start`, before the server is stopped.

        `DELETE` and `POST /users/{user}/servers/{name}` (all versions); scopes and errors as for `stop` and `start`.
        Before them, for a profile, one `GET /users/{user}/profiles` (jhub.extension on JupyterHub 5.3).
        """
        deadline = (yield from Now()) + timeout
        server = yield from retry_until(deadline, ServerOps.get(user, name))
        options: dict[str, Any] | None = start_options(profile, user_options)
        keeps_options = profile is None and user_options is None
        # The owner may have left the group of the profile since the last start.
        previous = server.user_options or {} if server.active else {}
        yield from check_options(user, previous if keeps_options else options or {}, server_label(user, name))
        if keeps_options:
            # JupyterHub 6.0 and later use the saved options. The options that the hub shows may be older: after an edit
            # those of the last start (6.1).
            options = None if (yield from HubVersion()) >= (6,) else server.user_options or {}
        yield from ServerOps.stop(user, name, timeout=timeout)
        return (yield from start_and_wait(user, name, options, None, True, deadline - (yield from Now())))

    @operation
    def delete(
        self, user: str, name: str, *, timeout: float = STOP_TIMEOUT_SECONDS, missing_ok: bool = False
    ) -> Flow[None]:
        """Stop a named server and delete it, with the data that the spawner stores for it.

        `timeout` is in seconds; `WaitTimeout` if it takes longer.

        `DELETE /users/{user}/servers/{name}` with `{"remove": true}` (all versions), scope `delete:servers`.
        `NotFound` if the server or the user does not exist, unless `missing_ok`. A default server cannot be deleted:
        stop it.
        """
        return accept_missing(_stop_and_delete(user, name, timeout), missing_ok)


def _stop_and_delete(user: str, name: str, timeout: float) -> Flow[None]:
    check_deletable(user, name)
    deadline = (yield from Now()) + timeout
    status = yield from request_stop(user, name, {"remove": True}, deadline, timeout)
    # Some proxies drop the body of a DELETE, and after a slow stop the hub deletes later: poll.
    try:
        yield from wait_until("deleted", lambda server: server is None, user, name, deadline, timeout)
    except NotAuthorized:
        if status != 204:
            raise


def _patch(user: str, name: str, changes: dict[str, Any], *, repeatable: bool = False) -> Flow[Server]:
    about = server_label(user, name)
    request = call("PATCH", server_path(user, name), Server, body=changes, about=about, repeatable=repeatable)
    try:
        server = yield from since("6.0", request, "changing a server")
    except AlreadyRunning as error:
        running: Server | None = None
        with suppress(HubError):  # the token may not read servers
            running = yield from read_server_if_exists(user, name)
        if running is not None and running.pending in UNSTARTABLE_STATES:
            raise still_pending(user, name, running, "PATCH") from None
        state = "is starting" if running is not None and running.pending else "is running"
        raise AlreadyRunning(
            state, about=about, method="PATCH", path=error.path, status=400, hint="stop it first"
        ) from None
    return structs.replace(server, user=user)


def _rename(user: str, name: str, new: str) -> Flow[Server]:
    server = yield from _patch(user, name, {"name": new})
    if server.display_name == name != new:
        # Without a display name the hub sets it to the name, and keeps it after a rename.
        with suppress(HubError):  # the rename itself has succeeded
            server = yield from _patch(user, new, {"display_name": new}, repeatable=True)
    return server


def is_stopped(server: Server | None) -> bool:
    """Return whether a server is stopped, or does not exist."""
    return server is None or not server.active


def request_stop(user: str, name: str, body: object, deadline: float, wait: float | None) -> Flow[int]:
    """Send the `delete_request`, and again after a pending action that the hub has to finish first.

    Return the status of the answer. `wait` is the number of seconds up to `deadline`, for a `WaitTimeout`; None: raise
    `ServerPending` at once.
    """
    tries = 0
    while True:
        tries += 1
        try:
            return (yield from retry_until(deadline, delete_request(user, name, body)))
        except (ServerPending, HubBroken) as error:
            # JupyterHub 5.1 to 6.1 answer 500 while they check a server after a restart, and sometimes for a start that
            # they cancel.
            try:
                server = yield from read_server_if_exists(user, name, deadline)
            except NotAuthorized:
                raise error from None
            if server is None and isinstance(error, HubBroken):
                yield from read_owner(user)  # JupyterHub 4 answers 500 for a user who does not exist
            if body is None and is_stopped(server):
                return 204
            if body is None and server is not None and server.pending == "stop":
                return 202
            if server is None or (server.pending is None and tries > 1):
                raise
            if isinstance(error, HubBroken) and server.pending == "spawn" and tries < MAX_CANCELS:
                # JupyterHub 5.1 to 6.1 give a cancelled start one second to end, and cannot yet cancel one that they
                # have only begun.
                yield Sleep(POLL_SECONDS)
                continue
            if server.pending is None:
                # The hub may have cancelled a start without stopping the server, which then looks ready for ever.
                yield Sleep(POLL_SECONDS)
                continue
            if wait is None:
                raise still_pending(user, name, server, "DELETE") from error
            goal: Goal = "stopped" if body is None else "deleted"
            yield Sleep(POLL_SECONDS)
            yield from wait_until(goal, _accepts_stop, user, name, deadline, wait)


def _accepts_stop(server: Server | None) -> bool:
    return server is None or server.pending in (None, "stop")


def delete_request(user: str, name: str, body: object = None) -> Request[int]:
    """Return the request that stops a server, or with a body deletes it; a status of 202 means that it takes longer."""
    path = server_path(user, name)
    return Request("DELETE", path, decode_status, body=body, about=server_label(user, name), gone_is_done=True)
