"""Concurrency limit of a fleet: it ramps up and backs off with the hub, and leaves a share to other users."""

from __future__ import annotations

import math

from jhub.errors import InvalidInput

DEFAULT_HUB_LOAD = 0.5
"""Default share of the hub's limit that a fleet uses."""
MAX_IN_FLIGHT = 200
"""Maximum number of servers in flight, times the load, on a hub without a limit.

The default `concurrent_spawn_limit` is 100; many hubs set 64.
"""
INITIAL_BURST = 8
"""Burst at the beginning, times the load."""
MAX_BURST = 16
"""Maximum number of requests that the hub has not accepted yet, times the load.

Requests of other users wait behind them, and a hub at its limit rejects all of them.
"""
MAX_ADDED_LATENCY_SECONDS = 0.25
"""Maximum latency above that of an idle hub, times the load, in seconds."""
LIMIT_TTL_SECONDS = 300.0
"""Seconds from a rejection until the limiter tries for a higher limit, at a load below 1."""


class ConcurrencyLimiter:
    """A concurrency limiter that discovers the hub's limit.

    It ramps up while the hub accepts requests and the latency of a probe stays low. If the hub rejects a start, the
    limit is the number of servers that it has accepted. If latency rises, the limiter halves the burst until latency
    is low again.

    Parameters
    ----------
    load
        Share of the hub's limit that the fleet uses, 0 < load <= 1.
    """

    def __init__(self, load: float = DEFAULT_HUB_LOAD) -> None:
        if not 0 < load <= 1:
            raise InvalidInput(
                f"hub_load must be greater than 0 and at most 1, not {load}",
                hint="use 1 for all of the hub's limit, 0.5 for half of it",
            )
        self.load = load
        """Share of the hub's limit that the fleet uses."""
        self._baseline = math.inf
        """Lowest latency so far, which is that of an idle hub."""
        self._limit_expires = math.inf
        self.limit: int | None = None
        """Number of this fleet's servers in flight when the hub rejected one more; None before a rejection."""
        self.burst = self._scaled(INITIAL_BURST)
        """Maximum number of requests that the hub has not accepted yet."""

    @property
    def concurrency(self) -> int:
        """Maximum number of servers in flight."""
        return max(1, math.floor(self.load * (MAX_IN_FLIGHT if self.limit is None else self.limit)))

    def available(self, in_flight: int, unaccepted: int, now: float) -> int:
        """Return how many more servers may be sent, given those in flight and the requests not accepted yet."""
        if now >= self._limit_expires:
            self.limit, self._limit_expires, self.burst = None, math.inf, 1
        return max(0, min(self.concurrency - in_flight, self.burst - unaccepted))

    def on_latency(self, seconds: float) -> None:
        """Adapt the burst to the latency of a probe. A hub handles one request after the other."""
        self._baseline = min(self._baseline, seconds)
        if seconds <= self._baseline + MAX_ADDED_LATENCY_SECONDS * self.load:
            self.burst = min(2 * self.burst, self._scaled(MAX_BURST))
        else:
            self.burst = max(1, self.burst // 2)

    def on_rejected(self, accepted: int, retry_after: float, now: float) -> None:
        """Set the limit: the hub rejected a start while it worked on `accepted` servers of this fleet."""
        self.limit = accepted
        # At a load of 1 the fleet leaves nothing to others, so the hub's own Retry-After is enough.
        self._limit_expires = now + (max(retry_after, 1.0) if self.load == 1 else max(retry_after, LIMIT_TTL_SECONDS))

    def _scaled(self, burst: int) -> int:
        return max(1, math.floor(burst * self.load))
