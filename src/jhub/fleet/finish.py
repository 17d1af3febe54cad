"""End of a server's life in a fleet: success, failure, timeout or cancellation, each with one final event."""

from __future__ import annotations

import math

from jhub.errors import HubError, SpawnFailed
from jhub.fleet.events import ServerEvent, Target
from jhub.fleet.in_flight import InFlight, Phase, ServerTag
from jhub.fleet.state import State, short_message
from jhub.models import Server
from jhub.operations.server_pending import timed_out, unanswered
from jhub.operations.server_status import MIN_CANCEL_VERSION
from jhub.steps import Cancel, Done, Emit, Flow, HubVersion

GRACE_SECONDS = 15.0
"""Seconds beyond the timeout for a last snapshot."""


def succeed(fleet: State, entry: InFlight, server: Server | None, now: float, message: str = "") -> Flow[None]:
    """Finish a server with success, or with failure if it does not match the request."""
    try:
        if server is not None and fleet.job.verify is not None:
            yield from fleet.job.verify(server)
    except HubError as error:
        yield from fail(fleet, entry.target, error, now)
        return
    fleet.drop(entry.target)
    fleet.pass_canary(entry)
    if fleet.breaker is not None:
        fleet.breaker.on_success()
    # If the response completed the request, the snapshot has only fetched the model.
    ended = entry.answered if entry.phase is Phase.COMPLETED and entry.answered is not None else now
    seconds = ended - entry.sent
    fleet.schedule.on_finished(seconds)
    yield from emit_final(fleet, ServerEvent(fleet.job.ends, entry.target, message, seconds=seconds, server=server))


def fail(fleet: State, target: Target, error: HubError, now: float | None, *, waited: float = 0.0) -> Flow[None]:
    """Finish a server with failure. `now` is None if no request is in flight; then it has `waited` in the queue."""
    entry = fleet.drop(target)
    reason = short_message(error.reason if isinstance(error, SpawnFailed) else error, target)
    if fleet.breaker is not None and now is not None:
        fleet.breaker.on_failure(error, reason)
    seconds = now - entry.sent if now is not None and entry is not None else waited
    yield from emit_final(fleet, ServerEvent("failed", target, reason, seconds=seconds, error=error))


def emit_final(fleet: State, event: ServerEvent) -> Flow[None]:
    """Emit the final event of a server, and count it."""
    yield Emit(fleet.tally.take(event))


def fail_all(fleet: State, error: HubError, now: float) -> Flow[None]:
    """Fail all servers in flight, whose state cannot be read any more, and stop sending."""
    fleet.stop(f"not sent: {error}")
    for entry in list(fleet.in_flight.values()):
        yield from fail(fleet, entry.target, error, now)


def fail_overdue(fleet: State, now: float) -> Flow[None]:
    """Fail the servers that timed out, after a snapshot that shows them unfinished."""
    if now < fleet.first_due:
        return
    for entry in list(fleet.in_flight.values()):
        if now >= deadline(fleet, entry):
            user, name = entry.target.user, entry.target.name
            if entry.answered is None and entry.server is None:
                late = unanswered(user, name, fleet.job.ends, fleet.timeout)
            else:
                late = timed_out(user, name, fleet.job.ends, entry.server, fleet.timeout)
            yield from fail(fleet, entry.target, entry.error or late, now)
            yield from cancel_forks(entry)


def cancel_forks(entry: InFlight) -> Flow[None]:
    """Cancel the forks that wait for the hub's response about a server."""
    yield Cancel(ServerTag("send", entry))
    yield Cancel(ServerTag("follow", entry))


def next_deadline(fleet: State, now: float) -> float:
    """Return when the next server may time out."""
    if now < (due := fleet.first_due):
        return due
    return min(deadline(fleet, entry) for entry in fleet.in_flight.values())


def deadline(fleet: State, entry: InFlight) -> float:
    """Return when a server times out; never while its failure is diagnosed or the hub is unavailable."""
    if entry.phase is Phase.DIAGNOSING or fleet.outage.active:
        return math.inf
    due = fleet.due(entry)
    # After the hub's response, only a snapshot shows the result, unless the progress stream is open.
    observed = entry.answered is None or entry.phase is Phase.FOLLOWED or fleet.last_snapshot >= due
    return due if observed and entry.phase is not Phase.CONFIRMING else due + GRACE_SECONDS


def check_breaker(fleet: State) -> Flow[None]:
    """Stop sending if the breaker has tripped, and cancel the servers in flight if the hub can."""
    if fleet.stop_reason or fleet.breaker is None or not fleet.breaker.reason:
        return
    cancelling = (
        fleet.job.cancel is not None and not fleet.breaker.hub_full and (yield from HubVersion()) >= MIN_CANCEL_VERSION
    )
    fleet.stop(fleet.breaker.reason, cancelling=cancelling)
    if cancelling:
        # A snapshot comes first: a server that is ready by now belongs to its user, and the hub cannot cancel a
        # request that it has not accepted.
        fleet.schedule.expedite()


def request_cancel(fleet: State, entry: InFlight) -> Flow[None]:
    """Ask the hub to cancel a server that a snapshot has shown in progress."""
    if fleet.job.cancel is not None:
        entry.cancel()
        yield fleet.fork(fleet.job.cancel(entry.target), ServerTag("cancel", entry))


def on_cancel_response(fleet: State, entry: InFlight, done: Done, now: float) -> Flow[None]:
    """Handle the response to the request to cancel a server."""
    entry.answer_cancel(now, done.error)
    if done.error is None:
        yield from cancel_forks(entry)  # some hubs never answer a start that was cancelled
        if done.answer == 204:
            yield from skip_cancelled(fleet, entry)


def skip_cancelled(fleet: State, entry: InFlight) -> Flow[None]:
    """Finish a cancelled server, as skipped."""
    fleet.drop(entry.target)
    yield from emit_final(fleet, ServerEvent("skipped", entry.target, f"cancelled {fleet.stop_reason}"))
