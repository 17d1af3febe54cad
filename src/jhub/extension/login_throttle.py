"""Throttle of failed logins: the wait before the next attempt. Pure: the caller passes the time, and does the waiting.

Nobody is ever locked out: every wait ends, a success clears the wait of a name, and all failures expire.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager

from msgspec import Struct

MAX_KEYS = 10_000
"""Maximum number of keys that are kept. Beyond it, the key whose last failure is the oldest is dropped."""
FORGET_SECONDS = 600.0
"""Time in which all failures of a key expire, one after the other at equal intervals.

Otherwise a single forgotten script would make everybody at its address wait for as long as it runs.
"""


class Limits(Struct, frozen=True, kw_only=True):
    """Limits of a throttle: the cost of failures, and the number of attempts in flight."""

    free_failures: int
    """Failures without a wait: people mistype."""
    first_wait_seconds: float
    """Wait after the first failure beyond those; it doubles with each further failure."""
    max_wait_seconds: float
    """Maximum wait."""
    max_in_flight: int
    """Maximum number of attempts in flight for a key."""

    @property
    def max_failures(self) -> int:
        """The number of failures at which the wait reaches its maximum. No more than these are counted."""
        return self.free_failures + 1 + math.ceil(math.log2(self.max_wait_seconds / self.first_wait_seconds))

    def wait_seconds(self, failures: int) -> float:
        """Return the wait after a number of failures."""
        excess = min(failures, self.max_failures) - self.free_failures
        return min(self.max_wait_seconds, self.first_wait_seconds * 2.0 ** (excess - 1)) if excess > 0 else 0.0


class TooManyInFlight(Exception):
    """Too many attempts are in flight; there may be room after `seconds`."""

    def __init__(self, seconds: float) -> None:
        """Store the time after which to try again."""
        super().__init__(seconds)
        self.seconds = seconds


class Throttle:
    """The failures and the attempts in flight of one kind of key, such as names."""

    def __init__(self, limits: Limits) -> None:
        """Start without failures."""
        self._limits = limits
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._in_flight: dict[str, int] = {}

    def wait_seconds(self, key: str, now: float) -> float:
        """Return the wait before the password of an attempt may be checked."""
        return self._limits.wait_seconds(math.ceil(self._count(key, now)))

    def record_failure(self, key: str, now: float) -> None:
        """Count a failure."""
        self._failures[key] = (min(self._count(key, now) + 1, self._limits.max_failures), now)
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def record_success(self, key: str) -> None:
        """Clear the failures of a key."""
        self._failures.pop(key, None)

    @contextmanager
    def in_flight(self, key: str) -> Generator[None, None, None]:
        """Hold a place for an attempt, from its wait to its end. Raises TooManyInFlight if a key has no place left.

        The limit keeps a burst of attempts from passing before the first failure is counted, and limits how many of
        them wait.
        """
        if self._in_flight.get(key, 0) >= self._limits.max_in_flight:
            raise TooManyInFlight(self._limits.max_wait_seconds)
        self._in_flight[key] = self._in_flight.get(key, 0) + 1
        try:
            yield
        finally:
            self._in_flight[key] -= 1
            if not self._in_flight[key]:
                del self._in_flight[key]

    def _count(self, key: str, now: float) -> float:
        """Return the failures of a key that have not expired, as a fraction."""
        count, last = self._failures.get(key, (0.0, now))
        return max(0.0, count - (now - last) * self._limits.max_failures / FORGET_SECONDS)
