"""How servers end: each once, and with the last word of its event."""

from __future__ import annotations

import math

from jhub.errors import HubError, SpawnFailed, WaitTimeout
from jhub.fleet.events import ServerEvent, Target
from jhub.fleet.in_flight import Child, Phase, UnderWay
from jhub.fleet.state import State, said
from jhub.models import Server
from jhub.steps import Cancel, Emit, Flow

GRACE = 15.0
"""Seconds beyond its time for a last look."""


def succeeded(fleet: State, one: UnderWay, server: Server | None, now: float) -> Flow[None]:
    """End one that has come to where it was to be; as failed, if that is not what was requested."""
    try:
        if server is not None:
            fleet.job.accept(server)
    except HubError as error:
        yield from failed(fleet, one.target, error, now)
        return
    fleet.drop(one.target)
    fleet.prove(one)
    if fleet.breaker is not None:
        fleet.breaker.came_up()
    # Where the answer was the end of it, a look has only fetched the model.
    ended = one.answered if one.phase is Phase.COMPLETED and one.answered is not None else now
    seconds = ended - one.sent
    fleet.schedule.on_finished(seconds)
    yield from tell(fleet, ServerEvent(fleet.job.ends, one.target, seconds=seconds, server=server))


def failed(fleet: State, target: Target, error: HubError, now: float | None) -> Flow[None]:
    """End one that has failed. Without a time, it was not sent."""
    one = fleet.drop(target)
    reason = said(error.reason if isinstance(error, SpawnFailed) else error, target)
    if fleet.breaker is not None and now is not None:
        fleet.breaker.failed(error, reason)
    seconds = now - one.sent if now is not None and one is not None else 0.0
    yield from tell(fleet, ServerEvent("failed", target, reason, seconds=seconds, error=error))


def tell(fleet: State, event: ServerEvent) -> Flow[None]:
    """Emit a server's last event."""
    yield Emit(fleet.tally.take(event))


def give_up(fleet: State, error: HubError, now: float) -> Flow[None]:
    """Fail those in flight, of which nothing can be known, and send nothing more."""
    fleet.stop(f"not sent: {error}")
    for one in list(fleet.under_way.values()):
        yield from failed(fleet, one.target, error, now)


def overdue(fleet: State, now: float) -> Flow[None]:
    """Fail those whose time is over, once a look has seen that they are not there."""
    if now < fleet.first_due:
        return
    for one in list(fleet.under_way.values()):
        if now >= end_of(fleet, one):
            late = fleet.job.overdue.format(seconds=fleet.timeout)
            error = WaitTimeout(f"server {one.target}: {late}", hint="wait on, or run the same command again")
            yield from failed(fleet, one.target, one.error or error, now)
            yield from abandon(one)


def abandon(one: UnderWay) -> Flow[None]:
    """End what still waits for an answer about one."""
    yield Cancel(Child("send", one))
    yield Cancel(Child("follow", one))


def next_end(fleet: State, now: float) -> float:
    """Return when the next one may have taken too long."""
    if now < (due := fleet.first_due):
        return due
    return min(end_of(fleet, each) for each in fleet.under_way.values())


def end_of(fleet: State, one: UnderWay) -> float:
    """Return when one has taken too long: not while it is found out why it failed, or whether the hub is there."""
    if one.phase is Phase.DIAGNOSING or fleet.outage.now:
        return math.inf
    due = fleet.due(one)
    # Where the hub has answered only a look tells; a stream does by itself.
    seen = one.answered is None or one.phase is Phase.FOLLOWED or fleet.seen >= due
    return due if seen else due + GRACE
