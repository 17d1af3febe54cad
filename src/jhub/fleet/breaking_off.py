"""Breaking off: nothing more is sent, and what is on its way is taken back, where the hub can do that."""

from __future__ import annotations

from jhub.fleet.events import ServerEvent
from jhub.fleet.finish import abandon, tell
from jhub.fleet.in_flight import Child, UnderWay
from jhub.fleet.state import State
from jhub.steps import Done, Flow, HubVersion

CANCELS = (5, 1)
"""The first JupyterHub where stopping a server that is starting cancels the start."""


def break_off(fleet: State) -> Flow[None]:
    """Send nothing more once the breaker has tripped."""
    if fleet.why or fleet.breaker is None or not fleet.breaker.why:
        return
    cancels = fleet.job.cancel is not None and not fleet.breaker.full and (yield from HubVersion()) >= CANCELS
    fleet.stop(fleet.breaker.why, cancels=cancels)
    if cancels:
        # After one more look: what came up meanwhile is somebody's, and what has not arrived cannot be stopped.
        fleet.schedule.expedite()


def take_back(fleet: State, one: UnderWay) -> Flow[None]:
    """Cancel one that was seen on its way."""
    if fleet.job.cancel is not None:
        one.cancel()
        yield fleet.fork(fleet.job.cancel(one.target), Child("cancel", one))


def cancelled(fleet: State, one: UnderWay, done: Done, now: float) -> Flow[None]:
    """Handle the hub's answer to that."""
    one.answer_cancel(now, accepted=done.error is None)
    if done.error is None:
        yield from abandon(one)  # some hubs do not answer the start any more
        if done.answer == 204:
            yield from taken_back(fleet, one)


def taken_back(fleet: State, one: UnderWay) -> Flow[None]:
    """Note that it is gone."""
    fleet.drop(one.target)
    yield from tell(fleet, ServerEvent("skipped", one.target, f"cancelled {fleet.why}"))
