"""A hub that goes away in the middle: it restarts, mostly, and is waited for."""

from __future__ import annotations

import math

OUTAGE = 300.0
"""Seconds that a hub without an answer is waited for."""
LONGEST_PAUSE = 15.0
"""Seconds between two tries to reach it."""
LONGEST_WISH = 60.0
"""Seconds of `Retry-After` that are kept to."""
FEW = 2
"""Answers that may get lost for other reasons."""
TOGETHER = 10.0
"""Seconds within which all servers are noticed that the hub has forgotten at one time."""


class Outage:
    """Whether the hub is there."""

    def __init__(self) -> None:
        self.count = 0
        """Outages that are over."""
        self.pause = 0.0
        """Seconds to the next try."""
        self.seconds = 0.0
        """All of them."""
        self.signs = 0
        """Answers that did not come."""
        self.met = False
        """The hub has answered: one that never did is not waited for."""
        self._announced = False
        self._since: float | None = None
        self._forgotten = -math.inf

    @property
    def now(self) -> bool:
        """The hub gave no answer, and none since."""
        return self._since is not None

    def meet(self) -> None:
        """Note an answer of the hub. It may be older than the outage."""
        self.met = True

    def announce(self) -> bool:
        """Return whether this outage was not announced before."""
        news, self._announced = not self._announced, True
        return news

    def begins(self, now: float) -> float:
        """Note an answer that did not come, and return since when none has. If that is news, the hub is looked for at
        once.
        """
        self.signs += 1
        if self._since is None:
            self._since, self.pause = now, 0.0
        return self._since

    def goes_on(self, now: float, retry_after: float = 0.0) -> bool:
        """Looked for in vain; False once that was long enough."""
        since = self.begins(now)
        self.pause = max(min(retry_after, LONGEST_WISH), min(LONGEST_PAUSE, max(1.0, 2 * self.pause)))
        return now - since <= OUTAGE

    def ends(self, now: float) -> bool:
        """Note that the hub answers. Return whether it was away for more than an answer or two that got lost."""
        serious = self._announced or self.signs > FEW
        self.met = True
        if self._since is not None:
            self.seconds += now - self._since
            self._since, self.signs, self._announced = None, 0, False
            self.count += 1
        return serious

    def forgot(self, outages: int, now: float) -> bool:
        """Note a server that was sent after so many outages and is forgotten. Return whether that means an outage.

        One may have been stopped by its owner. More of them mean an outage so short that nobody has noticed it.
        """
        noticed, together = outages < self.count, now - self._forgotten <= TOGETHER
        self._forgotten = now
        if together and not noticed:
            self.count += 1
        return noticed or together
