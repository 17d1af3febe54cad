"""Servers, default (`name == ""`) and named: get, list, create, edit, rename, start, wait, stop, restart, delete."""

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
from jhub.operations.server_filter import Running, prepared
from jhub.operations.server_names import RULE, check_display_name_text, is_safe, server_label, server_path
from jhub.operations.server_start import check_display_name, known_or_safe, options_of, start_and_wait, wait_until_ready
from jhub.operations.server_status import (
    START_TIMEOUT,
    STOPPED_TOO,
    listen,
    owner_of,
    read_server,
    servers_of,
    wait_until,
)
from jhub.steps import Emit, Flow, HubVersion, Now, Request, call, decode_status

STOP_TIMEOUT = 120.0


ACTIVE = (("state", "active"),)


def matching(which: Running, *, stopped: bool = False) -> Flow[None]:
    """Emit the servers that match; with `stopped`, those that do not run too."""
    wanted = yield from prepared(which, stopped=stopped)
    if wanted.nobody:
        return
    query = STOPPED_TOO if stopped else ()

    def emit(owner: User) -> Iterable[Server]:
        # A token that reads the servers of a group alone does not see those of others, and need not.
        return wanted.of(servers_of(owner)) if wanted.owner(owner.name) else ()

    if which.user is not None:
        for server in emit((yield from owner_of(which.user, query))):
            yield Emit(server)
        return
    if not stopped:
        query = ACTIVE
    yield from pages("/users", User, lambda owner: owner.name, query, about="servers", emit=emit)


def check_deletable(user: str, name: str) -> None:
    """`InvalidInput` for a default server."""
    if not name:
        raise InvalidInput(f"the default server of {user} cannot be deleted", hint="stop it, or delete the user")


class ServerOps:
    """One server at a time."""

    @operation
    def get(self, user: str, name: str = "") -> Flow[Server]:
        """One server, running or not.

        `GET /users/{user}/servers/{name}` (JupyterHub 6.0; before, read out of its user), scope `read:servers`.
        `NotFound` where there is none; a default server may be missing until its first start.
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
        """The servers of one user, or of all; of them those that match everything that is given.

        Parameters
        ----------
        user
            The owner. None: everybody. An empty name, as of a variable that is not set, is an error.
        stopped
            Those that do not run too.
        group
            Only those of members of this group.
        name
            Only those of this name; "" is the default one.
        profile
            Only those that were started from this profile.
        idle
            Only those that nobody has used for so long: seconds, or a timedelta. One that was never used counts from
            its start. The time is that of the hub, at the beginning. Not with `stopped`.
        state
            "ready", or what is under way: "spawn", "stop", "check" or "rename". Not with `stopped`.

        `GET /users/{user}` or `GET /users` (all versions), scopes `read:servers` and, for all, `list:users`. With
        `group` one `GET /groups/{group}` before it, scope `read:groups`, and `NotFound` where there is none; with
        `idle` one `GET /`.
        """
        which = Running(user=user, group=group, name=name, profile=profile, idle=idle, state=state)
        return matching(which, stopped=stopped)

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
        """Create a named server without starting it. `start` uses the options given there, `restart` these.

        `PUT /users/{user}/servers/{name}` (JupyterHub 6.0), scope `start:servers`, with `exist_ok` `read:servers` too.
        `Conflict` where it exists; with `exist_ok` it is left as it is.
        """
        if not name:
            raise InvalidInput(f"{user} has a default server already", hint="name the server to create")
        if not is_safe(name):
            raise InvalidInput(f"{name!r} cannot name a server", hint=RULE)
        check_display_name_text(display_name)
        body = body_of(display_name=display_name, user_options=options_of(profile, user_options) or None)
        # A second try would find what the first has created.
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
        """Change a stopped server's display name, or replace the options that it keeps; what is not given stays.

        The options are those of a `restart`, and of a start on the hub's page. Until then the hub may go on showing
        the ones of the last start (6.1).

        `PATCH /users/{user}/servers/{name}` (JupyterHub 6.0), scope `start:servers`. `AlreadyRunning` while it runs;
        `NotFound` where there is none.
        """
        check_display_name_text(display_name)
        options = None if profile is None and user_options is None else options_of(profile, user_options)
        wanted = body_of(display_name=display_name, user_options=options)
        if not wanted:
            raise InvalidInput(f"server {target(user, name)}: nothing to change")
        return _patch(user, name, wanted, repeatable=True)

    @operation
    def rename(self, user: str, name: str, new: str) -> Flow[Server]:
        """Give a stopped named server another name. Its files stay where its spawner keeps them: one that derives
        their place from the name may not find them again.

        `PATCH /users/{user}/servers/{name}` (JupyterHub 6.0), scopes `start:servers` and `read:servers`.
        `AlreadyRunning` while it runs, `Conflict` where the new name is taken; `NotFound` where there is none.
        """
        if not name or not new:
            raise InvalidInput("the default server has no name", hint="name a server of theirs, and its new name")
        if not is_safe(new):
            raise InvalidInput(f"{new!r} cannot name a server", hint=RULE)
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
        timeout: float = START_TIMEOUT,
    ) -> Flow[Server]:
        """Start a server and wait until it is ready.

        The options are always sent, as `{"profile": profile, **user_options}`: without any the server starts with
        none, never with those of last time (`restart` does that). A server that already runs with these options is
        the answer; with others it is a `Conflict`.

        Where a profile is named and the hub lists its profiles, the options are held against that list first: what
        the hub would refuse is not sent.

        Parameters
        ----------
        display_name
            What people see in place of a named server's name (JupyterHub 6.0).
        wait
            False: come back as soon as the hub has accepted the start.
        timeout
            Seconds to wait, the pauses of a hub that asks to slow down (429) included.

        Raises
        ------
        SpawnFailed
            It did not come up; with the hub's own reason.
        WaitTimeout
            It was not ready within `timeout`; the hub goes on starting it.
        NotFound
            There is no such user, or no such profile for them.
        BadRequest, NotAuthorized
            The hub refused, or would.

        `POST /users/{user}/servers/{name}` (all versions), scopes `start:servers` (`servers` before 6.0) and
        `read:servers`. Before it, for a named profile, one `GET /users/{user}/profiles` (jhub.extension on JupyterHub
        5.3) with the first of them.
        """
        yield from known_or_safe(user, name)
        yield from check_display_name(name, display_name)
        options = options_of(profile, user_options)
        yield from check_options(user, options, server_label(user, name))
        return (yield from start_and_wait(user, name, options, display_name, wait, timeout))

    @operation
    def wait(self, user: str, name: str = "", *, timeout: float = START_TIMEOUT) -> Flow[Server]:
        """Wait until a server that was started is ready. `SpawnFailed`, `WaitTimeout` as for `start`; `NotFound`
        where there is no such server. `timeout` is in seconds.

        `GET /users/{user}/servers/{name}/progress` (all versions), scope `read:servers`.
        """
        deadline = (yield from Now()) + timeout
        yield from retry_until(deadline, ServerOps.get(user, name))
        return (yield from wait_until_ready(user, name, deadline - (yield from Now())))

    @stream(Progress)
    def progress(self, user: str, name: str = "", *, timeout: float = START_TIMEOUT) -> Flow[None]:
        """What the hub reports while a server starts; the last event is `ready` or `failed`. `timeout` is in seconds.

        `GET /users/{user}/servers/{name}/progress` (all versions), scope `read:servers`. `NotFound` or `BadRequest`
        where nothing was started.
        """
        yield from listen(user, name, timeout)

    @operation
    def stop(self, user: str, name: str = "", *, wait: bool = True, timeout: float = STOP_TIMEOUT) -> Flow[None]:
        """Stop a server and wait until it is gone; one that does not run is left as it is.

        `timeout` is in seconds; `WaitTimeout` when they are over.

        `DELETE /users/{user}/servers/{name}` (all versions), scopes `delete:servers` and, to wait, `read:servers`.
        While a server is still starting this cancels the start from JupyterHub 5.1 on; older hubs answer `BadRequest`.
        """
        deadline = (yield from Now()) + timeout
        status = yield from retry_until(deadline, delete_request(user, name))
        # 202 says only that it takes longer than `slow_stop_timeout`, and there is no stream for stopping.
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
        timeout: float = START_TIMEOUT,
    ) -> Flow[Server]:
        """Stop a server and start it again, with the options that it had unless others are given. `timeout` is in
        seconds, for both together. A profile that is named is checked as for `start`, before anything is stopped.

        `DELETE` and `POST /users/{user}/servers/{name}` (all versions); scopes and errors as for `stop` and `start`.
        Before them, for a named profile, one `GET /users/{user}/profiles` (jhub.extension on JupyterHub 5.3).
        """
        deadline = (yield from Now()) + timeout
        server = yield from retry_until(deadline, ServerOps.get(user, name))
        given = options_of(profile, user_options)
        yield from check_options(user, given, server_label(user, name))
        options: dict[str, Any] | None = given
        if profile is None and user_options is None:
            # From 6.0 on the hub takes those that it has saved. What it shows may be older: after an edit, the options
            # of the last start (6.1).
            options = None if (yield from HubVersion()) >= (6,) else server.user_options or {}
        yield from ServerOps.stop(user, name, timeout=timeout)
        return (yield from start_and_wait(user, name, options, None, True, deadline - (yield from Now())))

    @operation
    def delete(self, user: str, name: str, *, timeout: float = STOP_TIMEOUT) -> Flow[None]:
        """Stop a named server and delete it, with what the spawner keeps for it. `timeout` is in seconds;
        `WaitTimeout` when they are over.

        `DELETE /users/{user}/servers/{name}` with `{"remove": true}` (all versions), scope `delete:servers`.
        `NotFound` where there is none. A default server cannot be deleted: stop it.
        """
        check_deletable(user, name)
        deadline = (yield from Now()) + timeout
        status = yield from retry_until(deadline, delete_request(user, name, body={"remove": True}))
        # Some proxies drop the body of a DELETE, and a slow stop removes later: look.
        try:
            yield from wait_until(lambda server: server is None, user, name, deadline)
        except NotAuthorized:
            if status != 204:
                raise
        except WaitTimeout as error:
            error.hint = "ask again later; if it stays, a proxy before the hub may drop the body of DELETE requests"
            raise


def _patch(user: str, name: str, wanted: dict[str, Any], *, repeatable: bool = False) -> Flow[Server]:
    about = server_label(user, name)
    request = call("PATCH", server_path(user, name), Server, body=wanted, about=about, repeatable=repeatable)
    try:
        server = yield from since("6.0", request, "changing a server")
    except AlreadyRunning as error:
        raise AlreadyRunning(
            "runs", about=about, method="PATCH", path=error.path, status=400, hint="stop it first"
        ) from None
    return structs.replace(server, user=user)


def _rename(user: str, name: str, new: str) -> Flow[Server]:
    server = yield from _patch(user, name, {"name": new})
    if server.display_name == name != new:
        # The hub's own choice, where nobody made one; it stays, and would go on showing the old name.
        with suppress(HubError):  # it has its name, and that is what was asked for
            server = yield from _patch(user, new, {"display_name": new}, repeatable=True)
    return server


def delete_request(user: str, name: str, body: object = None) -> Request[int]:
    """Stop a server, or with a body delete it; the status says whether that takes longer."""
    path = server_path(user, name)
    return Request("DELETE", path, decode_status, body=body, about=server_label(user, name), gone_is_done=True)
