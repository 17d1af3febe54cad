"""Jobs of fleets: what to send for each server, and how to read its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jhub.errors import BadRequest, HubBroken, HubError, NotAHub, NotFound, SpawnFailed, Throttled, Unavailable
from jhub.fleet.events import EventKind, ServerEvent, Target
from jhub.models import Progress, Server
from jhub.operations.server_start import check_new_name, check_profile, check_running_options, post_start
from jhub.operations.server_status import UNEXPLAINED, failure_reason, listen, read_progress
from jhub.operations.servers import ServerOps, check_deletable, delete_request
from jhub.steps import Flow, Operation

JobStatus: TypeAlias = Literal["done", "in progress", "not started"]
"""Progress of a job on one server, as its model shows it."""

BUSY_STATES = ("check", "rename")
"""Short pending states in which the hub rejects requests for the server. It checks servers after each restart."""
MAX_DIAGNOSIS_SECONDS = 10.0
"""Seconds within which the hub must send the reason of a failed start."""
INCONCLUSIVE_ERRORS = (Unavailable, NotAHub, HubBroken, Throttled)
"""Errors that do not contain the reason of a failed start."""
NOT_READY_MESSAGE = "not ready after {seconds:.0f} s; the hub goes on starting it"
"""Message of a start that timed out."""
NOT_STOPPED_MESSAGE = "not stopped after {seconds:.0f} s; the hub goes on stopping it"
"""Message of a stop that timed out."""
NOT_DELETED_MESSAGE = (
    "not deleted after {seconds:.0f} s; a proxy in front of the hub may drop the body of DELETE requests"
)
"""Message of a deletion that timed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of a fleet: to start, stop, delete or wait for servers."""

    begins: EventKind
    """Kind of the event at the request."""
    ends: EventKind
    """Kind of the event on success."""
    status: Callable[[Server | None], JobStatus]
    """Returns the status of a server's model. A requested server that is not started has failed."""
    overdue_message: str
    """Error message after a timeout."""
    send: Callable[[Target], Operation[bool]] | None = None
    """Sends the request, and returns True if the hub has completed it. None if somebody else has sent it."""
    confirm: bool = False
    """True if a snapshot follows a completed request, to fetch the model or to check the response."""
    precheck: Callable[[Server], object] | None = None
    """Checks a server that is ready before the first request, and counts as done.

    Raises a `HubError` if it runs with other options. None to send requests without a snapshot before them.
    """
    verify: Callable[[Server], object] = lambda server: None
    """Raises a `HubError` if the finished server does not match the request."""
    follow: Callable[[Target, float], Operation[Progress | None]] | None = None
    """Follows the progress stream for at most so many seconds, and emits its events."""
    diagnose: Callable[[Target], Operation[HubError | None]] | None = None
    """Returns the reason of a failure, or None if the hub does not give it."""
    fallback_error: Callable[[Target, HubError | None], HubError]
    """Returns the error of a failure without a reason, from the response to the request."""
    cancel: Callable[[Target], Operation[int]] | None = None
    """Cancels a server in progress (JupyterHub 5.1)."""
    include_stopped: bool = False
    """True if snapshots must include servers that do not run."""


def waiting() -> Job:
    """Return the job that waits for servers that are starting."""
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
    """Return the job that starts servers with these options."""
    return Job(
        begins="starting",
        ends="ready",
        status=_start_status,
        overdue_message=NOT_READY_MESSAGE,
        send=lambda target: _send_start(target, options, display_name),
        confirm=True,
        precheck=lambda server: check_running_options(server, options, display_name),
        verify=lambda server: check_profile(server, options),
        follow=_follow,
        diagnose=_diagnose_start,
        fallback_error=_start_error,
        cancel=lambda target: delete_request(target.user, target.name),
    )


def stopping() -> Job:
    """Return the job that stops servers."""
    return Job(
        begins="stopping",
        ends="stopped",
        status=_stop_status,
        overdue_message=NOT_STOPPED_MESSAGE,
        send=lambda target: _send_delete(target, None),
        fallback_error=_stop_error,
    )


def deleting() -> Job:
    """Return the job that stops and deletes named servers."""
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
    yield from check_new_name(target.user, target.name)
    return (yield from post_start(target.user, target.name, options, display_name))


def _send_delete(target: Target, body: object) -> Flow[bool]:
    if body is not None:
        check_deletable(target.user, target.name)
    # 202 means only that the stop takes longer than `slow_stop_timeout`.
    return (yield from delete_request(target.user, target.name, body)) == 204


def _follow(target: Target, seconds: float) -> Flow[Progress | None]:
    def note(event: Progress) -> ServerEvent | None:
        # The final event reports the end, with the server or with the reason.
        if event.ready or event.failed:
            return None
        return ServerEvent("progress", target, event.message, event.progress)

    return read_progress(target.user, target.name, seconds, note)


class StartLost(HubError):
    """A start of which the hub has no record: it has restarted, or somebody has stopped the server since."""


def _diagnose_start(target: Target) -> Flow[HubError | None]:
    try:
        last = yield from listen(target.user, target.name, MAX_DIAGNOSIS_SECONDS, lambda event: None)
    except (NotFound, BadRequest):
        return StartLost(str(target))
    except INCONCLUSIVE_ERRORS:
        return None
    reason = failure_reason(last)
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
    return error or HubError(f"server {target}: still running", hint="check the hub's log")
