"""How much a hub is given at a time: what it takes, and a share of that where people are to be left room."""

from __future__ import annotations

import math

from jhub.errors import InvalidInput

DEFAULT_HUB_LOAD = 0.5
MAX_IN_FLIGHT = 200
"""Servers on their way, where the hub has no limit of its own: `concurrent_spawn_limit` is 100, on many hubs 64."""
INITIAL_BURST = 8
MAX_BURST = 16
"""Requests that the hub has not taken up yet, times the load. Others wait behind them, and where the hub has a limit
they are refused together.
"""
MAX_ADDED_LATENCY_SECONDS = 0.25
"""Seconds that an answer may take longer than on the hub at rest, times the load."""
LIMIT_TTL_SECONDS = 300.0
"""Seconds from a refusal to the next try to find more room, where some is left to others."""


class ConcurrencyLimiter:
    """Finds a hub's limit by itself.

    It grows while the hub takes what is sent and its answer times hold. Where the hub refuses a start, the limit is
    what it has taken; where answers become slow, less is sent until they are fast again.
    """

    def __init__(self, load: float = DEFAULT_HUB_LOAD) -> None:
        if not 0 < load <= 1:
            raise InvalidInput(
                f"a hub load of {load} is none", hint="give a share of what the hub takes, 0 < load <= 1"
            )
        self.load = load
        self._baseline = math.inf
        """The shortest answer seen: that of a hub without much to do."""
        self._limit_expires = math.inf
        self.limit: int | None = None
        """Servers of this fleet that the hub took when it refused one more."""
        self.burst = self._scaled(INITIAL_BURST)

    @property
    def concurrency(self) -> int:
        """Servers that may be on their way at a time. As long as no limit is known, that is what the hub takes."""
        return max(1, math.floor(self.load * (MAX_IN_FLIGHT if self.limit is None else self.limit)))

    def available(self, in_flight: int, unaccepted: int, now: float) -> int:
        """How many may be sent, with so many on their way, of which the hub has not taken up some yet."""
        if now >= self._limit_expires:
            self.limit, self._limit_expires, self.burst = None, math.inf, 1
        return max(0, min(self.concurrency - in_flight, self.burst - unaccepted))

    def on_latency(self, seconds: float) -> None:
        """The hub answered something small in that time; it takes one request after the other."""
        self._baseline = min(self._baseline, seconds)
        if seconds <= self._baseline + MAX_ADDED_LATENCY_SECONDS * self.load:
            self.burst = min(2 * self.burst, self._scaled(MAX_BURST))
        else:
            self.burst = max(1, self.burst // 2)

    def on_rejected(self, accepted: int, retry_after: float, now: float) -> None:
        """The hub did not take one more, with so many of this fleet on their way."""
        self.limit = accepted
        # With all of the limit wanted, the hub's own word on when to ask again is the one to go by.
        self._limit_expires = now + (max(retry_after, 1.0) if self.load == 1 else max(retry_after, LIMIT_TTL_SECONDS))

    def _scaled(self, burst: int) -> int:
        return max(1, math.floor(burst * self.load))
