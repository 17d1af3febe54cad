"""When to look at servers again: soon enough to keep the hub busy, and about once for each server that ends."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

SHORTEST = 0.05
LONGEST = 10.0
REST = 3.0
"""Pauses, in the time that a look takes at a load of 1: a hub has others to answer."""
MODELS = 1.0
"""Seconds after which servers that are known to be ready are looked at, all together, or longer: nothing waits for
that, and on a hub with a thousand servers a look takes as long as twenty starts.
"""
SHARE = 0.05
"""Of the time, that such looks may take."""
SPARE = 5
"""Looks beyond one for each server."""
EARLY = 0.9
"""Share of the time that the fastest took, before which no other is looked for."""
QUIET = 0.02
"""Share of the time since something changed: what takes minutes needs no look each second."""
AGE = 0.2
"""Share of the time that servers are on their way, as long as none has ended."""


class Rhythm:
    """The time from one look to the next, in seconds."""

    def __init__(self, load: float, now: float) -> None:
        self._rest = REST / load
        self.last = now
        """When the last look ended."""
        self._took = deque[float](maxlen=5)
        self._usual: float | None = None
        self._fastest = math.inf
        self._changed = now
        self._hurry = False
        self._ended = 0
        self._looks = 0

    def took(self, seconds: float) -> None:
        """One server took that long."""
        self._ended += 1
        self._fastest = min(self._fastest, seconds)
        self._usual = seconds if self._usual is None else 0.8 * self._usual + 0.2 * seconds

    def looked(self, now: float, seconds: float, *, changed: bool) -> None:
        """A look ended, so many seconds after it began, and something had changed, or not."""
        self.last, self._hurry = now, False
        self._took.append(seconds)
        self._looks += 1
        if changed:
            self._changed = now

    def failed(self, now: float) -> None:
        """Note a look that has seen nothing."""
        self.last = now

    def hurry(self) -> None:
        """There is news."""
        self._hurry = True

    def next(self, sent: Sequence[float], requests: int, *, last: bool = False, over: bool = False) -> float:
        """When to look at those on their way, which were sent at these moments, in so many requests.

        `last`: all are ready; `over`: some are.
        """
        # The shortest of some: the others had to wait for what the hub had to do.
        pause = max(SHORTEST, self._rest * min(self._took, default=0.0))
        if self._hurry or last:
            return self.last + min(pause, LONGEST)
        models = max(MODELS, self._took[-1] / SHARE) if self._took else MODELS
        if not sent:
            return self.last + min(max(pause, models), LONGEST)
        # By the time of the last look: by the present one, it would move away as it comes near.
        quiet = self.last - self._changed
        if self._usual is None:
            each = AGE * quiet
        else:
            # Where they do not come as the first ones did, looks become rare. One more than there are, or the last one
            # would be waited for as long again as it has taken.
            each = max(self._usual, self.last - sum(sent) / len(sent)) / (len(sent) + 1)
            each *= max(1.0, self._looks * requests / (self._ended + len(sent) + SPARE)) ** 2
        soon = self.last + min(max(pause, requests * each, QUIET * quiet), LONGEST)
        if self._usual is not None:
            soon = max(soon, min(sent) + EARLY * self._fastest)
        return min(soon, self.last + min(max(pause, models), LONGEST)) if over else soon
