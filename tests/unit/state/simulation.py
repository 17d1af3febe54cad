"""Several flows at one fake hub, on a virtual clock on which each request takes some time to arrive and to return."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

from jhub.errors import HubError
from jhub.interpreter import Interpreter
from jhub.steps import Emit, HubVersion, Now, Operation, Request, Sleep, Step
from jhub.testing import FakeHub


def run_together(fake: FakeHub, flows: list[Operation[Any]], seconds: Callable[[], float]) -> list[Any]:
    """Run flows at the same time, and return the result or the error of each. `seconds` is the time of one transit."""
    start = fake.time
    order = count()
    results: list[Any] = [None] * len(flows)
    due: list[tuple[float, int, Callable[[float], None]]] = []

    def at(time: float, act: Callable[[float], None]) -> None:
        heapq.heappush(due, (time, next(order), act))

    def begin(number: int, flow: Operation[Any]) -> Callable[[float], None]:
        running: list[Interpreter[Any]] = []

        def resume(go_on: Callable[[], None], time: float) -> None:
            try:
                go_on()
            except HubError as error:
                results[number] = error
                return
            step = running[0].step
            if step is None:
                results[number] = running[0].result
            else:
                carry_out(step, time)

        def carry_out(step: Step, time: float) -> None:
            match step:
                case Request():
                    at(time + seconds(), lambda arrival: handle(step, arrival))
                case Sleep():
                    at(time + step.seconds, lambda later: answer(None, later))
                case Now():
                    answer(time, time)
                case HubVersion():
                    answer((6, 1, 1), time)
                case Emit():
                    answer(None, time)
                case _:
                    raise NotImplementedError(step)

        def handle(request: Request[Any], time: float) -> None:
            fake.time = start + timedelta(seconds=time)
            found = fake(request)
            assert not isinstance(found, HubError)
            at(time + seconds(), lambda later: read(request, found, later))

        def read(request: Request[Any], found: Any, time: float) -> None:
            try:
                value = request.read(found)
            except HubError as error:
                failure = error
                resume(lambda: running[0].fail(failure), time)
            else:
                answer(value, time)

        def answer(value: object, time: float) -> None:
            resume(lambda: running[0].answer(value), time)

        return lambda time: resume(lambda: running.append(Interpreter(flow)), time)

    for number, flow in enumerate(flows):
        at(seconds(), begin(number, flow))
    while due:
        time, _, act = heapq.heappop(due)
        act(time)
    return results
