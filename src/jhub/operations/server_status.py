"""The state of a server: its model, its progress while it starts, and the reason why it did not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import ValidationError, json, structs

from jhub.errors import (
    BadRequest,
    MissingScope,
    NotFound,
    Unavailable,
    WaitTimeout,
)
from jhub.interpreter import retry_until
from jhub.models import Progress, Server, User, target
from jhub.operations.requests import user_path
from jhub.operations.server_names import server_path
from jhub.steps import Flow, HubVersion, Listen, Now, Request, Sleep, call

START_TIMEOUT = 600.0
POLL = 1.0
"""Seconds between two looks at a server where the hub has no stream to follow."""
UNEXPLAINED = "it is not running, and the hub does not say why"
STOPPED_TOO = (("include_stopped_servers", "1"),)


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


def read_server(user: str, name: str) -> Flow[Server]:
    """Read one server, running or not: `ServerOps.get`."""
    path, about = server_path(user, name), f"server {target(user, name)}"
    if (yield from HubVersion()) >= (6,):
        server = yield from call("GET", path, Server, about=about)
        return structs.replace(server, user=user)
    owner = yield from owner_of(user, STOPPED_TOO)
    found = servers_of(owner)
    if name not in found:
        raise NotFound(f"{about}: not found, or not visible to this token", method="GET", path=path, status=404)
    return found[name]


def owner_of(user: str, query: tuple[tuple[str, str], ...] = ()) -> Request[User]:
    """A user, with the servers that the query asks for."""
    return call("GET", user_path(user), User, query=query, about=f"user {user}")


def servers_of(owner: User) -> dict[str, Server]:
    """A user's servers. `MissingScope` where the hub left them out: it does not refuse what a token may not see."""
    if owner.servers is None:
        raise MissingScope(f"servers of {owner.name}: the token lacks the scope read:servers", ("read:servers",))
    return owner.servers


def read_if_exists(user: str, name: str, deadline: float | None = None) -> Flow[Server | None]:
    """The server, if there is one. A hub that restarts meanwhile is waited for, up to the deadline."""
    while True:
        look = read_server(user, name)
        try:
            return (yield from look if deadline is None else retry_until(deadline, look))
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


def wait_until(done: Callable[[Server | None], bool], user: str, name: str, deadline: float) -> Flow[None]:
    pause = POLL / 8
    while not done((yield from read_if_exists(user, name, deadline))):
        if (yield from Now()) > deadline:
            raise WaitTimeout(f"server {target(user, name)}: still there", hint="ask again later")
        yield Sleep(pause)
        pause = min(2 * pause, POLL)
