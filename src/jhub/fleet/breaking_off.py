"""Breaking off: nothing more is sent, and what is on its way is taken back, where the hub can do that."""

from __future__ import annotations

from jhub.fleet.ending import tell
from jhub.fleet.events import ServerEvent
from jhub.fleet.state import State
from jhub.fleet.under_way import UnderWay
from jhub.steps import Cancel, Done, Flow, Fork, HubVersion, Now

CANCELS = (5, 1)
"""The first JupyterHub where stopping a server that is starting cancels the start."""


def break_off(fleet: State) -> Flow[None]:
    """Send nothing more, if it has come to that."""
    if fleet.why or fleet.breaker is None or not fleet.breaker.why:
        return
    fleet.why = fleet.breaker.why
    if fleet.job.cancel is None or fleet.breaker.full or (yield from HubVersion()) < CANCELS:
        return
    # After one more look: what came up meanwhile is somebody's, and what has not arrived cannot be stopped.
    fleet.cancels = True
    fleet.rhythm.hurry()


def take_back(fleet: State, one: UnderWay) -> Flow[None]:
    """Cancel one that was seen on its way."""
    if fleet.job.cancel is not None:
        one.cancelling, one.answered, one.listening = True, None, False
        yield Fork(fleet.job.cancel(one.target), f"cancel {one.target}")


def cancelled(fleet: State, one: UnderWay, done: Done) -> Flow[None]:
    """The hub has answered to that."""
    one.answered = yield from Now()
    if done.error is not None:
        one.cancelling, one.ours = False, False  # it comes to its own end
        return
    yield Cancel(f"send {one.target}")  # some hubs answer it no more
    yield Cancel(f"follow {one.target}")
    if done.answer == 204:
        yield from taken_back(fleet, one)


def taken_back(fleet: State, one: UnderWay) -> Flow[None]:
    """It is gone."""
    fleet.under_way.drop(one.target)
    yield from tell(fleet, ServerEvent("skipped", one.target, f"cancelled {fleet.why}"))
