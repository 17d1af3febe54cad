"""When to look at servers again: soon enough to keep the hub busy, and about once for each server that ends."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

MIN_POLL_SECONDS = 0.05
MAX_POLL_SECONDS = 10.0
PAUSE_FACTOR = 3.0
"""Pauses, in the time that a look takes at a load of 1: a hub has others to answer."""
MIN_CONFIRM_SECONDS = 1.0
"""Seconds after which servers that are known to be ready are looked at, all together, or longer: nothing waits for
that, and on a hub with a thousand servers a look takes as long as twenty starts.
"""
MAX_CONFIRM_SHARE = 0.05
"""Of the time, that such looks may take."""
SPARE_POLLS = 5
"""Looks beyond one for each server."""
EARLIEST_SHARE = 0.9
"""Share of the time that the fastest took, before which no other is looked for."""
QUIET_SHARE = 0.02
"""Share of the time since something changed: what takes minutes needs no look each second."""
AGE_SHARE = 0.2
"""Share of the time that servers are on their way, as long as none has ended."""


class PollSchedule:
    """The time from one look to the next, in seconds."""

    def __init__(self, load: float, now: float) -> None:
        self._pause_factor = PAUSE_FACTOR / load
        self.last = now
        """When the last look ended."""
        self._durations = deque[float](maxlen=5)
        self._average: float | None = None
        self._fastest = math.inf
        self._changed = now
        self._expedited = False
        self._finished = 0
        self._polls = 0

    def on_finished(self, seconds: float) -> None:
        """One server took that long."""
        self._finished += 1
        self._fastest = min(self._fastest, seconds)
        self._average = seconds if self._average is None else 0.8 * self._average + 0.2 * seconds

    def on_snapshot(self, now: float, seconds: float, *, changed: bool) -> None:
        """A look ended, so many seconds after it began, and something had changed, or not."""
        self.last, self._expedited = now, False
        self._durations.append(seconds)
        self._polls += 1
        if changed:
            self._changed = now

    def on_snapshot_failed(self, now: float) -> None:
        """Note a look that has seen nothing."""
        self.last = now

    def expedite(self) -> None:
        """There is news."""
        self._expedited = True

    def next(self, sent: Sequence[float], requests: int, *, all_ready: bool = False, some_ready: bool = False) -> float:
        """When to look at those on their way, which were sent at these moments, in so many requests.

        `last`: all are ready; `over`: some are.
        """
        # The shortest of some: the others had to wait for what the hub had to do.
        pause = max(MIN_POLL_SECONDS, self._pause_factor * min(self._durations, default=0.0))
        if self._expedited or all_ready:
            return self.last + min(pause, MAX_POLL_SECONDS)
        confirm = max(MIN_CONFIRM_SECONDS, self._durations[-1] / MAX_CONFIRM_SHARE if self._durations else 0.0)
        if not sent:
            return self.last + min(max(pause, confirm), MAX_POLL_SECONDS)
        # By the time of the last look: by the present one, it would move away as it comes near.
        quiet = self.last - self._changed
        if self._average is None:
            interval = AGE_SHARE * quiet
        else:
            # Where they do not come as the first ones did, looks become rare. One more than there are, or the last one
            # would be waited for as long again as it has taken.
            interval = max(self._average, self.last - sum(sent) / len(sent)) / (len(sent) + 1)
            interval *= max(1.0, self._polls * requests / (self._finished + len(sent) + SPARE_POLLS)) ** 2
        soon = self.last + min(max(pause, requests * interval, QUIET_SHARE * quiet), MAX_POLL_SECONDS)
        if self._average is not None:
            soon = max(soon, min(sent) + EARLIEST_SHARE * self._fastest)
        return min(soon, self.last + min(max(pause, confirm), MAX_POLL_SECONDS)) if some_ready else soon
