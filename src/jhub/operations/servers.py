"""Servers, default (`name == ""`) and named: get, list, create, edit, rename, start, wait, stop, restart, delete."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from msgspec import ValidationError, json, structs

from jhub.binding import operation, stream
from jhub.errors import (
    AlreadyRunning,
    BadRequest,
    Conflict,
    HubBroke,
    HubError,
    InvalidInput,
    MissingScope,
    NotAuthorized,
    NotFound,
    SpawnFailed,
    StillPending,
    Throttled,
    Unavailable,
)
from jhub.models import Progress, Server, User, target
from jhub.operations.paging import pages
from jhub.operations.profiles import check_options
from jhub.operations.requests import body_of, need, since, user_path
from jhub.operations.server_filter import Running, prepared
from jhub.steps import Emit, Flow, HubVersion, Listen, Now, Request, Sleep, before, call, segment, status_of

START_TIMEOUT = 600.0
STOP_TIMEOUT = 120.0
POLL = 1.0
"""Seconds between two looks at a server where the hub has no stream to follow."""

UNEXPLAINED = "it is not running, and the hub does not say why"

ACTIVE = (("state", "active"),)
STOPPED_TOO = (("include_stopped_servers", "1"),)
NAME_RULE = re.compile(r"[a-z](-?[a-z0-9])*")
RULE = "1 to 30 lower-case letters, digits and single dashes, first a letter, last no dash"


def server_path(user: str, name: str) -> str:
    """`/users/USER/server` or `/users/USER/servers/NAME`, quoted."""
    owner = user_path(user)
    return f"{owner}/servers/{segment(name, 'server')}" if name else f"{owner}/server"


def is_safe(name: str) -> bool:
    """Whether a server's name keeps to the rule of JupyterHub 6.0. Older hubs took any; they will be upgraded one
    day.
    """
    return not name or (len(name) <= 30 and NAME_RULE.fullmatch(name) is not None)


def known_or_safe(user: str, name: str) -> Flow[None]:
    """Hold a new server's name to the rule of 6.0 on every version. One from before, which exists, is left alone."""
    if not is_safe(name):
        try:
            yield from ServerOps.get(user, name)
        except NotFound:
            raise InvalidInput(
                f"{name!r} cannot name a server",
                hint=RULE,
            ) from None


def check_display_name(name: str, display_name: str | None) -> Flow[None]:
    """Whether a start can give a server this display name."""
    if display_name is None:
        return
    if not name:
        # A start would erase the one it has (6.1).
        raise InvalidInput("a default server gets a display name by edit, while it is stopped")
    _not_empty(display_name)
    # An older hub would take it for an option.
    yield from need("6.0", "a display name")


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
        path, about = server_path(user, name), f"server {target(user, name)}"
        if (yield from HubVersion()) >= (6,):
            server = yield from call("GET", path, Server, about=about)
            return structs.replace(server, user=user)
        owner = yield from owner_of(user, STOPPED_TOO)
        found = servers_of(owner)
        if name not in found:
            raise NotFound(f"{about}: not found, or not visible to this token", method="GET", path=path, status=404)
        return found[name]

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
        _not_empty(display_name)
        body = body_of(display_name=display_name, user_options=options_of(profile, user_options) or None)
        # A second try would find what the first has created.
        request = call("PUT", server_path(user, name), Server, body=body, about=_about(user, name), repeatable=False)
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
        _not_empty(display_name)
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
        StillPending
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
        yield from check_options(user, options, _about(user, name))
        return (yield from _start(user, name, options, display_name, wait, timeout))

    @operation
    def wait(self, user: str, name: str = "", *, timeout: float = START_TIMEOUT) -> Flow[Server]:
        """Wait until a server that was started is ready. `SpawnFailed`, `StillPending` as for `start`; `NotFound`
        where there is no such server. `timeout` is in seconds.

        `GET /users/{user}/servers/{name}/progress` (all versions), scope `read:servers`.
        """
        deadline = (yield from Now()) + timeout
        yield from before(deadline, ServerOps.get(user, name))
        return (yield from _until_ready(user, name, deadline - (yield from Now())))

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

        `timeout` is in seconds; `StillPending` when they are over.

        `DELETE /users/{user}/servers/{name}` (all versions), scopes `delete:servers` and, to wait, `read:servers`.
        While a server is still starting this cancels the start from JupyterHub 5.1 on; older hubs answer `BadRequest`.
        """
        deadline = (yield from Now()) + timeout
        status = yield from before(deadline, delete_request(user, name))
        # 202 says only that it takes longer than `slow_stop_timeout`, and there is no stream for stopping.
        if wait and status == 202:
            yield from _until(lambda server: server is None or not server.active, user, name, deadline)

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
        server = yield from before(deadline, ServerOps.get(user, name))
        given = options_of(profile, user_options)
        yield from check_options(user, given, _about(user, name))
        options: dict[str, Any] | None = given
        if profile is None and user_options is None:
            # From 6.0 on the hub takes those that it has saved. What it shows may be older: after an edit, the options
            # of the last start (6.1).
            options = None if (yield from HubVersion()) >= (6,) else server.user_options or {}
        yield from ServerOps.stop(user, name, timeout=timeout)
        return (yield from _start(user, name, options, None, True, deadline - (yield from Now())))

    @operation
    def delete(self, user: str, name: str, *, timeout: float = STOP_TIMEOUT) -> Flow[None]:
        """Stop a named server and delete it, with what the spawner keeps for it. `timeout` is in seconds;
        `StillPending` when they are over.

        `DELETE /users/{user}/servers/{name}` with `{"remove": true}` (all versions), scope `delete:servers`.
        `NotFound` where there is none. A default server cannot be deleted: stop it.
        """
        check_deletable(user, name)
        deadline = (yield from Now()) + timeout
        status = yield from before(deadline, delete_request(user, name, body={"remove": True}))
        # Some proxies drop the body of a DELETE, and a slow stop removes later: look.
        try:
            yield from _until(lambda server: server is None, user, name, deadline)
        except NotAuthorized:
            if status != 204:
                raise
        except StillPending as error:
            error.hint = "ask again later; if it stays, a proxy before the hub may drop the body of DELETE requests"
            raise


def options_of(profile: str | None, user_options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The user options that a start sends."""
    return {**({} if profile is None else {"profile": profile}), **(user_options or {})}


def post_start(user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None = None) -> Flow[bool]:
    """Ask for a start; True if the server runs, False if it is on its way.

    Options of None are those that the hub has saved (JupyterHub 6.0). `HubBroke` and `Unavailable` say nothing about
    whether the server starts: after a 500 for a process that died at once, 5.3 and later go on holding it as pending
    until `http_timeout`; and an answer may be lost on its way.
    """
    # 6.0 wants the options below a key of their own; on 5 that key would itself become an option. An empty body
    # resets the saved options on 5 and reuses them on 6, so they are always sent.
    new_form = (yield from HubVersion()) >= (6,)
    body = body_of(user_options=options, display_name=display_name) if new_form else options
    try:
        status = yield from Request("POST", server_path(user, name), status_of, body=body, about=_about(user, name))
    except AlreadyRunning:
        has_all_of((yield from ServerOps.get(user, name)), options, display_name)
        return True
    return status == 201


def has_all_of(server: Server, options: Mapping[str, Any] | None, display_name: str | None = None) -> None:
    """`Conflict` where a server runs with other options than these.

    It may have more of them: jhub.extension fills in the profile and the choices that a start leaves open.
    """
    if not (options or {}).items() <= (server.user_options or {}).items():
        raise _runs_otherwise(server)
    if display_name not in (None, server.display_name):
        raise Conflict(f"server {server.target}: already runs, as {server.display_name!r}", hint="stop it first")


def _request_start(
    user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None = None
) -> Flow[None]:
    """Ask for a start; done when the server starts or runs. `Throttled` and `HubFull` reach the caller."""
    try:
        yield from post_start(user, name, options, display_name)
    except (HubBroke, Unavailable) as error:
        found = yield from _look(user, name)
        if found is None or not found.active:
            if isinstance(error, Unavailable):
                raise
            raise SpawnFailed(target(user, name), (yield from reason_of(user, name)) or str(error)) from None


def as_asked(server: Server, options: Mapping[str, Any] | None) -> Server:
    """The server, if it has the profile that was asked for.

    While a server is on its way up, the hub answers 202 to any start and reads nothing of it. Other options are not
    compared here: hooks of the hub may add to them.
    """
    told = server.user_options is not None
    if told and options is not None and "profile" in options and server.profile != options["profile"]:
        raise _runs_otherwise(server)
    return server


def _runs_otherwise(server: Server) -> Conflict:
    return Conflict(
        f"server {server.target}: already runs with other options ({_words(server.user_options or {})})",
        method="POST",
        path=server_path(server.user, server.name),
        status=400,
        hint="restart it with the new ones, or stop it first",
    )


def _until_ready(user: str, name: str, timeout: float) -> Flow[Server]:
    """Follow a start to its end. Emits each event on the way."""
    deadline = (yield from Now()) + timeout
    pause = 0.0
    while True:
        server = yield from _look(user, name, deadline)
        if server is not None and server.ready:
            return server
        if server is None or not server.active:
            reason = yield from reason_of(user, name)
            raise SpawnFailed(target(user, name), reason or UNEXPLAINED)
        left = deadline - (yield from Now())
        if left <= 0:
            raise StillPending(
                f"server {target(user, name)}: not ready after {timeout:.0f} s; the hub goes on starting it",
                hint="wait on, or stop it to cancel",
            )
        # From the second round on, a stream that ends without news must not make a fast loop.
        yield Sleep(min(pause, left))
        pause = POLL
        last = yield from news_of(user, name, left)
        if reason := failure_in(last):
            raise SpawnFailed(target(user, name), reason)


def listen(
    user: str, name: str, timeout: float, note: Callable[[Progress], object] = lambda event: event
) -> Listen[Progress]:
    """The progress stream, up to `ready` or `failed`."""
    return Listen(
        f"{server_path(user, name)}/progress",
        _event,
        lambda event: event.ready or event.failed,
        timeout,
        note,
        about=f"server {target(user, name)}",
    )


def _event(data: str) -> Progress:
    try:
        return json.decode(data, type=Progress)
    except ValidationError:
        # JupyterHub hands on what the spawner says, as it is: take what makes sense.
        sent = json.decode(data, type=dict[str, Any])
        message, progress = sent.get("message"), sent.get("progress")
        return Progress(
            message=message if isinstance(message, str) else "",
            progress=float(progress) if isinstance(progress, int | float) and abs(progress) < 1e9 else None,
            ready=sent.get("ready") is True,
            failed=sent.get("failed") is True,
        )


def _not_empty(display_name: str | None) -> None:
    if display_name is not None and not display_name.strip():
        # The hub would keep the one there is, and say nothing.
        raise InvalidInput("a display name cannot be empty", hint="give the server's own name to be rid of another")


def _about(user: str, name: str) -> str:
    return f"server {target(user, name)}"


def _patch(user: str, name: str, wanted: dict[str, Any], *, repeatable: bool = False) -> Flow[Server]:
    about = _about(user, name)
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


def owner_of(user: str, query: tuple[tuple[str, str], ...] = ()) -> Request[User]:
    """A user, with the servers that the query asks for."""
    return call("GET", user_path(user), User, query=query, about=f"user {user}")


def servers_of(owner: User) -> dict[str, Server]:
    """A user's servers. `MissingScope` where the hub left them out: it does not refuse what a token may not see."""
    if owner.servers is None:
        raise MissingScope(f"servers of {owner.name}: the token lacks the scope read:servers", ("read:servers",))
    return owner.servers


def _start(
    user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None, wait: bool, timeout: float
) -> Flow[Server]:
    deadline = (yield from Now()) + timeout
    while True:
        try:
            yield from _request_start(user, name, options, display_name)
        except Throttled as error:
            pause = max(error.retry_after, POLL)
            if not wait or (yield from Now()) + pause > deadline:
                raise
            yield Emit(Progress(message=f"the hub is busy starting others; again in {pause:.0f} s"))
            yield Sleep(pause, jitter=0.2)
        else:
            break
    if wait:
        server = yield from _until_ready(user, name, deadline - (yield from Now()))
    else:
        server = yield from ServerOps.get(user, name)
    return as_asked(server, options)


def _look(user: str, name: str, deadline: float | None = None) -> Flow[Server | None]:
    """The server, if there is one. A hub that restarts meanwhile is waited for, up to the deadline."""
    while True:
        look = ServerOps.get(user, name)
        try:
            return (yield from look if deadline is None else before(deadline, look))
        except NotFound:
            return None
        except Unavailable:
            if deadline is None or (yield from Now()) + POLL > deadline:
                raise
            yield Sleep(POLL)


def news_of(
    user: str, name: str, timeout: float, note: Callable[[Progress], object] = lambda event: event
) -> Flow[Progress | None]:
    """The last event of the progress stream, if there is one. Emits what `note` makes of each."""
    try:
        return (yield from listen(user, name, timeout, note))
    except (NotFound, BadRequest, Unavailable):
        # Nothing to report: never started or cancelled (404, 400), or the stream broke. The server's model decides.
        return None


def reason_of(user: str, name: str) -> Flow[str]:
    """Why a start failed: the hub repeats it in one event of the progress stream, and nowhere else."""
    last = yield from news_of(user, name, POLL * 10, lambda event: None)
    return failure_in(last)


def failure_in(last: Progress | None) -> str:
    """The reason that the last event of a failed start gives; empty where it did not fail."""
    if last is None or not last.failed:
        return ""
    return " ".join(last.message.removeprefix("Spawn failed: ").split()) or "the hub gives no reason"


def delete_request(user: str, name: str, body: object = None) -> Request[int]:
    """Stop a server, or with a body delete it; the status says whether that takes longer."""
    path = server_path(user, name)
    return Request("DELETE", path, status_of, body=body, about=_about(user, name), gone_is_done=True)


def _until(done: Callable[[Server | None], bool], user: str, name: str, deadline: float) -> Flow[None]:
    pause = POLL / 8
    while not done((yield from _look(user, name, deadline))):
        if (yield from Now()) > deadline:
            raise StillPending(f"server {target(user, name)}: still there", hint="ask again later")
        yield Sleep(pause)
        pause = min(2 * pause, POLL)


def _words(options: Mapping[str, Any]) -> str:
    # Values may be secrets; the profile's name is none.
    named = (f"profile={value}" if key == "profile" else key for key, value in options.items())
    return ", ".join(named) or "none"
