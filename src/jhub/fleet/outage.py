"""Outages of the hub while a fleet runs, usually restarts: the fleet pauses and retries until the hub is back."""

from __future__ import annotations

import math

MAX_OUTAGE_SECONDS = 300.0
"""Maximum length of an outage, in seconds."""
MAX_PAUSE_SECONDS = 15.0
"""Maximum number of seconds between two attempts to reach the hub."""
MAX_RETRY_AFTER_SECONDS = 60.0
"""Maximum number of seconds of a `Retry-After` that the fleet respects."""
MAX_LOST_ANSWERS = 2
"""Maximum number of lost responses that do not count as an outage."""
SAME_OUTAGE_SECONDS = 10.0
"""Seconds within which a fleet detects all servers that the hub lost in one outage."""


class Outage:
    """A record of the hub's outages, and the state of the present one."""

    def __init__(self) -> None:
        self.count = 0
        """Number of outages that are over."""
        self.pause = 0.0
        """Seconds until the next attempt to reach the hub."""
        self.total_seconds = 0.0
        """Total length of the outages that are over, in seconds."""
        self.lost_answers = 0
        """Number of lost responses since the present outage began."""
        self.reached = False
        """True if the hub has ever answered; the fleet does not wait for a hub that never did."""
        self._announced = False
        self._since: float | None = None
        self._last_lost_start = -math.inf

    @property
    def active(self) -> bool:
        """True if an outage is in progress."""
        return self._since is not None

    def on_answer(self) -> None:
        """Record a response of the hub. It may be older than the outage."""
        self.reached = True

    def announce(self) -> bool:
        """Mark the outage as announced, and return whether it was not before."""
        first, self._announced = not self._announced, True
        return first

    def on_lost_answer(self, now: float) -> float:
        """Record a lost response, and return when the outage began. After the first one, an attempt is due at once."""
        self.lost_answers += 1
        if self._since is None:
            self._since, self.pause = now, 0.0
        return self._since

    def on_retry_failed(self, now: float, retry_after: float = 0.0) -> bool:
        """Record a failed attempt to reach the hub, and return whether to go on."""
        since = self.on_lost_answer(now)
        self.pause = max(min(retry_after, MAX_RETRY_AFTER_SECONDS), min(MAX_PAUSE_SECONDS, max(1.0, 2 * self.pause)))
        return now - since <= MAX_OUTAGE_SECONDS

    def end(self, now: float) -> bool:
        """Record that the hub answers again, and return whether more than a response or two got lost."""
        serious = self._announced or self.lost_answers > MAX_LOST_ANSWERS
        self.reached = True
        if self._since is not None:
            self.total_seconds += now - self._since
            self._since, self.lost_answers, self._announced = None, 0, False
            self.count += 1
        return serious

    def on_lost_start(self, outages: int, now: float) -> bool:
        """Record a server that the hub lost, sent after `outages` outages, and return whether an outage explains it.

        A single server may have been stopped by its owner. Several mean an outage too short to be detected otherwise.
        """
        noticed, together = outages < self.count, now - self._last_lost_start <= SAME_OUTAGE_SECONDS
        self._last_lost_start = now
        if together and not noticed:
            self.count += 1
        return noticed or together
