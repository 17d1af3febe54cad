"""Observation of the servers in flight: polls, snapshots, the reasons for failures, and outages of the hub."""

from __future__ import annotations

from jhub.errors import HubBroken, HubError, NotStarted, StartCancelled, Throttled, is_outage
from jhub.fleet.dispatch import MIN_PAUSE_SECONDS, requeue_later
from jhub.fleet.events import ServerEvent
from jhub.fleet.finish import fail, fail_all, request_cancel, skip_cancelled, succeed
from jhub.fleet.in_flight import InFlight, Pending, Phase, ServerTag
from jhub.fleet.snapshot import Snapshot
from jhub.fleet.state import MAX_WAIT_SECONDS, State
from jhub.models import Server
from jhub.operations.server_pending import BUSY_STATES
from jhub.operations.server_status import CONFIRM_SECONDS, MIN_CANCEL_VERSION, is_proven
from jhub.steps import Emit, Flow, HubVersion

MAX_TRIES = 3
"""Maximum number of requests for one server, if outages of the hub interrupt them."""
MAX_DIAGNOSES = 8
"""Maximum number of concurrent requests for the reasons for failures: in `wait_many`, all servers may fail at once."""
OUTAGE_MESSAGE = "the hub was unavailable during the request; retrying"
"""Message of a server that returns to the queue after an outage."""
LOST_MESSAGE = "the hub has no record of the request; retrying"
"""Message of a server that returns to the queue because the hub lost it."""
BROKEN_MESSAGE = "the hub failed; retrying"
"""Message of a server that returns to the queue after a 500."""
NOT_CANCELLED_MESSAGE = "the hub has failed to cancel its start"
"""Message of a server that could not be cancelled."""
WAITING_MESSAGE = "the hub does not answer; waiting for it"
"""Message of the event `waiting`."""


def poll(fleet: State, now: float) -> Flow[None]:
    """Take a snapshot of the servers in flight, if one is due."""
    if "snapshot" in fleet.forks or now < next_poll(fleet, now):
        return
    # During an outage, any server will do: the snapshot only checks whether the hub is back.
    in_flight = fleet.in_flight.values()
    entries = in_flight if fleet.cancelling else fleet.to_poll or in_flight
    yield fleet.fork(fleet.snapshots.take({entry.target for entry in entries} or {fleet.targets[0]}), "snapshot")


def next_poll(fleet: State, now: float) -> float:
    """Return when the next snapshot is due."""
    if fleet.outage.active:
        return fleet.schedule.last + fleet.outage.pause
    if not (waiting := fleet.to_poll):
        # The hub cancels a start only once it is in progress, which a snapshot has to show.
        return (
            fleet.schedule.next([], fleet.snapshots.requests)
            if fleet.cancelling and fleet.in_flight
            else now + MAX_WAIT_SECONDS
        )
    ended = (Phase.CONFIRMING, Phase.COMPLETED)  # looked up once: a slow attribute on Python 3.11
    sent = [entry.sent for entry in waiting if entry.phase not in ended]
    all_ready = not sent and len(waiting) == len(fleet.in_flight)
    soon = fleet.schedule.next(sent, fleet.snapshots.requests, all_ready=all_ready, any_ready=len(sent) < len(waiting))
    if not sent and all(entry.phase is Phase.CONFIRMING for entry in waiting):
        soon = max(soon, min(entry.ready_since for entry in waiting) + CONFIRM_SECONDS)
    if soon <= fleet.first_due:
        return soon
    # A server times out only after a snapshot at or after its deadline.
    dues = [due for entry in waiting if (due := fleet.due(entry)) > fleet.last_snapshot]
    return min(soon, max(min(dues), fleet.schedule.last + MIN_PAUSE_SECONDS)) if dues else soon


def on_snapshot(fleet: State, snapshot: Snapshot, now: float) -> Flow[None]:
    """Handle a snapshot: update, finish, cancel or retry the servers in flight."""
    fleet.on_snapshot(snapshot.began, now)
    changed = False
    for entry in list(fleet.in_flight.values()):
        if entry.target in snapshot.hidden:
            yield from fail(fleet, entry.target, snapshot.hidden[entry.target], now)
        if entry.target not in snapshot.covered:
            continue
        # A request that was sent after the snapshot began may or may not be in it; a server that is in it exists.
        server = snapshot.servers.get(entry.target)
        entry.observe(server)
        status = fleet.job.status(server)
        certain = entry.answered is not None and entry.answered <= snapshot.began
        if status == "in progress" and certain and entry.error is not None and server and server.pending is None:
            status = "not started"  # the server exists, and the hub has not begun to delete it
        if status == "done" and entry.cancels and entry.ours and entry.phase is not Phase.CANCELLING:
            yield from cancel(fleet, entry, now)
        elif status == "in progress":
            changed |= entry.accept(certain=certain)
            if fleet.cancelling and entry.ours and entry.phase is not Phase.CANCELLING:
                yield from cancel(fleet, entry, now)
        elif entry.phase is Phase.DIAGNOSING or (entry.sent > snapshot.began and not certain):
            continue
        elif entry.phase is Phase.CANCELLING:
            if certain and status == "not started":
                yield from skip_cancelled(fleet, entry)
        elif status == "done" and (server is not None or certain):
            changed = True
            if (yield from is_confirmed(fleet, entry, server, snapshot.began)):
                yield from succeed(fleet, entry, server, now)
        elif status == "not started" and certain:
            changed = True
            yield from on_not_started(fleet, entry, server, now)
    fleet.schedule.on_snapshot(now, now - snapshot.began, changed=changed)


def cancel(fleet: State, entry: InFlight, now: float) -> Flow[None]:
    """Cancel a server, unless the hub has failed to do so several times."""
    if entry.cancels < MAX_TRIES:
        yield from request_cancel(fleet, entry)
    else:
        yield from fail(fleet, entry.target, HubError(f"server {entry.target}: {NOT_CANCELLED_MESSAGE}"), now)


def is_confirmed(fleet: State, entry: InFlight, server: Server | None, began: float) -> Flow[bool]:
    """Return whether a server has certainly reached the goal. If it is not certain, another snapshot will show it.

    A start that somebody cancels looks ready for a second. The answer to a start is right.
    """
    if server is None or not server.ready or entry.phase is Phase.COMPLETED or is_proven(server):
        return True
    return (yield from HubVersion()) < MIN_CANCEL_VERSION or entry.confirm(began)


def on_not_started(fleet: State, entry: InFlight, server: Server | None, now: float) -> Flow[None]:
    """Handle a server for which the hub does nothing, although it has answered the request."""
    if server is not None and server.pending in BUSY_STATES:
        yield from requeue_later(fleet, entry, server.pending, now)
    elif fleet.job.diagnose is None:
        yield from on_diagnosis(fleet, entry, None, now)
    else:
        entry.diagnose()


def diagnose(fleet: State) -> Flow[None]:
    """Request the reasons for failures, a few at a time."""
    if fleet.job.diagnose is None or not fleet.count(Phase.DIAGNOSING):
        return
    forked = [tag.entry for tag in fleet.forks if isinstance(tag, ServerTag) and tag.task == "diagnose"]
    failures = [entry for entry in fleet.in_flight.values() if entry.phase is Phase.DIAGNOSING and entry not in forked]
    for entry in failures[: MAX_DIAGNOSES - len(forked)]:
        yield fleet.fork(fleet.job.diagnose(entry.target), ServerTag("diagnose", entry))


def on_diagnosis(fleet: State, entry: InFlight, failure: HubError | None, now: float) -> Flow[None]:
    """Fail a server with its reason, or send it again if the hub lost it in an outage.

    A hub that did not restart has a record of each failed start.
    """
    reason = None if isinstance(failure, NotStarted) and fleet.job.send is not None else failure
    if isinstance(failure, NotStarted) and entry.may_be_stopped and entry.outages == fleet.outage.count:
        reason = StartCancelled(str(entry.target))
    lost = isinstance(failure, NotStarted) and not isinstance(entry.error, HubBroken)  # HubBroken: the hub refused it
    # A job without a diagnosis repeats a request that the hub rejected because it was busy with the server.
    busy = fleet.job.diagnose is None and entry.queue_entry.rejection is not None
    # A stop or a deletion, too, may fail because the hub was busy with the server.
    busy = busy or (fleet.job.diagnose is None and isinstance(entry.error, HubBroken) and entry.queue_entry.tries == 1)
    retry = lost or busy or is_outage(entry.error) or entry.outages != fleet.outage.count
    if reason is not None or not retry or fleet.job.send is None or entry.queue_entry.tries == MAX_TRIES:
        yield from fail(fleet, entry.target, reason or fleet.job.fallback_error(entry.target, entry.error), now)
        return
    if lost and entry.outages >= fleet.canary_min_outages and fleet.outage.on_lost_start(entry.outages, now):
        fleet.require_canary()
    fleet.drop(entry.target)
    fleet.requeue(Pending(entry.queue_entry.position, entry.target, tries=entry.queue_entry.tries + 1))
    message = LOST_MESSAGE if lost else BROKEN_MESSAGE if isinstance(entry.error, HubBroken) else OUTAGE_MESSAGE
    yield Emit(ServerEvent("queued", entry.target, message))


def on_snapshot_failed(fleet: State, error: HubError, now: float) -> Flow[None]:
    """Handle a failed snapshot: wait for the hub if it is unavailable, otherwise end the fleet."""
    fleet.schedule.on_snapshot_failed(now)
    if not (isinstance(error, HubBroken | Throttled) or (fleet.outage.reached and is_outage(error))):
        # The token may not read any server, or the hub has never answered.
        yield from fail_all(fleet, error, now)
        return
    if fleet.outage.announce():
        left = [*(entry.target for entry in fleet.in_flight.values()), *(entry.target for entry in fleet.queue)]
        yield Emit(ServerEvent("waiting", (left or fleet.targets)[0], WAITING_MESSAGE))
    if not fleet.outage.on_retry_failed(now, error.retry_after if isinstance(error, Throttled) else 0.0):
        yield from fail_all(fleet, error, now)
