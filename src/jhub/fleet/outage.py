"""A hub that goes away in the middle: it restarts, mostly, and is waited for."""

from __future__ import annotations

OUTAGE = 300.0
"""Seconds that a hub without an answer is waited for."""
LONGEST_PAUSE = 15.0
"""Seconds between two tries to reach it."""
LONGEST_WISH = 60.0
"""Seconds of `Retry-After` that are kept to."""
FEW = 2
"""Answers that may get lost for other reasons."""


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
        self.told = False
        """Whether this one was told of."""
        self._since: float | None = None

    @property
    def now(self) -> bool:
        """The hub gave no answer, and none since."""
        return self._since is not None

    @property
    def serious(self) -> bool:
        """It is more than an answer or two that got lost."""
        return self.told or self.signs > FEW

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

    def ends(self, now: float) -> None:
        """The hub answers."""
        if self._since is not None:
            self.seconds += now - self._since
            self._since, self.signs, self.told = None, 0, False
            self.count += 1
