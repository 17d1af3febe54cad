"""What looks at the servers have seen, and what is made of it; why some have failed; and a hub that gives no answer."""

from __future__ import annotations

from jhub.errors import HubBroken, HubError, Throttled
from jhub.fleet.dispatch import MIN_PAUSE_SECONDS, requeue_later
from jhub.fleet.events import ServerEvent
from jhub.fleet.finish import fail, fail_all, request_cancel, skip_cancelled, succeed
from jhub.fleet.in_flight import InFlight, Pending, Phase, ServerTag
from jhub.fleet.jobs import BUSY_STATES, StartLost
from jhub.fleet.snapshot import Snapshot
from jhub.fleet.state import MAX_WAIT_SECONDS, State, is_outage
from jhub.models import Server
from jhub.steps import Emit, Flow

MAX_TRIES = 3
"""For one server, where the hub went away in the middle of it."""
MAX_DIAGNOSES = 8
"""Servers at a time of which is asked why they failed: of those that are waited for it may be all at once."""
OUTAGE_MESSAGE = "the hub went away in the middle of it"
LOST_MESSAGE = "the hub knows nothing of it any more"
WAITING_MESSAGE = "the hub gives no answer; it is waited for"


def poll(fleet: State, now: float) -> Flow[None]:
    """Look at all of them, if it is time."""
    if "snapshot" in fleet.forks or now < next_poll(fleet, now):
        return
    # A hub that is gone is looked for with whatever there is.
    every = fleet.in_flight.values()
    some = every if fleet.cancelling else fleet.to_poll or every
    yield fleet.fork(fleet.snapshots.take({entry.target for entry in some} or {fleet.targets[0]}), "snapshot")


def next_poll(fleet: State, now: float) -> float:
    """Return when it is time."""
    if fleet.outage.active:
        return fleet.schedule.last + fleet.outage.pause
    if not (waiting := fleet.to_poll):
        # What is to be taken back has to be seen on its way.
        return (
            fleet.schedule.next([], fleet.snapshots.requests)
            if fleet.cancelling and fleet.in_flight
            else now + MAX_WAIT_SECONDS
        )
    completed = Phase.COMPLETED  # looked up once: a member of an enum is a slow attribute on Python 3.11
    sent = [entry.sent for entry in waiting if entry.phase is not completed]
    all_ready = not sent and len(waiting) == len(fleet.in_flight)
    soon = fleet.schedule.next(sent, fleet.snapshots.requests, all_ready=all_ready, some_ready=len(sent) < len(waiting))
    if soon <= fleet.first_due:
        return soon
    # None fails without having been looked at when its time was over.
    dues = [due for entry in waiting if (due := fleet.due(entry)) > fleet.last_snapshot]
    return min(soon, max(min(dues), fleet.schedule.last + MIN_PAUSE_SECONDS)) if dues else soon


def on_snapshot(fleet: State, snapshot: Snapshot, now: float) -> Flow[None]:
    """Handle what a look has seen."""
    fleet.on_snapshot(snapshot.began, now)
    changed = False
    for entry in list(fleet.in_flight.values()):
        if entry.target in snapshot.hidden:
            yield from fail(fleet, entry.target, snapshot.hidden[entry.target], now)
        if entry.target not in snapshot.covered:
            continue
        # What was sent after it began may or may not be in it; what is in it is there.
        server = snapshot.servers.get(entry.target)
        status = fleet.job.status(server)
        certain = entry.answered is not None and entry.answered <= snapshot.began
        if status == "in progress" and certain and entry.error is not None and server and server.pending is None:
            status = "not started"  # it is there, and the hub has not begun to delete it
        if status == "in progress":
            changed |= entry.accept()
            if fleet.cancelling and entry.ours and entry.phase is not Phase.CANCELLING:
                yield from request_cancel(fleet, entry)
        elif entry.phase is Phase.DIAGNOSING or (entry.sent > snapshot.began and not certain):
            continue
        elif entry.phase is Phase.CANCELLING:
            if certain and status == "not started":
                yield from skip_cancelled(fleet, entry)
        elif status == "done" and (server is not None or certain):
            changed = True
            yield from succeed(fleet, entry, server, now)
        elif status == "not started" and certain:
            changed = True
            yield from on_not_started(fleet, entry, server, now)
    fleet.schedule.on_snapshot(now, now - snapshot.began, changed=changed)


def on_not_started(fleet: State, entry: InFlight, server: Server | None, now: float) -> Flow[None]:
    """Handle one that the hub has answered, and of which nothing has come."""
    if server is not None and server.pending in BUSY_STATES:
        still = HubError(f"server {entry.target}: the hub is not done with its {server.pending}")
        yield from requeue_later(fleet, entry, entry.error or still)
    elif fleet.job.diagnose is None:
        yield from on_diagnosis(fleet, entry, None, now)
    else:
        entry.diagnose()


def diagnose(fleet: State) -> Flow[None]:
    """Find out why some failed, a few at a time."""
    if fleet.job.diagnose is None or not fleet.count(Phase.DIAGNOSING):
        return
    forked = [tag.entry for tag in fleet.forks if isinstance(tag, ServerTag) and tag.task == "diagnose"]
    failures = [entry for entry in fleet.in_flight.values() if entry.phase is Phase.DIAGNOSING and entry not in forked]
    for entry in failures[: MAX_DIAGNOSES - len(forked)]:
        yield fleet.fork(fleet.job.diagnose(entry.target), ServerTag("diagnose", entry))


def on_diagnosis(fleet: State, entry: InFlight, failure: HubError | None, now: float) -> Flow[None]:
    """Fail, or try again what the hub has forgotten: it restarted in the middle. A failed start it would know."""
    told = None if isinstance(failure, StartLost) else failure
    forgotten = told is not failure and not isinstance(entry.error, HubBroken)  # such a one it has refused
    busy = fleet.job.diagnose is None and entry.queue_entry.rejection is not None  # with something else, a moment ago
    lost = forgotten or busy or is_outage(entry.error) or entry.outages != fleet.outage.count
    if told is not None or not lost or fleet.job.send is None or entry.queue_entry.tries == MAX_TRIES:
        yield from fail(fleet, entry.target, told or fleet.job.fallback_error(entry.target, entry.error), now)
        return
    if forgotten and entry.outages >= fleet.canary_min_outages and fleet.outage.on_lost_start(entry.outages, now):
        fleet.require_canary()
    fleet.drop(entry.target)
    fleet.requeue(Pending(entry.queue_entry.position, entry.target, tries=entry.queue_entry.tries + 1))
    yield Emit(ServerEvent("queued", entry.target, f"{LOST_MESSAGE if forgotten else OUTAGE_MESSAGE}; once more"))


def on_snapshot_failed(fleet: State, error: HubError, now: float) -> Flow[None]:
    """Handle a look that has failed."""
    fleet.schedule.on_snapshot_failed(now)
    if not (isinstance(error, HubBroken | Throttled) or (fleet.outage.reached and is_outage(error))):
        # A token that may not look, so that nothing can be known of any; or there is no hub.
        yield from fail_all(fleet, error, now)
        return
    if fleet.outage.announce():
        left = [*(entry.target for entry in fleet.in_flight.values()), *(entry.target for entry in fleet.queue)]
        yield Emit(ServerEvent("waiting", (left or fleet.targets)[0], WAITING_MESSAGE))
    if not fleet.outage.extend(now, error.retry_after if isinstance(error, Throttled) else 0.0):
        yield from fail_all(fleet, error, now)
