"""Outages of the hub during an application, and limits of its proxy: each request waits until it gets an answer."""

from __future__ import annotations

from typing import Any, TypeVar

from jhub.errors import HubError, NotAHub, Throttled, Unavailable, is_outage
from jhub.fleet.outage import MAX_OUTAGE_SECONDS, MAX_PAUSE_SECONDS, MAX_RETRY_AFTER_SECONDS
from jhub.interpreter import map_steps
from jhub.operations.hub import HubOps
from jhub.steps import Flow, Now, Operation, Request, Sleep, Step

T = TypeVar("T")


def wait_for_hub(operation: Operation[T]) -> Flow[T]:
    """Run an operation whose requests can all be repeated, and repeat those that the hub does not answer or throttles.

    After `MAX_OUTAGE_SECONDS` without an answer the operation gets the error, and its later requests are not repeated
    until the hub answers one. A hub that has never answered is not waited for.
    """
    reached = lost = False

    def send(step: Step) -> Flow[Any]:
        nonlocal reached, lost
        if not isinstance(step, Request):
            return (yield step)
        began, pause, hub_answers = (yield from Now()), 1.0, False
        while True:
            try:
                answer = yield step
            except (Unavailable, Throttled, NotAHub) as error:
                reached = reached or isinstance(error, Throttled)
                # A proxy that answers this request itself, although the hub is up, would do so again.
                refused = isinstance(error, NotAHub) and (hub_answers or not is_outage(error))
                if refused or not reached:
                    raise
                lost = lost or (yield from Now()) - began > MAX_OUTAGE_SECONDS
                if lost:
                    raise (Unavailable(str(error)) if isinstance(error, NotAHub) else error) from None
                retry_after = 0.0 if isinstance(error, NotAHub) else error.retry_after
                yield Sleep(max(pause, min(retry_after, MAX_RETRY_AFTER_SECONDS)), 0.1)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
                hub_answers = isinstance(error, NotAHub) and (yield from _hub_answers())
            else:
                reached, lost = True, False
                return answer

    return map_steps(operation, send)


def _hub_answers() -> Flow[bool]:
    try:
        yield from HubOps.version()
    except HubError:
        return False
    return True
