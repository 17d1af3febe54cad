"""How long somebody waits who may be guessing passwords. Pure: the time is told, and nothing waits here.

Nobody is ever locked out: a wait has an end, a success clears it for a name, and time does for all.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager

from msgspec import Struct

MAX_KEYS = 10_000
"""That are remembered; then those that failed longest ago are not."""
FORGET_SECONDS = 600.0
"""After which all of a key's failures are forgotten: one after the other, the first of them soon. Otherwise a single
forgotten script would in the end have everybody at its address wait, for as long as it runs.
"""


class Limits(Struct, frozen=True, kw_only=True):
    """What failures cost."""

    free_failures: int
    """Failures that cost nothing: people mistype."""
    first_wait_seconds: float
    """Seconds that the next attempt waits; twice as long after each further failure."""
    max_wait_seconds: float
    """Seconds that it waits at the most."""
    max_in_flight: int
    """Attempts that may be under way at a time."""

    @property
    def max_failures(self) -> int:
        """Failures beyond which the wait grows no more. More than these are not counted."""
        return self.free_failures + 1 + math.ceil(math.log2(self.max_wait_seconds / self.first_wait_seconds))

    def wait_seconds(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        excess = min(failures, self.max_failures) - self.free_failures
        return min(self.max_wait_seconds, self.first_wait_seconds * 2.0 ** (excess - 1)) if excess > 0 else 0.0


class TooManyInFlight(Exception):
    """Too many attempts are under way; `seconds` later there may be room."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Throttle:
    """The failures of one kind of key, such as names."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._in_flight: dict[str, int] = {}

    def wait_seconds(self, key: str, now: float) -> float:
        """Seconds that an attempt has to wait before the password is looked at."""
        return self._limits.wait_seconds(math.ceil(self._count(key, now)))

    def record_failure(self, key: str, now: float) -> None:
        """Count a failure."""
        self._failures[key] = (min(self._count(key, now) + 1, self._limits.max_failures), now)
        self._failures.move_to_end(key)
        if len(self._failures) > MAX_KEYS:
            self._failures.popitem(last=False)

    def record_success(self, key: str) -> None:
        """Forget the failures before."""
        self._failures.pop(key, None)

    @contextmanager
    def in_flight(self, key: str) -> Generator[None, None, None]:
        """An attempt, from its wait to its end. Raises Busy where there are too many of the same key.

        So a thousand at once do not all come before the first failure is counted, nor wait here all together.
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
        """What is left of a key's failures."""
        count, last = self._failures.get(key, (0.0, now))
        return max(0.0, count - (now - last) * self._limits.max_failures / FORGET_SECONDS)
