"""Starting a server and waiting until it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

from jhub.errors import (
    AlreadyRunning,
    Conflict,
    HubBroken,
    HubError,
    InvalidInput,
    NotFound,
    ServerPending,
    SpawnFailed,
    StartCancelled,
    Throttled,
    Unavailable,
)
from jhub.models import Progress, Server, target
from jhub.operations.profiles import options_to_compare
from jhub.operations.requests import body_of, require_version
from jhub.operations.server_names import (
    NAME_HINT,
    check_display_name_text,
    is_valid_server_name,
    server_label,
    server_path,
)
from jhub.operations.server_pending import UNSTARTABLE_STATES, state_text, still_pending, timed_out
from jhub.operations.server_status import (
    CONFIRM_SECONDS,
    MIN_CANCEL_VERSION,
    POLL_SECONDS,
    UNEXPLAINED,
    failure_reason,
    is_proven,
    not_started,
    read_owner,
    read_progress,
    read_server,
    read_server_if_exists,
    spawn_failure_reason,
    wait_until,
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
            "a start cannot set the display name of a default server", hint="edit it while it is stopped"
        )
    check_display_name_text(display_name)
    # An older hub would store it as a user option.
    yield from require_version("6.0", "a display name")


def start_options(profile: str | None, user_options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the user options that a start sends."""
    return {**({} if profile is None else {"profile": profile}), **(user_options or {})}


StartAnswer: TypeAlias = Literal["ready", "running", "starting"]
"""The hub's answer to a start: it has made the server ready, the server runs already, or it is starting."""


def post_start(
    user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None = None
) -> Flow[StartAnswer]:
    """Request a start, and return the hub's answer.

    Options of None stand for those that the hub has saved (JupyterHub 6.0). After `HubBroken` and `Unavailable` it is
    unknown whether the server is starting: after a 500 for a process that died at once, JupyterHub 5.3 and later keep
    the server pending until `http_timeout`, and an answer may get lost.
    """
    # JupyterHub 6.0 expects the options below the key `user_options`; on 5 that key would itself become an option. An
    # empty body resets the saved options on 5 and reuses them on 6, so the options are always sent.
    nested = (yield from HubVersion()) >= (6,)
    body = body_of(user_options=options, display_name=display_name) if nested else options
    try:
        about = server_label(user, name)
        status = yield from Request("POST", server_path(user, name), decode_status, body=body, about=about)
    except AlreadyRunning:
        yield from check_running_options((yield from read_server(user, name)), options, display_name)
        return "running"
    return "ready" if status == 201 else "starting"


def check_running_options(
    server: Server, options: Mapping[str, Any] | None, display_name: str | None = None
) -> Flow[None]:
    """Raise `Conflict` if a server runs with other options than these.

    The server may have additional options: jhub.extension adds the profile and the choices that a start leaves open.
    """
    required = yield from options_to_compare(server, options)
    if not required.items() <= (server.user_options or {}).items():
        raise _options_conflict(server)
    if display_name not in (None, server.display_name):
        raise Conflict(
            f"server {server.target}: already running with the display name {server.display_name!r}",
            hint="stop it first",
        )


def _request_start(
    user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None = None
) -> Flow[bool]:
    """Request a start, and return when the server starts or runs: True if the hub has just made it ready.

    `Throttled`, `HubFull` and `ServerPending` reach the caller.
    """
    try:
        return (yield from post_start(user, name, options, display_name)) == "ready"
    except (HubBroken, Unavailable) as error:
        server = yield from read_server_if_exists(user, name)
        if server is None or not server.active:
            if isinstance(error, Unavailable):
                raise
            if server is None:
                yield from read_owner(user)  # JupyterHub 4 answers 500 for a user who does not exist
            raise SpawnFailed(target(user, name), (yield from spawn_failure_reason(user, name)) or str(error)) from None
        return False


def check_profile(server: Server, options: Mapping[str, Any] | None) -> Flow[Server]:
    """Return the server; raise `Conflict` if it has another profile than requested.

    While a server is starting, the hub answers 202 to any start request and ignores its options. Other options are not
    compared here, because hooks of the hub may add to them.
    """
    required = yield from options_to_compare(server, options)
    if server.user_options is not None and "profile" in required and server.profile != required["profile"]:
        raise _options_conflict(server)
    return server


def _options_conflict(server: Server) -> Conflict:
    return Conflict(
        f"server {server.target}: already running with other options ({_describe_options(server.user_options or {})})",
        method="POST",
        path=server_path(server.user, server.name),
        status=400,
        hint="restart it with the new options, or stop it first",
    )


def wait_until_ready(
    user: str, name: str, timeout: float, *, certain: bool = False, begun: bool = True
) -> Flow[Server]:
    """Wait until a server is ready, emit its progress events, and return it.

    `certain`: the hub has answered that the server is ready. `begun`: somebody has started it; without that, the error
    for a server that is not active names its state.
    """
    deadline = (yield from Now()) + timeout
    may_be_cancelled = (yield from HubVersion()) >= MIN_CANCEL_VERSION
    seen, pause = "", 0.0
    while True:
        server = yield from read_server_if_exists(user, name, deadline)
        if server is not None and server.ready:
            if certain or not may_be_cancelled or seen == "ready" or is_proven(server):
                return server
            # A cancelled start looks like this for a second: look again.
            seen, begun, pause = "ready", True, POLL_SECONDS
            yield Sleep(CONFIRM_SECONDS)
            continue
        if server is None or not server.active:
            failure = yield from _start_failure(user, name, seen=bool(seen), begun=begun)
            if failure is not None:
                raise failure
            continue
        seen, certain, begun = server.status, False, begun or server.pending == "spawn"
        remaining = deadline - (yield from Now())
        if remaining <= 0:
            raise timed_out(user, name, "ready", server, timeout)
        # From the second round on, a stream that ends without events must not cause a busy loop.
        yield Sleep(min(pause, remaining))
        pause = POLL_SECONDS
        if server.pending in UNSTARTABLE_STATES:
            continue  # there is no progress to follow
        event = yield from read_progress(user, name, remaining)
        if reason := failure_reason(event):
            raise SpawnFailed(target(user, name), reason)


def _start_failure(user: str, name: str, *, seen: bool, begun: bool) -> Flow[HubError | None]:
    """Return the error for a server that is not active, if it still is not; `seen`: it was, during this wait."""
    if not begun:
        return (yield from not_started(user, name))
    if reason := (yield from spawn_failure_reason(user, name)):
        return SpawnFailed(target(user, name), reason)
    return StartCancelled(target(user, name)) if seen else SpawnFailed(target(user, name), UNEXPLAINED)


def start_and_wait(
    user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None, wait: bool, timeout: float
) -> Flow[Server]:
    """Start a server and return it; with `wait`, when it is ready.

    A start that the hub throttles, or rejects while it stops, checks or renames the server, is repeated until the
    timeout.
    """
    deadline = (yield from Now()) + timeout
    while True:
        try:
            certain = yield from _request_start(user, name, options, display_name)
        except Throttled as error:
            pause = max(error.retry_after, POLL_SECONDS)
            if not wait or (yield from Now()) + pause > deadline:
                raise
            yield Emit(Progress(message=f"the hub throttles starts; next attempt in {pause:.0f} s"))
            yield Sleep(pause, jitter=0.2)
        except ServerPending as error:
            server = yield from read_server_if_exists(user, name, deadline)
            if not wait:
                raise (still_pending(user, name, server, "POST") if _is_busy(server) else error) from None
            if (yield from Now()) + POLL_SECONDS > deadline:
                raise timed_out(user, name, "ready", server, timeout) from None
            yield Emit(Progress(message=f"{state_text(server)}; waiting for that to end"))
            yield Sleep(POLL_SECONDS)
            yield from wait_until("ready", lambda each: not _is_busy(each), user, name, deadline, timeout)
        else:
            break
    if wait:
        left = deadline - (yield from Now())
        server = yield from wait_until_ready(user, name, left, certain=certain)
    else:
        server = yield from read_server(user, name)
    return (yield from check_profile(server, options))


def _is_busy(server: Server | None) -> bool:
    return server is not None and server.pending in UNSTARTABLE_STATES


def _describe_options(options: Mapping[str, Any]) -> str:
    # Values may be secrets; the profile's name is not.
    shown = (f"profile={value}" if key == "profile" else key for key, value in options.items())
    return ", ".join(shown) or "none"
