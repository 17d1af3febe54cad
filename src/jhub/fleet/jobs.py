"""What a fleet does with each of its servers: how to ask for it, and what a look at the server says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jhub.errors import BadRequest, HubBroken, HubError, NotAHub, NotFound, SpawnFailed, Throttled, Unavailable
from jhub.fleet.events import EventKind, ServerEvent, Target
from jhub.models import Progress, Server
from jhub.operations.server_start import as_asked, has_all_of, known_or_safe, post_start
from jhub.operations.server_status import UNEXPLAINED, failure_in, listen, news_of
from jhub.operations.servers import ServerOps, check_deletable, delete_request
from jhub.steps import Flow, Operation

JobStatus: TypeAlias = Literal["done", "in progress", "not started"]

BUSY_STATES = ("check", "rename")
"""What a hub does with a server for a moment, in which it takes nothing else: the former after each of its restarts."""
MAX_DIAGNOSIS_SECONDS = 10.0
"""Seconds in which a hub is to say why a start has failed."""
INCONCLUSIVE_ERRORS = (Unavailable, NotAHub, HubBroken, Throttled)
"""Answers that say nothing of why a start has failed."""
NOT_READY_MESSAGE = "not ready after {seconds:.0f} s; the hub goes on starting it"
NOT_STOPPED_MESSAGE = "still there after {seconds:.0f} s; the hub goes on stopping it"
NOT_DELETED_MESSAGE = "still there after {seconds:.0f} s; a proxy before the hub may drop the body of DELETE requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Starting, stopping, deleting or waiting."""

    begins: EventKind
    ends: EventKind
    status: Callable[[Server | None], JobStatus]
    """What the hub's answer about a server says. One that was asked for and has not begun has failed."""
    overdue_message: str
    """What to say where the time is over."""
    send: Callable[[Target], Operation[bool]] | None = None
    """Asks the hub; True if it has done what it was asked. None: somebody else has asked."""
    confirm: bool = False
    """Look at a server also where the hub has done it: its model is wanted, or the answer is not to be trusted."""
    precheck: Callable[[Server], object] | None = None
    """Look before anything is sent, and take what runs as done. A `HubError` says how it runs otherwise."""
    verify: Callable[[Server], object] = lambda server: None
    """A `HubError` where what has come of it is not what was asked for."""
    follow: Callable[[Target, float], Operation[Progress | None]] | None = None
    """Emits what happens on the way, with so many seconds left for it."""
    diagnose: Callable[[Target], Operation[HubError | None]] | None = None
    """Finds out why it failed; None where that is not told."""
    fallback_error: Callable[[Target, HubError | None], HubError]
    """What is said then, with what the hub had answered."""
    cancel: Callable[[Target], Operation[int]] | None = None
    """Takes it back while it is on its way (JupyterHub 5.1)."""
    include_stopped: bool = False
    """True if servers that do not run matter."""


def waiting() -> Job:
    """Wait for servers that are on their way up."""
    return Job(
        begins="starting",
        ends="ready",
        status=_start_status,
        overdue_message=NOT_READY_MESSAGE,
        follow=_follow,
        diagnose=_diagnose_wait,
        fallback_error=_start_error,
    )


def starting(options: Mapping[str, Any], display_name: str | None) -> Job:
    """Start servers with these options."""
    return Job(
        begins="starting",
        ends="ready",
        status=_start_status,
        overdue_message=NOT_READY_MESSAGE,
        send=lambda target: _send_start(target, options, display_name),
        confirm=True,
        precheck=lambda server: has_all_of(server, options, display_name),
        verify=lambda server: as_asked(server, options),
        follow=_follow,
        diagnose=_diagnose_start,
        fallback_error=_start_error,
        cancel=lambda target: delete_request(target.user, target.name),
    )


def stopping() -> Job:
    """Stop servers."""
    return Job(
        begins="stopping",
        ends="stopped",
        status=_stop_status,
        overdue_message=NOT_STOPPED_MESSAGE,
        send=lambda target: _send_delete(target, None),
        fallback_error=_stop_error,
    )


def deleting() -> Job:
    """Stop named servers and delete them."""
    return Job(
        begins="deleting",
        ends="deleted",
        status=_delete_status,
        overdue_message=NOT_DELETED_MESSAGE,
        send=lambda target: _send_delete(target, {"remove": True}),
        confirm=True,  # some proxies drop the body
        fallback_error=_stop_error,
        include_stopped=True,
    )


def _start_status(server: Server | None) -> JobStatus:
    if server is None or not server.active:
        return "not started"
    return "done" if server.ready else "in progress"


def _stop_status(server: Server | None) -> JobStatus:
    if server is None or not server.active:
        return "done"
    return "in progress" if server.pending == "stop" else "not started"


def _delete_status(server: Server | None) -> JobStatus:
    if server is None:
        return "done"
    return "not started" if server.pending in BUSY_STATES else "in progress"


def _send_start(target: Target, options: Mapping[str, Any], display_name: str | None) -> Flow[bool]:
    yield from known_or_safe(target.user, target.name)
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

    return news_of(target.user, target.name, seconds, note)


class StartLost(HubError):
    """The hub knows of no start: it has restarted, or somebody has stopped the server since."""


def _diagnose_start(target: Target) -> Flow[HubError | None]:
    try:
        last = yield from listen(target.user, target.name, MAX_DIAGNOSIS_SECONDS, lambda event: None)
    except (NotFound, BadRequest):
        return StartLost(str(target))
    except INCONCLUSIVE_ERRORS:
        return None
    reason = failure_in(last)
    return SpawnFailed(str(target), reason) if reason else None


def _diagnose_wait(target: Target) -> Flow[HubError | None]:
    try:
        yield from ServerOps.get(target.user, target.name)
    except NotFound as error:
        return error
    except INCONCLUSIVE_ERRORS:
        return None
    return (yield from _diagnose_start(target))


def _start_error(target: Target, error: HubError | None) -> HubError:
    if isinstance(error, Unavailable | NotAHub):
        return error
    return SpawnFailed(str(target), str(error or UNEXPLAINED))


def _stop_error(target: Target, error: HubError | None) -> HubError:
    return error or HubError(f"server {target}: it runs on", hint="look into the hub's log")
