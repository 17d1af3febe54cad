"""Dispatch of a fleet: when to send requests, and what to do with the hub's responses."""

from __future__ import annotations

from dataclasses import replace

from jhub.errors import HubBroken, HubError, NotFound, ServerPending, Throttled, UnknownToken, is_missing, is_outage
from jhub.fleet.events import ServerEvent, Target
from jhub.fleet.finish import fail, fail_all, succeed
from jhub.fleet.in_flight import InFlight, Phase, ServerTag
from jhub.fleet.latency import TRANSIT_SECONDS, Sample, measure
from jhub.fleet.state import MAX_WAIT_SECONDS, State, short_message
from jhub.models import Server
from jhub.operations.server_pending import state_text, timed_out
from jhub.steps import Done, Emit, Flow, Sleep

MIN_PAUSE_SECONDS = 1.0
"""Minimum number of seconds until a busy server returns to the queue; doubled each time."""
MAX_PAUSE_SECONDS = 10.0
"""Maximum number of seconds until a busy server returns to the queue."""


def dispatch(fleet: State, now: float) -> Flow[None]:
    """Send as many requests as possible now."""
    while fleet.job.send is not None and fleet.queue and may_dispatch(fleet, now):
        pending, uptime = fleet.take(), fleet.uptime(now)
        if pending.rejection is not None and uptime >= pending.first_sent_uptime + fleet.timeout:
            yield from give_up_waiting(fleet, pending.target, pending.rejection, uptime - pending.first_sent_uptime)
            continue
        entry = fleet.add(replace(pending, first_sent_uptime=min(pending.first_sent_uptime, uptime)), now)
        if not pending.pause:
            yield from begin(fleet, entry)
        yield fleet.fork(fleet.job.send(entry.target), ServerTag("send", entry))
        fleet.probe.on_dispatch()


def begin(fleet: State, entry: InFlight) -> Flow[None]:
    """Emit the event of a request: when it is sent, or if the hub was busy with the server, when it is accepted."""
    concurrency = fleet.limiter.concurrency if fleet.limiter.limit else None
    yield Emit(ServerEvent(fleet.job.begins, entry.target, concurrency=concurrency))


def may_dispatch(fleet: State, now: float) -> bool:
    """Return whether one more request may be sent."""
    if fleet.stop_reason or fleet.outage.active or fleet.count(Phase.DIAGNOSING):
        return False  # the reasons for failures come first: they may trip the breaker
    in_progress = fleet.in_progress
    if "backoff" in fleet.forks and not in_progress:
        return False
    if not fleet.canary_passed:
        if any(entry.ours for entry in fleet.in_flight.values()):
            return False
        if not in_progress:
            return True
    return fleet.limiter.available(in_progress, fleet.count(Phase.REQUESTED), now) > 0


def probe(fleet: State, now: float) -> Flow[None]:
    """Send a latency probe, if one is due."""
    if "probe" not in fleet.forks and now >= next_probe(fleet, now):
        yield fleet.fork(measure(), "probe")


def next_probe(fleet: State, now: float) -> float:
    """Return when the next latency probe is due."""
    if fleet.job.send is None or not fleet.queue or fleet.stop_reason or fleet.outage.active or not fleet.canary_passed:
        return now + MAX_WAIT_SECONDS
    return fleet.probe.due(fleet.limiter.burst, fleet.count(Phase.REQUESTED))


def on_probe(fleet: State, sample: Sample | None, now: float) -> None:
    """Handle the end of a probe. The hub has accepted all requests that reached it before an answered probe."""
    fleet.probe.on_result(now)
    if sample is None:
        return
    fleet.outage.on_answer()
    fleet.limiter.on_latency(sample.seconds)
    for entry in fleet.in_flight.values():
        if entry.sent <= sample.began - TRANSIT_SECONDS and entry.error is None:
            entry.accept()


def on_response(fleet: State, entry: InFlight, done: Done, now: float) -> Flow[None]:
    """Handle the response to a request, from the hub or from a proxy in front of it."""
    if entry.phase is Phase.CANCELLING:
        return
    if not is_outage(done.error):
        fleet.outage.on_answer()
    match done.error:
        case None:
            if entry.queue_entry.pause:
                yield from begin(fleet, entry)
            entry.answer(now, completed=done.answer)
            if done.answer and not fleet.job.confirm:
                yield from succeed(fleet, entry, None, now)
            elif not done.answer and (fleet.follows or not fleet.canary_passed):
                yield from follow(fleet, entry, now)
        case Throttled() as error:
            yield from on_throttled(fleet, entry, error, now)
        case ServerPending() as error:
            yield from requeue_later(fleet, entry, error.pending, now)
        case UnknownToken() as error:
            # Without a valid token, the fleet can send nothing and cannot poll the servers in flight either.
            yield from fail_all(fleet, error, now)
        case error if is_outage(error) or isinstance(error, HubBroken):
            entry.lose_answer(now, error)
            if is_outage(error):
                fleet.outage.on_lost_answer(now)
            fleet.schedule.expedite()
        case NotFound() as error if fleet.job.missing_ok and is_missing(error):
            yield from succeed(fleet, entry, None, now, "did not exist")
        case error:
            yield from fail(fleet, entry.target, error, now)


def on_throttled(fleet: State, entry: InFlight, error: Throttled, now: float) -> Flow[None]:
    """Return a server that the hub rejected to the queue, and back off."""
    fleet.drop(entry.target)
    in_progress = fleet.in_progress
    fleet.limiter.on_rejected(in_progress, error.retry_after, now)
    # If servers of this fleet are in progress, the next one that finishes makes room. Otherwise, wait for Retry-After.
    pause = 0.0 if in_progress else max(error.retry_after, 1.0)
    if pause and "backoff" not in fleet.forks:
        yield fleet.fork(_pause(pause), "backoff")
    waited = fleet.uptime(now) - entry.queue_entry.first_sent_uptime
    if waited + pause >= fleet.timeout:
        yield from give_up_waiting(fleet, entry.target, error, waited)
        return
    fleet.requeue(replace(entry.queue_entry, rejection=error))
    yield Emit(ServerEvent("queued", entry.target, short_message(error, entry.target), error=error))


def give_up_waiting(fleet: State, target: Target, error: HubError, waited: float) -> Flow[None]:
    """Fail a server that has waited in the queue for its whole timeout.

    If no server of this fleet is in progress, other users' servers fill the hub, and the fleet stops.
    """
    if isinstance(error, Throttled) and not fleet.in_progress:
        fleet.stop(f"the hub is busy starting other servers: {short_message(error, target)}")
    yield from fail(fleet, target, error, None, waited=waited)


def requeue_later(fleet: State, entry: InFlight, pending: str, now: float) -> Flow[None]:
    """Return a server to the queue after a pause, because of its pending action; usually the hub is stopping it."""
    left = entry.queue_entry.first_sent_uptime + fleet.timeout - fleet.uptime(now)
    fleet.drop(entry.target)
    user, name = entry.target.user, entry.target.name
    busy = Server(user=user, name=name, pending=pending)
    queued = replace(
        entry.queue_entry,
        rejection=timed_out(user, name, fleet.job.ends, busy, fleet.timeout),
        pause=max(min(2 * entry.queue_entry.pause, MAX_PAUSE_SECONDS, left), MIN_PAUSE_SECONDS),
    )
    if str(queued.rejection) != str(entry.queue_entry.rejection):
        yield Emit(ServerEvent("queued", entry.target, state_text(busy)))
    yield fleet.fork(_pause(queued.pause), queued)


def follow(fleet: State, entry: InFlight, now: float) -> Flow[None]:
    """Follow the progress stream of a server, on its first try only."""
    if fleet.job.follow is not None and entry.queue_entry.tries == 1:
        entry.follow()
        left = max(0.0, entry.sent + fleet.timeout - now)
        yield fleet.fork(fleet.job.follow(entry.target, left), ServerTag("follow", entry))


def _pause(seconds: float) -> Flow[None]:
    yield Sleep(seconds, jitter=0.1)
