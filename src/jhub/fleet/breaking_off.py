"""Breaking off: nothing more is sent, and what is on its way is taken back, where the hub can do that."""

from __future__ import annotations

from jhub.fleet.events import ServerEvent
from jhub.fleet.finish import cancel_forks, emit_final
from jhub.fleet.in_flight import InFlight, ServerTag
from jhub.fleet.state import State
from jhub.steps import Done, Flow, HubVersion

MIN_CANCEL_VERSION = (5, 1)
"""The first JupyterHub where stopping a server that is starting cancels the start."""


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
