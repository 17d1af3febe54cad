"""Poll schedule of a fleet: often enough to keep the hub busy, with about one snapshot for each server."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence

MIN_POLL_SECONDS = 0.05
"""Minimum number of seconds between two snapshots."""
MAX_POLL_SECONDS = 10.0
"""Maximum number of seconds between two snapshots, unless no server can be ready yet."""
PAUSE_FACTOR = 3.0
"""Minimum pause between two snapshots at a load of 1, in durations of a snapshot: the hub has other users to serve."""
MIN_CONFIRM_SECONDS = 1.0
"""Minimum number of seconds until a snapshot confirms servers that are known to be ready, all together.

Nothing waits for it, and on a hub with a thousand servers a snapshot takes as long as twenty starts.
"""
MAX_CONFIRM_SHARE = 0.05
"""Maximum share of the time that confirming snapshots take."""
SPARE_POLLS = 5
"""Number of snapshots beyond one for each server before polling slows down."""
EARLIEST_SHARE = 0.9
"""Share of the fastest server's time before which no other server is expected."""
QUIET_SHARE = 0.02
"""Minimum interval as a share of the time since the last change: a start of minutes needs no poll every second."""
AGE_SHARE = 0.2
"""Interval as a share of the time since the last change, until the first server has finished."""


class PollSchedule:
    """A schedule of snapshots, in seconds of `Now`."""

    def __init__(self, load: float, now: float) -> None:
        self._pause_factor = PAUSE_FACTOR / load
        self.last = now
        """Time when the last snapshot ended."""
        self._durations = deque[float](maxlen=5)
        self._average: float | None = None
        self._fastest = math.inf
        self._changed = now
        self._expedited = False
        self._finished = 0
        self._polls = 0

    def on_finished(self, seconds: float) -> None:
        """Record a server that finished after so many seconds."""
        self._finished += 1
        self._fastest = min(self._fastest, seconds)
        self._average = seconds if self._average is None else 0.8 * self._average + 0.2 * seconds

    def on_snapshot(self, now: float, seconds: float, *, changed: bool) -> None:
        """Record a snapshot: when it ended, how long it took, and whether any server had changed."""
        self.last, self._expedited = now, False
        self._durations.append(seconds)
        self._polls += 1
        if changed:
            self._changed = now

    def on_snapshot_failed(self, now: float) -> None:
        """Record a snapshot that failed."""
        self.last = now

    def expedite(self) -> None:
        """Poll as soon as allowed: something changed."""
        self._expedited = True

    def next(self, sent: Sequence[float], requests: int, *, all_ready: bool = False, any_ready: bool = False) -> float:
        """Return when to take the next snapshot.

        Parameters
        ----------
        sent
            Times at which the servers were sent that are not ready yet.
        requests
            Number of requests that a snapshot takes.
        all_ready
            All servers of the fleet are ready, and the snapshot confirms it.
        any_ready
            Servers are ready that wait for a snapshot to confirm it.
        """
        # The shortest of the last durations: in the others, the snapshot waited for other work of the hub.
        pause = max(MIN_POLL_SECONDS, self._pause_factor * min(self._durations, default=0.0))
        if self._expedited or all_ready:
            return self.last + min(pause, MAX_POLL_SECONDS)
        confirm = max(MIN_CONFIRM_SECONDS, self._durations[-1] / MAX_CONFIRM_SHARE if self._durations else 0.0)
        if not sent:
            return self.last + min(max(pause, confirm), MAX_POLL_SECONDS)
        # Relative to the last snapshot: relative to the present time, the due time would keep moving ahead.
        quiet = self.last - self._changed
        if self._average is None:
            interval = AGE_SHARE * quiet
        else:
            # Servers slower than the first ones make polls rarer. Without the extra one in the divisor, the last
            # server would be polled only after twice its present age.
            interval = max(self._average, self.last - sum(sent) / len(sent)) / (len(sent) + 1)
            interval *= max(1.0, self._polls * requests / (self._finished + len(sent) + SPARE_POLLS)) ** 2
        soon = self.last + min(max(pause, requests * interval, QUIET_SHARE * quiet), MAX_POLL_SECONDS)
        if self._average is not None:
            soon = max(soon, min(sent) + EARLIEST_SHARE * self._fastest)
        return min(soon, self.last + min(max(pause, confirm), MAX_POLL_SECONDS)) if any_ready else soon
