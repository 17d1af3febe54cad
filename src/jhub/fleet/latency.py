"""Latency of the hub under load, measured with a cheap probe request."""

from __future__ import annotations

import math
from dataclasses import dataclass

from jhub.operations.hub import HubOps
from jhub.steps import Flow, Now

TRANSIT_SECONDS = 0.05
"""Upper bound for the time from the client to the hub, in seconds.

A request sent at least this long before a probe reaches the hub first.
"""
MIN_INTERVAL_SECONDS = 0.05
"""Seconds between two probes while the fleet waits for the result, at a load of 1."""
MAX_INTERVAL_SECONDS = 2.0
"""Seconds between two probes otherwise."""
MAX_UNPROBED_REQUESTS = 4
"""Number of requests after which a probe is due early; a larger burst raises it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The latency of one probe."""

    began: float
    """Time of `Now` when the probe was sent."""
    seconds: float
    """Latency in seconds."""


class LatencyProbe:
    """The schedule of the latency probes.

    A hub handles one request after the other. The response to a probe therefore means that the hub has accepted all
    earlier requests, and its latency is how long other users wait at that time.
    """

    def __init__(self, load: float, now: float) -> None:
        self._between = MIN_INTERVAL_SECONDS / load
        self._last = now
        self.sent = 0
        """Number of requests since the last probe."""

    def due(self, burst: int, unaccepted: int) -> float:
        """Return when the next probe is due: early if the fleet waits for it, never if no request was sent."""
        if unaccepted >= burst or self.sent >= max(MAX_UNPROBED_REQUESTS, burst):
            return self._last + self._between
        return self._last + MAX_INTERVAL_SECONDS if self.sent else math.inf

    def on_dispatch(self) -> None:
        """Count a request."""
        self.sent += 1

    def on_result(self, now: float) -> None:
        """Restart the interval at the end of a probe, whether it succeeded or failed."""
        self._last, self.sent = now, 0


def measure() -> Flow[Sample]:
    """Measure the latency of `GET /` (all versions), the cheapest request of the API."""
    began = yield from Now()
    yield from HubOps.version()
    return Sample(began, (yield from Now()) - began)
