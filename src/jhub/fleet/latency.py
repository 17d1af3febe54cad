"""How long a hub takes to answer something small, while it is given a lot to do."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jhub.operations.hub import HubOps
from jhub.steps import Flow, Now

TRANSIT_SECONDS = 0.05
"""Seconds that a request needs to get to the hub, or more: one that came before the beat was taken up before it."""
MIN_INTERVAL_SECONDS = 0.05
MAX_INTERVAL_SECONDS = 2.0
MAX_UNPROBED_REQUESTS = 4
"""Requests that are sent without feeling how the hub bears them."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer."""

    began: float
    """Of `Now`."""
    seconds: float


class LatencyProbe:
    """When to ask. A hub takes one request after the other: its answer says that earlier ones were taken up, too, and
    how long others wait at this moment.
    """

    def __init__(self, load: float, now: float) -> None:
        self._between = MIN_INTERVAL_SECONDS / load
        self._last = now
        self.sent = 0
        """Requests since then."""

    def due(self, burst: int, unaccepted: int) -> float:
        """When to ask again: soon if more is to be sent after the answer, never if nothing was sent."""
        if unaccepted >= burst or self.sent >= max(MAX_UNPROBED_REQUESTS, burst):
            return self._last + self._between
        return self._last + MAX_INTERVAL_SECONDS if self.sent else math.inf

    def on_dispatch(self) -> None:
        """Note a request that is sent."""
        self.sent += 1

    def on_result(self, now: float) -> None:
        """It was answered, or not."""
        self._last, self.sent = now, 0


def measure() -> Flow[Sample]:
    """`GET /` (all versions): nothing costs a hub less."""
    began = yield from Now()
    yield from HubOps.version()
    return Sample(began, (yield from Now()) - began)
