"""Outages of the hub during an application, and limits of its proxy: each request waits until it gets an answer."""

from __future__ import annotations

from typing import Any, TypeVar

from jhub.errors import Throttled, Unavailable
from jhub.fleet.outage import MAX_OUTAGE_SECONDS, MAX_PAUSE_SECONDS, MAX_RETRY_AFTER_SECONDS
from jhub.interpreter import map_steps
from jhub.steps import Flow, Now, Operation, Request, Sleep, Step

T = TypeVar("T")


def wait_for_hub(operation: Operation[T]) -> Flow[T]:
    """Run an operation whose requests can all be repeated, and repeat those that the hub does not answer or throttles.

    After `MAX_OUTAGE_SECONDS` without an answer the operation gets the error. A hub that has never answered is not
    waited for.
    """
    reached = False

    def send(step: Step) -> Flow[Any]:
        nonlocal reached
        if not isinstance(step, Request):
            return (yield step)
        began, pause = (yield from Now()), 1.0
        while True:
            try:
                answer = yield step
            except (Unavailable, Throttled) as error:
                reached = reached or isinstance(error, Throttled)
                if not reached or (yield from Now()) - began > MAX_OUTAGE_SECONDS:
                    raise
                yield Sleep(max(pause, min(error.retry_after, MAX_RETRY_AFTER_SECONDS)), 0.1)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
            else:
                reached = True
                return answer

    return map_steps(operation, send)
