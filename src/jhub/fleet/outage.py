"""A hub that goes away in the middle: it restarts, mostly, and is waited for."""

from __future__ import annotations

import math

MAX_OUTAGE_SECONDS = 300.0
"""Seconds that a hub without an answer is waited for."""
MAX_PAUSE_SECONDS = 15.0
"""Seconds between two tries to reach it."""
MAX_RETRY_AFTER_SECONDS = 60.0
"""Seconds of `Retry-After` that are kept to."""
MAX_LOST_ANSWERS = 2
"""Answers that may get lost for other reasons."""
SAME_OUTAGE_SECONDS = 10.0
"""Seconds within which all servers are noticed that the hub has forgotten at one time."""


class Outage:
    """Whether the hub is there."""

    def __init__(self) -> None:
        self.count = 0
        """Outages that are over."""
        self.pause = 0.0
        """Seconds to the next try."""
        self.total_seconds = 0.0
        """All of them."""
        self.lost_answers = 0
        """Answers that did not come."""
        self.reached = False
        """The hub has answered: one that never did is not waited for."""
        self._announced = False
        self._since: float | None = None
        self._last_lost_start = -math.inf

    @property
    def active(self) -> bool:
        """The hub gave no answer, and none since."""
        return self._since is not None

    def on_answer(self) -> None:
        """Note an answer of the hub. It may be older than the outage."""
        self.reached = True

    def announce(self) -> bool:
        """Return whether this outage was not announced before."""
        first, self._announced = not self._announced, True
        return first

    def begin(self, now: float) -> float:
        """Note an answer that did not come, and return since when none has. If that is news, the hub is looked for at
        once.
        """
        self.lost_answers += 1
        if self._since is None:
            self._since, self.pause = now, 0.0
        return self._since

    def extend(self, now: float, retry_after: float = 0.0) -> bool:
        """Looked for in vain; False once that was long enough."""
        since = self.begin(now)
        self.pause = max(min(retry_after, MAX_RETRY_AFTER_SECONDS), min(MAX_PAUSE_SECONDS, max(1.0, 2 * self.pause)))
        return now - since <= MAX_OUTAGE_SECONDS

    def end(self, now: float) -> bool:
        """Note that the hub answers. Return whether it was away for more than an answer or two that got lost."""
        serious = self._announced or self.lost_answers > MAX_LOST_ANSWERS
        self.reached = True
        if self._since is not None:
            self.total_seconds += now - self._since
            self._since, self.lost_answers, self._announced = None, 0, False
            self.count += 1
        return serious

    def on_lost_start(self, outages: int, now: float) -> bool:
        """Note a server that was sent after so many outages and is forgotten. Return whether that means an outage.

        One may have been stopped by its owner. More of them mean an outage so short that nobody has noticed it.
        """
        noticed, together = outages < self.count, now - self._last_lost_start <= SAME_OUTAGE_SECONDS
        self._last_lost_start = now
        if together and not noticed:
            self.count += 1
        return noticed or together
