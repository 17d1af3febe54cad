"""The coordinator flow: so many at a time, back to the queue when the hub asks to slow down, stop when it fails."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterable

from jhub.errors import InvalidInput, SpawnFailed, Throttled
from jhub.fleet.events import Kind, ServerEvent, Summary, Tally, Target
from jhub.models import Server
from jhub.steps import Emit, Flow, Fork, Next, Now, Plan

TICK = 60.0
WINDOW = 4
"""Servers on their way at the same time."""
FORGIVEN = 2
"""Failures in a row after which nothing more is sent: some hubs exit after five (`consecutive_failure_limit`)."""


def coordinate(
    targets: Iterable[Target],
    child: Callable[[Target], Plan[Server | None]],
    *,
    begins: Kind,
    ends: Kind,
    window: int = WINDOW,
    patience: float = math.inf,
    careful: bool = False,
    forgiven: int | None = FORGIVEN,
) -> Flow[Summary]:
    """Run `child` for every target.

    A throttled one goes back to its place in the queue, and nothing is sent until the hub's `Retry-After` is over; it
    fails when `patience` seconds have passed since it was first sent. With `careful`, one must succeed before others
    are sent. After `forgiven` failures with no success in between the rest is skipped (None: never); what is under
    way comes to its end.
    """
    if window < 1:
        raise InvalidInput("a fleet needs at least one server at a time")
    began = yield from Now()
    waiting = list(enumerate(dict.fromkeys(targets)))  # a heap: those sent back keep their place
    running: dict[str, tuple[int, Target]] = {}
    tally: Tally[ServerEvent] = Tally()
    first_sent: dict[Target, float] = {}
    in_a_row = 0
    broken = False
    proven = not careful
    resume = began
    for _, target in waiting:
        yield Emit(ServerEvent("queued", target))
    while running or (waiting and not broken):
        now = yield from Now()
        while waiting and len(running) < (window if proven else 1) and not broken and now >= resume:
            place, target = heapq.heappop(waiting)
            running[str(target)] = place, target
            first_sent.setdefault(target, now)
            yield Emit(ServerEvent(begins, target))
            yield Fork(child(target), str(target))
        done = yield from Next(TICK if now >= resume else resume - now)
        if done is None:
            continue
        place, target = running.pop(done.tag)
        now = yield from Now()
        match done.error:
            case None:
                in_a_row = 0
                proven = True
                server: Server | None = done.answer
                yield Emit(tally.take(ServerEvent(ends, target, seconds=done.seconds, server=server)))
            case Throttled() as error if now + (pause := max(error.retry_after, 1.0)) < first_sent[target] + patience:
                heapq.heappush(waiting, (place, target))
                resume = now + pause
                yield Emit(ServerEvent("queued", target, str(error)))
            case error:
                in_a_row += 1
                broken = broken or in_a_row == forgiven
                reason = error.reason if isinstance(error, SpawnFailed) else str(error)
                reason = reason.removeprefix(f"server {target}: ")
                event = ServerEvent("failed", target, reason, seconds=done.seconds, error=error)
                yield Emit(tally.take(event))
    for _, target in sorted(waiting):
        yield Emit(tally.take(ServerEvent("skipped", target, f"after {forgiven} failures in a row")))
    return Summary(*tally.parts(), (yield from Now()) - began)
