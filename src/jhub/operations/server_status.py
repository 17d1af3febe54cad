"""The status of a server: its model, its progress while it starts, and the reason for a failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import ValidationError, json, structs

from jhub.errors import (
    BadRequest,
    HubError,
    MissingScope,
    NotAHub,
    NotFound,
    NotStarted,
    SpawnFailed,
    Unavailable,
    is_outage,
)
from jhub.interpreter import retry_until
from jhub.models import Progress, Server, User, as_utc, target
from jhub.operations.requests import user_path
from jhub.operations.server_names import server_label, server_path
from jhub.operations.server_pending import NOT_CREATED, Goal, state_text, timed_out
from jhub.steps import Flow, HubVersion, Listen, Now, Request, Sleep, call

START_TIMEOUT_SECONDS = 600.0
"""Default time limit of a start, in seconds."""
POLL_SECONDS = 1.0
"""Seconds between two polls of a server without a progress stream."""
CONFIRM_SECONDS = 1.5
"""Seconds after which a server that has become ready is read again.

From JupyterHub 5.1 on, a start that somebody cancels looks ready for one second, in the model and in the progress
stream, before the hub stops the server.
"""
MIN_CANCEL_VERSION = (5, 1)
"""First version of JupyterHub in which stopping a server that is starting cancels the start."""
UNEXPLAINED = "the server is not running, and the hub gives no reason"
"""Reason for a failed start without a message from the hub."""
INCLUDE_STOPPED = (("include_stopped_servers", "1"),)
"""Query that includes stopped servers in the models of users."""


def listen(
    user: str, name: str, timeout: float, note: Callable[[Progress], object] = lambda event: event
) -> Listen[Progress]:
    """Return the step that reads the progress stream up to a `ready` or `failed` event."""
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
        # JupyterHub passes a spawner's event on unchecked: keep the fields of the right type.
        fields = json.decode(data, type=dict[str, Any])
        message, progress = fields.get("message"), fields.get("progress")
        return Progress(
            message=message if isinstance(message, str) else "",
            progress=float(progress) if isinstance(progress, int | float) and abs(progress) < 1e9 else None,
            ready=fields.get("ready") is True,
            failed=fields.get("failed") is True,
        )


def read_server(user: str, name: str) -> Flow[Server]:
    """Read a server, running or not, as `ServerOps.get` does."""
    path, about = server_path(user, name), f"server {target(user, name)}"
    if (yield from HubVersion()) >= (6,):
        server = yield from call("GET", path, Server, about=about)
        return structs.replace(server, user=user)
    owner = yield from read_owner(user, INCLUDE_STOPPED)
    servers = servers_of(owner)
    if name not in servers:
        raise NotFound(f"{about}: not found, or not visible to this token", method="GET", path=path, status=404)
    return servers[name]


def read_owner(user: str, query: tuple[tuple[str, str], ...] = ()) -> Request[User]:
    """Return the request for a user, with the servers that the query selects."""
    return call("GET", user_path(user), User, query=query, about=f"user {user}")


def servers_of(owner: User) -> dict[str, Server]:
    """Return a user's servers, or raise `MissingScope` if the hub left them out.

    The hub does not refuse a token that may not read the servers.
    """
    if owner.servers is None:
        raise MissingScope(f"servers of {owner.name}: the token lacks the scope read:servers", ("read:servers",))
    return owner.servers


def read_server_if_exists(user: str, name: str, deadline: float | None = None) -> Flow[Server | None]:
    """Read a server; None if it does not exist.

    With a deadline, wait for a hub that is unavailable, such as during a restart.
    """
    while True:
        read = read_server(user, name)
        try:
            return (yield from read if deadline is None else retry_until(deadline, read))
        except NotFound:
            return None
        except (Unavailable, NotAHub) as error:
            if deadline is None or not is_outage(error) or (yield from Now()) + POLL_SECONDS > deadline:
                raise
            yield Sleep(POLL_SECONDS)


def read_progress(
    user: str, name: str, timeout: float, note: Callable[[Progress], object] = lambda event: event
) -> Flow[Progress | None]:
    """Return the last event of the progress stream, if it has one, and emit what `note` returns for each event."""
    try:
        return (yield from listen(user, name, timeout, note))
    except (NotFound, BadRequest, Unavailable, NotAHub):
        # The start was never requested or was cancelled (404, 400), or the stream broke: the server's model decides.
        return None


def spawn_failure_reason(user: str, name: str) -> Flow[str]:
    """Return the reason why a start failed.

    The hub repeats it in one event of the progress stream, and nowhere else.
    """
    event = yield from read_progress(user, name, POLL_SECONDS * 10, lambda event: None)
    return failure_reason(event)


def failure_reason(event: Progress | None) -> str:
    """Return the reason in the last event of a failed start; empty if the start did not fail."""
    if event is None or not event.failed:
        return ""
    return " ".join(event.message.removeprefix("Spawn failed: ").split()) or "the hub gives no reason"


def is_proven(server: Server) -> bool:
    """Return whether a ready server has certainly become ready: it has reported activity since its start began."""
    if server.started is None or server.last_activity is None:
        return False
    return as_utc(server.last_activity) > as_utc(server.started)


def wait_until(
    goal: Goal, done: Callable[[Server | None], bool], user: str, name: str, deadline: float, seconds: float
) -> Flow[Server | None]:
    """Poll a server until `done` returns True, and return it; `WaitTimeout` after the deadline.

    `goal` and `seconds`, the length of the whole wait, are for its message.
    """
    pause = POLL_SECONDS / 8
    while not done(server := (yield from read_server_if_exists(user, name, deadline))):
        if (yield from Now()) > deadline:
            raise timed_out(user, name, goal, server, seconds)
        yield Sleep(pause)
        pause = min(2 * pause, POLL_SECONDS)
    return server


def not_started(user: str, name: str) -> Flow[HubError | None]:
    """Return the error for a server that is not active: it is not created, its start failed, or nobody starts it.

    None if it has become active.
    """
    try:
        servers = servers_of((yield from read_owner(user, INCLUDE_STOPPED)))
    except HubError as error:
        return error
    label, hint = server_label(user, name), f"start it with: jhub server start {target(user, name)}"
    if name not in servers:
        return NotFound(NOT_CREATED, about=label, method="GET", path=server_path(user, name), status=404, hint=hint)
    if servers[name].active:
        return None
    if reason := (yield from spawn_failure_reason(user, name)):
        return SpawnFailed(target(user, name), reason)
    return NotStarted(f"{label}: {state_text(servers[name])}", hint=hint)
