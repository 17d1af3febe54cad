"""Outages of the hub during an application: each request waits until the hub is back."""

from __future__ import annotations

from typing import Any, TypeVar

from jhub.errors import Unavailable
from jhub.fleet.outage import MAX_OUTAGE_SECONDS, MAX_PAUSE_SECONDS
from jhub.interpreter import map_steps
from jhub.steps import Flow, Now, Operation, Request, Sleep, Step

T = TypeVar("T")


def wait_for_hub(operation: Operation[T]) -> Flow[T]:
    """Run an operation whose requests can all be repeated, and repeat those that the hub does not answer.

    After `MAX_OUTAGE_SECONDS` without an answer the operation gets the error. A hub that has never answered is not
    waited for.
    """
    reached = False

    def send(step: Step) -> Flow[Any]:
        nonlocal reached
        if not isinstance(step, Request):
            return (yield step)
        began, pause = (yield from Now()) if reached else 0.0, 1.0
        while True:
            try:
                answer = yield step
            except Unavailable as error:
                if not reached or (yield from Now()) - began > MAX_OUTAGE_SECONDS:
                    raise
                yield Sleep(max(pause, min(error.retry_after, MAX_PAUSE_SECONDS)), 0.1)
                pause = min(2 * pause, MAX_PAUSE_SECONDS)
            else:
                reached = True
                return answer

    return map_steps(operation, send)
