"""When to look at servers again: soon enough to keep the hub busy, and about once for each server that ends."""

from __future__ import annotations

SHORTEST = 0.05
LONGEST = 10.0
QUIET = 0.02
"""Share of the time since something changed: what takes minutes needs no look each second."""
AGE = 0.2
"""Share of the time that servers are on their way, as long as none has ended."""


class Rhythm:
    """The time from one look to the next, in seconds."""

    def __init__(self, load: float, now: float) -> None:
        self._rest = 1 / load
        """Pauses, in the time that a look takes: a busy hub has others to answer."""
        self.last = now
        """When the last look ended."""
        self._took = 0.0
        self._usual: float | None = None
        self._changed = now
        self._hurry = False

    def took(self, seconds: float) -> None:
        """One server took that long."""
        self._usual = seconds if self._usual is None else 0.8 * self._usual + 0.2 * seconds

    def looked(self, now: float, seconds: float, *, changed: bool) -> None:
        """A look ended, so many seconds after it began, and something had changed, or not."""
        self.last, self._took, self._hurry = now, seconds, False
        if changed:
            self._changed = now

    def hurry(self) -> None:
        """There is news."""
        self._hurry = True

    def next(self, now: float, count: int, requests: int, *, pressing: bool) -> float:
        """When to look, with so many to look at in so many requests; `pressing`: more is sent as soon as it is known
        what has become of these.
        """
        pause = max(SHORTEST, self._took * self._rest)
        if not (self._hurry or pressing):
            quiet = now - self._changed
            each = AGE * quiet if self._usual is None else self._usual / count
            pause = max(pause, requests * each, QUIET * quiet)
        return self.last + min(pause, LONGEST)
