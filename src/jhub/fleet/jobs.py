"""What a fleet does with each of its servers: how to ask for it, and what a look at the server says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jhub.errors import BadRequest, HubBroken, HubError, NotAHub, NotFound, SpawnFailed, Throttled, Unavailable
from jhub.fleet.events import Kind, ServerEvent, Target
from jhub.models import Progress, Server
from jhub.operations.server_start import check_new_name, check_profile, check_running_options, post_start
from jhub.operations.server_status import UNEXPLAINED, failure_reason, listen, read_progress
from jhub.operations.servers import ServerOps, check_deletable, delete_request
from jhub.steps import Flow, Operation

Verdict: TypeAlias = Literal["done", "on its way", "not begun"]

BUSY = ("check", "rename")
"""What a hub does with a server for a moment, in which it takes nothing else: the former after each of its restarts."""
PATIENCE = 10.0
"""Seconds in which a hub is to say why a start has failed."""
UNTOLD = (Unavailable, NotAHub, HubBroken, Throttled)
"""Answers that say nothing of why a start has failed."""
NOT_READY = "not ready after {seconds:.0f} s; the hub goes on starting it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Starting, stopping, deleting or waiting."""

    begins: Kind
    ends: Kind
    judge: Callable[[Server | None], Verdict]
    """What the hub's answer about a server says. One that was asked for and has not begun has failed."""
    overdue: str
    """What to say where the time is over."""
    send: Callable[[Target], Operation[bool]] | None = None
    """Asks the hub; True if it has done what it was asked. None: somebody else has asked."""
    look_after: bool = False
    """Look at a server also where the hub has done it: its model is wanted, or the answer is not to be trusted."""
    look_before: Callable[[Server], object] | None = None
    """Look before anything is sent, and take what runs as done. A `HubError` says how it runs otherwise."""
    accept: Callable[[Server], object] = lambda server: None
    """A `HubError` where what has come of it is not what was asked for."""
    follow: Callable[[Target, float], Operation[Progress | None]] | None = None
    """Emits what happens on the way, with so many seconds left for it."""
    why: Callable[[Target], Operation[HubError | None]] | None = None
    """Finds out why it failed; None where that is not told."""
    unexplained: Callable[[Target, HubError | None], HubError]
    """What is said then, with what the hub had answered."""
    cancel: Callable[[Target], Operation[int]] | None = None
    """Takes it back while it is on its way (JupyterHub 5.1)."""
    stopped: bool = False
    """Whether servers that do not run matter."""


def waiting() -> Job:
    """Wait for servers that are on their way up."""
    return Job(
        begins="starting",
        ends="ready",
        judge=_coming_up,
        overdue=NOT_READY,
        follow=_follow,
        why=_why_not_there,
        unexplained=_not_up,
    )


def starting(options: Mapping[str, Any], display_name: str | None) -> Job:
    """Start servers with these options."""
    return Job(
        begins="starting",
        ends="ready",
        judge=_coming_up,
        overdue=NOT_READY,
        send=lambda each: _send_start(each, options, display_name),
        look_after=True,
        look_before=lambda server: check_running_options(server, options, display_name),
        accept=lambda server: check_profile(server, options),
        follow=_follow,
        why=_why_not_up,
        unexplained=_not_up,
        cancel=lambda each: delete_request(each.user, each.name),
    )


def stopping() -> Job:
    """Stop servers."""
    return Job(
        begins="stopping",
        ends="stopped",
        judge=_going_down,
        overdue="still there after {seconds:.0f} s; the hub goes on stopping it",
        send=lambda each: _send_delete(each, None),
        unexplained=_not_down,
    )


def deleting() -> Job:
    """Stop named servers and delete them."""
    return Job(
        begins="deleting",
        ends="deleted",
        judge=_disappearing,
        overdue="still there after {seconds:.0f} s; a proxy before the hub may drop the body of DELETE requests",
        send=lambda each: _send_delete(each, {"remove": True}),
        look_after=True,  # some proxies drop the body
        unexplained=_not_down,
        stopped=True,
    )


def _coming_up(server: Server | None) -> Verdict:
    if server is None or not server.active:
        return "not begun"
    return "done" if server.ready else "on its way"


def _going_down(server: Server | None) -> Verdict:
    if server is None or not server.active:
        return "done"
    return "on its way" if server.pending == "stop" else "not begun"


def _disappearing(server: Server | None) -> Verdict:
    if server is None:
        return "done"
    return "not begun" if server.pending in BUSY else "on its way"


def _send_start(target: Target, options: Mapping[str, Any], display_name: str | None) -> Flow[bool]:
    yield from check_new_name(target.user, target.name)
    return (yield from post_start(target.user, target.name, options, display_name))


def _send_delete(target: Target, body: object) -> Flow[bool]:
    if body is not None:
        check_deletable(target.user, target.name)
    # 202 says only that it takes longer than `slow_stop_timeout`.
    return (yield from delete_request(target.user, target.name, body)) == 204


def _follow(target: Target, seconds: float) -> Flow[Progress | None]:
    def note(event: Progress) -> ServerEvent | None:
        # The end is told with the server, or with the reason.
        if event.ready or event.failed:
            return None
        return ServerEvent("progress", target, event.message, event.progress)

    return read_progress(target.user, target.name, seconds, note)


class Forgotten(HubError):
    """The hub knows of no start: it has restarted, or somebody has stopped the server since."""


def _why_not_up(target: Target) -> Flow[HubError | None]:
    try:
        last = yield from listen(target.user, target.name, PATIENCE, lambda event: None)
    except (NotFound, BadRequest):
        return Forgotten(str(target))
    except UNTOLD:
        return None
    reason = failure_reason(last)
    return SpawnFailed(str(target), reason) if reason else None


def _why_not_there(target: Target) -> Flow[HubError | None]:
    try:
        yield from ServerOps.get(target.user, target.name)
    except NotFound as error:
        return error
    except UNTOLD:
        return None
    return (yield from _why_not_up(target))


def _not_up(target: Target, error: HubError | None) -> HubError:
    if isinstance(error, Unavailable | NotAHub):
        return error
    return SpawnFailed(str(target), str(error or UNEXPLAINED))


def _not_down(target: Target, error: HubError | None) -> HubError:
    return error or HubError(f"server {target}: it runs on", hint="look into the hub's log")
