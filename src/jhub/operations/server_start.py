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
from jhub.operations.requests import body_of, need
from jhub.operations.server_names import RULE, check_display_name_text, is_safe, server_label, server_path
from jhub.operations.server_status import (
    POLL,
    UNEXPLAINED,
    failure_in,
    news_of,
    read_if_exists,
    read_server,
    reason_of,
)
from jhub.steps import Emit, Flow, HubVersion, Now, Request, Sleep, decode_status


def known_or_safe(user: str, name: str) -> Flow[None]:
    """Hold a new server's name to the rule of 6.0 on every version. One from before, which exists, is left alone."""
    if not is_safe(name):
        try:
            yield from read_server(user, name)
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
    check_display_name_text(display_name)
    # An older hub would take it for an option.
    yield from need("6.0", "a display name")


def options_of(profile: str | None, user_options: Mapping[str, Any] | None) -> dict[str, Any]:
    """The user options that a start sends."""
    return {**({} if profile is None else {"profile": profile}), **(user_options or {})}


def post_start(user: str, name: str, options: Mapping[str, Any] | None, display_name: str | None = None) -> Flow[bool]:
    """Ask for a start; True if the server runs, False if it is on its way.

    Options of None are those that the hub has saved (JupyterHub 6.0). `HubBroken` and `Unavailable` say nothing about
    whether the server starts: after a 500 for a process that died at once, 5.3 and later go on holding it as pending
    until `http_timeout`; and an answer may be lost on its way.
    """
    # 6.0 wants the options below a key of their own; on 5 that key would itself become an option. An empty body
    # resets the saved options on 5 and reuses them on 6, so they are always sent.
    new_form = (yield from HubVersion()) >= (6,)
    body = body_of(user_options=options, display_name=display_name) if new_form else options
    try:
        about = server_label(user, name)
        status = yield from Request("POST", server_path(user, name), decode_status, body=body, about=about)
    except AlreadyRunning:
        has_all_of((yield from read_server(user, name)), options, display_name)
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
    except (HubBroken, Unavailable) as error:
        found = yield from read_if_exists(user, name)
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


def wait_until_ready(user: str, name: str, timeout: float) -> Flow[Server]:
    """Follow a start to its end. Emits each event on the way."""
    deadline = (yield from Now()) + timeout
    pause = 0.0
    while True:
        server = yield from read_if_exists(user, name, deadline)
        if server is not None and server.ready:
            return server
        if server is None or not server.active:
            reason = yield from reason_of(user, name)
            raise SpawnFailed(target(user, name), reason or UNEXPLAINED)
        left = deadline - (yield from Now())
        if left <= 0:
            raise WaitTimeout(
                f"server {target(user, name)}: not ready after {timeout:.0f} s; the hub goes on starting it",
                hint="wait on, or stop it to cancel",
            )
        # From the second round on, a stream that ends without news must not make a fast loop.
        yield Sleep(min(pause, left))
        pause = POLL
        last = yield from news_of(user, name, left)
        if reason := failure_in(last):
            raise SpawnFailed(target(user, name), reason)


def start_and_wait(
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
        server = yield from wait_until_ready(user, name, deadline - (yield from Now()))
    else:
        server = yield from read_server(user, name)
    return as_asked(server, options)


def _words(options: Mapping[str, Any]) -> str:
    # Values may be secrets; the profile's name is none.
    named = (f"profile={value}" if key == "profile" else key for key, value in options.items())
    return ", ".join(named) or "none"
