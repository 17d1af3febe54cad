"""Starting a server and waiting until it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jhub.errors import (
    AlreadyRunning,
    Conflict,
    HubBroken,
    InvalidInput,
    NotFound,
    SpawnFailed,
    Throttled,
    Unavailable,
    WaitTimeout,
)
from jhub.models import Progress, Server, target
from jhub.operations.requests import body_of, require_version
from jhub.operations.server_names import (
    NAME_HINT,
    check_display_name_text,
    is_valid_server_name,
    server_label,
    server_path,
)
from jhub.operations.server_status import (
    POLL_SECONDS,
    UNEXPLAINED,
    failure_reason,
    read_progress,
    read_server,
    read_server_if_exists,
    spawn_failure_reason,
)
from jhub.steps import Emit, Flow, HubVersion, Now, Request, Sleep, decode_status


def check_new_name(user: str, name: str) -> Flow[None]:
    """Raise `InvalidInput` if a new server's name breaks the rule of JupyterHub 6.0, on every version.

    An existing server may keep such a name.
    """
    if not is_valid_server_name(name):
        try:
            yield from read_server(user, name)
        except NotFound:
            raise InvalidInput(f"invalid server name {name!r}", hint=NAME_HINT) from None


def check_display_name(name: str, display_name: str | None) -> Flow[None]:
    """Raise `InvalidInput` or `Unsupported` if a start cannot set this display name."""
    if display_name is None:
        return
    if not name:
        # Such a start would erase the current display name (JupyterHub 6.1).
        raise InvalidInput(
            "cannot set the display name of a default server by a start", hint="edit it while it is stopped"
        )
    check_display_name_text(display_name)
    # An older hub would store it as a user option.
    yield from require_version("6.0", "a display name")


def start_options(profile: str | None, user_options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the user options that a start sends."""
    return {**({} if profile is None else {"profile": profile}), **(user_options or {})}


def post_start(user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None = None) -> Flow[bool]:
    """Request a start; return True if the server runs, False if it is starting.

    Options of None stand for those that the hub has saved (JupyterHub 6.0). After `HubBroken` and `Unavailable` the
    server may be starting or not: after a 500 for a process that died at once, JupyterHub 5.3 and later keep the
    server pending until `http_timeout`, and an answer may be lost on its way.
    """
    # JupyterHub 6.0 expects the options below the key `user_options`; on 5 that key would itself become an option. An
    # empty body resets the saved options on 5 and reuses them on 6, so the options are always sent.
    nested = (yield from HubVersion()) >= (6,)
    body = body_of(user_options=options, display_name=display_name) if nested else options
    try:
        about = server_label(user, name)
        status = yield from Request("POST", server_path(user, name), decode_status, body=body, about=about)
    except AlreadyRunning:
        check_running_options((yield from read_server(user, name)), options, display_name)
        return True
    return status == 201


def check_running_options(server: Server, options: Mapping[str, Any] | None, display_name: str | None = None) -> None:
    """Raise `Conflict` if a server runs with other options than these.

    The server may have additional options: jhub.extension adds the profile and the choices that a start leaves open.
    """
    if not (options or {}).items() <= (server.user_options or {}).items():
        raise _options_conflict(server)
    if display_name not in (None, server.display_name):
        raise Conflict(
            f"server {server.target}: already runs with the display name {server.display_name!r}", hint="stop it first"
        )


def _request_start(
    user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None = None
) -> Flow[None]:
    """Request a start, and return when the server starts or runs.

    `Throttled` and `HubFull` reach the caller.
    """
    try:
        yield from post_start(user, name, options, display_name)
    except (HubBroken, Unavailable) as error:
        server = yield from read_server_if_exists(user, name)
        if server is None or not server.active:
            if isinstance(error, Unavailable):
                raise
            raise SpawnFailed(target(user, name), (yield from spawn_failure_reason(user, name)) or str(error)) from None


def check_profile(server: Server, options: Mapping[str, Any] | None) -> Server:
    """Return the server; raise `Conflict` if it has another profile than requested.

    While a server is starting, the hub answers 202 to any start request and ignores its options. Other options are not
    compared here, because hooks of the hub may add to them.
    """
    has_options = server.user_options is not None
    if has_options and options is not None and "profile" in options and server.profile != options["profile"]:
        raise _options_conflict(server)
    return server


def _options_conflict(server: Server) -> Conflict:
    return Conflict(
        f"server {server.target}: already runs with other options ({_describe_options(server.user_options or {})})",
        method="POST",
        path=server_path(server.user, server.name),
        status=400,
        hint="restart it with the new options, or stop it first",
    )


def wait_until_ready(user: str, name: str, timeout: float) -> Flow[Server]:
    """Wait until a server is ready, emit its progress events, and return it."""
    deadline = (yield from Now()) + timeout
    pause = 0.0
    while True:
        server = yield from read_server_if_exists(user, name, deadline)
        if server is not None and server.ready:
            return server
        if server is None or not server.active:
            reason = yield from spawn_failure_reason(user, name)
            raise SpawnFailed(target(user, name), reason or UNEXPLAINED)
        remaining = deadline - (yield from Now())
        if remaining <= 0:
            raise WaitTimeout(
                f"server {target(user, name)}: not ready after {timeout:.0f} s; the hub goes on starting it",
                hint="wait again, or stop the server to cancel the start",
            )
        # From the second round on, a stream that ends without events must not cause a busy loop.
        yield Sleep(min(pause, remaining))
        pause = POLL_SECONDS
        event = yield from read_progress(user, name, remaining)
        if reason := failure_reason(event):
            raise SpawnFailed(target(user, name), reason)


def start_and_wait(
    user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None, wait: bool, timeout: float
) -> Flow[Server]:
    """Start a server and return it; with `wait`, when it is ready.

    A throttled start is retried until the timeout.
    """
    deadline = (yield from Now()) + timeout
    while True:
        try:
            yield from _request_start(user, name, options, display_name)
        except Throttled as error:
            pause = max(error.retry_after, POLL_SECONDS)
            if not wait or (yield from Now()) + pause > deadline:
                raise
            yield Emit(Progress(message=f"the hub throttles starts; next attempt in {pause:.0f} s"))
            yield Sleep(pause, jitter=0.2)
        else:
            break
    if wait:
        server = yield from wait_until_ready(user, name, deadline - (yield from Now()))
    else:
        server = yield from read_server(user, name)
    return check_profile(server, options)


def _describe_options(options: Mapping[str, Any]) -> str:
    # Values may be secrets; the profile's name is not.
    shown = (f"profile={value}" if key == "profile" else key for key, value in options.items())
    return ", ".join(shown) or "none"
