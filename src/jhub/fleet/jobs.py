"""Jobs of fleets: what to send for each server, and how to read its state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from jhub.errors import (
    BadRequest,
    HubBroken,
    HubError,
    NotAHub,
    NotFound,
    NotStarted,
    SpawnFailed,
    Throttled,
    Unavailable,
)
from jhub.fleet.events import EventKind, ServerEvent, Target
from jhub.models import Progress, Server
from jhub.operations.server_pending import BUSY_STATES, Goal
from jhub.operations.server_start import check_new_name, check_profile, check_running_options, post_start
from jhub.operations.server_status import UNEXPLAINED, failure_reason, listen, not_started, read_progress
from jhub.operations.servers import check_deletable, delete_request
from jhub.steps import Flow, Operation

JobStatus: TypeAlias = Literal["done", "in progress", "not started"]
"""Progress of a job on one server, as its model shows it."""

MAX_DIAGNOSIS_SECONDS = 10.0
"""Seconds within which the hub must send the reason for a failed start."""
INCONCLUSIVE_ERRORS = (Unavailable, NotAHub, HubBroken, Throttled)
"""Errors that do not contain the reason of a failed start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of a fleet: to start, stop, delete or wait for servers."""

    begins: EventKind
    """Kind of the event at the request."""
    ends: Goal
    """Kind of the event on success."""
    status: Callable[[Server | None], JobStatus]
    """Returns the status of a server's model. A requested server that is not started has failed."""
    send: Callable[[Target], Operation[bool]] | None = None
    """Sends the request, and returns True if the hub has completed it. None if somebody else has sent it."""
    confirm: bool = False
    """True if a snapshot follows a completed request, to fetch the model or to check the response."""
    precheck: Callable[[Server], Operation[object]] | None = None
    """Checks a server that is ready before the first request, and counts as done.

    Raises a `HubError` if it runs with other options. None to send requests without a snapshot before them.
    """
    verify: Callable[[Server], Operation[object]] | None = None
    """Raises a `HubError` if the finished server does not match the request."""
    follow: Callable[[Target, float], Operation[Progress | None]] | None = None
    """Follows the progress stream for at most so many seconds, and emits its events."""
    diagnose: Callable[[Target], Operation[HubError | None]] | None = None
    """Returns the reason for a failure, or None if the hub does not give it."""
    fallback_error: Callable[[Target, HubError | None], HubError]
    """Returns the error of a failure without a reason, from the response to the request."""
    cancel: Callable[[Target], Operation[int]] | None = None
    """Cancels a server in progress (JupyterHub 5.1)."""
    include_stopped: bool = False
    """True if snapshots must include servers that do not run."""
    missing_ok: bool = False
    """True if a server that does not exist counts as done."""


def waiting() -> Job:
    """Return the job that waits for servers that are starting."""
    return Job(
        begins="starting",
        ends="ready",
        status=_start_status,
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
        send=lambda target: _send_delete(target, None),
        fallback_error=_stop_error,
    )


def deleting(*, missing_ok: bool = False) -> Job:
    """Return the job that stops and deletes named servers."""
    return Job(
        begins="deleting",
        ends="deleted",
        status=_delete_status,
        send=lambda target: _send_delete(target, {"remove": True}),
        confirm=True,  # some proxies drop the body
        fallback_error=_stop_error,
        include_stopped=True,
        missing_ok=missing_ok,
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
    # A server that runs already may be one whose start was cancelled: snapshots have to show it.
    return (yield from post_start(target.user, target.name, options, display_name)) == "ready"


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


def _diagnose_start(target: Target) -> Flow[HubError | None]:
    try:
        last = yield from listen(target.user, target.name, MAX_DIAGNOSIS_SECONDS, lambda event: None)
    except (NotFound, BadRequest):
        # The hub has restarted, or somebody has stopped the server since.
        return NotStarted(str(target))
    except INCONCLUSIVE_ERRORS:
        return None
    reason = failure_reason(last)
    return SpawnFailed(str(target), reason) if reason else None


def _diagnose_wait(target: Target) -> Flow[HubError | None]:
    failure = yield from not_started(target.user, target.name)
    return None if isinstance(failure, INCONCLUSIVE_ERRORS) else failure


def _start_error(target: Target, error: HubError | None) -> HubError:
    if isinstance(error, Unavailable | NotAHub):
        return error
    return SpawnFailed(str(target), str(error or UNEXPLAINED))


def _stop_error(target: Target, error: HubError | None) -> HubError:
    return error or HubError(f"server {target}: still running", hint="check the hub's log")
