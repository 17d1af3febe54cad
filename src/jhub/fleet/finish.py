"""How servers end: each once, and with the last word of its event."""

from __future__ import annotations

import math

from jhub.errors import HubError, SpawnFailed, WaitTimeout
from jhub.fleet.events import ServerEvent, Target
from jhub.fleet.in_flight import InFlight, Phase, ServerTag
from jhub.fleet.state import State, short_message
from jhub.models import Server
from jhub.steps import Cancel, Done, Emit, Flow, HubVersion

GRACE_SECONDS = 15.0
"""Seconds beyond its time for a last look."""
MIN_CANCEL_VERSION = (5, 1)
"""The first JupyterHub where stopping a server that is starting cancels the start."""


def succeed(fleet: State, entry: InFlight, server: Server | None, now: float) -> Flow[None]:
    """End one that has come to where it was to be; as failed, if that is not what was requested."""
    try:
        if server is not None:
            fleet.job.verify(server)
    except HubError as error:
        yield from fail(fleet, entry.target, error, now)
        return
    fleet.drop(entry.target)
    fleet.pass_canary(entry)
    if fleet.breaker is not None:
        fleet.breaker.on_success()
    # Where the answer was the end of it, a look has only fetched the model.
    ended = entry.answered if entry.phase is Phase.COMPLETED and entry.answered is not None else now
    seconds = ended - entry.sent
    fleet.schedule.on_finished(seconds)
    yield from emit_final(fleet, ServerEvent(fleet.job.ends, entry.target, seconds=seconds, server=server))


def fail(fleet: State, target: Target, error: HubError, now: float | None) -> Flow[None]:
    """End one that has failed. Without a time, it was not sent."""
    entry = fleet.drop(target)
    reason = short_message(error.reason if isinstance(error, SpawnFailed) else error, target)
    if fleet.breaker is not None and now is not None:
        fleet.breaker.on_failure(error, reason)
    seconds = now - entry.sent if now is not None and entry is not None else 0.0
    yield from emit_final(fleet, ServerEvent("failed", target, reason, seconds=seconds, error=error))


def emit_final(fleet: State, event: ServerEvent) -> Flow[None]:
    """Emit a server's last event."""
    yield Emit(fleet.tally.take(event))


def fail_all(fleet: State, error: HubError, now: float) -> Flow[None]:
    """Fail those in flight, of which nothing can be known, and send nothing more."""
    fleet.stop(f"not sent: {error}")
    for entry in list(fleet.in_flight.values()):
        yield from fail(fleet, entry.target, error, now)


def fail_overdue(fleet: State, now: float) -> Flow[None]:
    """Fail those whose time is over, once a look has seen that they are not there."""
    if now < fleet.first_due:
        return
    for entry in list(fleet.in_flight.values()):
        if now >= deadline(fleet, entry):
            late = fleet.job.overdue_message.format(seconds=fleet.timeout)
            error = WaitTimeout(f"server {entry.target}: {late}", hint="wait on, or run the same command again")
            yield from fail(fleet, entry.target, entry.error or error, now)
            yield from cancel_forks(entry)


def cancel_forks(entry: InFlight) -> Flow[None]:
    """End what still waits for an answer about one."""
    yield Cancel(ServerTag("send", entry))
    yield Cancel(ServerTag("follow", entry))


def next_deadline(fleet: State, now: float) -> float:
    """Return when the next one may have taken too long."""
    if now < (due := fleet.first_due):
        return due
    return min(deadline(fleet, entry) for entry in fleet.in_flight.values())


def deadline(fleet: State, entry: InFlight) -> float:
    """Return when one has taken too long: not while it is found out why it failed, or whether the hub is there."""
    if entry.phase is Phase.DIAGNOSING or fleet.outage.active:
        return math.inf
    due = fleet.due(entry)
    # Where the hub has answered only a look tells; a stream does by itself.
    last_snapshot = entry.answered is None or entry.phase is Phase.FOLLOWED or fleet.last_snapshot >= due
    return due if last_snapshot else due + GRACE_SECONDS


def check_breaker(fleet: State) -> Flow[None]:
    """Send nothing more once the breaker has tripped."""
    if fleet.stop_reason or fleet.breaker is None or not fleet.breaker.reason:
        return
    cancelling = (
        fleet.job.cancel is not None and not fleet.breaker.hub_full and (yield from HubVersion()) >= MIN_CANCEL_VERSION
    )
    fleet.stop(fleet.breaker.reason, cancelling=cancelling)
    if cancelling:
        # After one more look: what came up meanwhile is somebody's, and what has not arrived cannot be stopped.
        fleet.schedule.expedite()


def request_cancel(fleet: State, entry: InFlight) -> Flow[None]:
    """Cancel one that was seen on its way."""
    if fleet.job.cancel is not None:
        entry.cancel()
        yield fleet.fork(fleet.job.cancel(entry.target), ServerTag("cancel", entry))


def on_cancel_response(fleet: State, entry: InFlight, done: Done, now: float) -> Flow[None]:
    """Handle the hub's answer to that."""
    entry.answer_cancel(now, accepted=done.error is None)
    if done.error is None:
        yield from cancel_forks(entry)  # some hubs do not answer the start any more
        if done.answer == 204:
            yield from skip_cancelled(fleet, entry)


def skip_cancelled(fleet: State, entry: InFlight) -> Flow[None]:
    """Note that it is gone."""
    fleet.drop(entry.target)
    yield from emit_final(fleet, ServerEvent("skipped", entry.target, f"cancelled {fleet.stop_reason}"))
