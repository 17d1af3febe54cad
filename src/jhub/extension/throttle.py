"""How long somebody waits who may be guessing passwords. Pure: the time is told, and nothing waits here.

Nobody is ever locked out: a wait has an end, a success clears it for a name, and time does for all.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Generator
from contextlib import contextmanager

from msgspec import Struct

MOST_KEYS = 10_000
"""That are remembered; then those that failed longest ago are not."""
QUIET_SECONDS = 600.0
"""After which all of a key's failures are forgotten: one after the other, the first of them soon. Otherwise a single
forgotten script would in the end have everybody at its address wait, for as long as it runs.
"""


class Limit(Struct, frozen=True, kw_only=True):
    """What failures cost."""

    free: int
    """Failures that cost nothing: people mistype."""
    first: float
    """Seconds that the next attempt waits; twice as long after each further failure."""
    most: float
    """Seconds that it waits at the most."""
    at_once: int
    """Attempts that may be under way at a time."""

    @property
    def counted(self) -> int:
        """Failures beyond which the wait grows no more. More than these are not counted."""
        return self.free + 1 + math.ceil(math.log2(self.most / self.first))

    def wait(self, failures: int) -> float:
        """Seconds to wait after so many failures."""
        over = min(failures, self.counted) - self.free
        return min(self.most, self.first * 2.0 ** (over - 1)) if over > 0 else 0.0


class Busy(Exception):
    """Too many attempts are under way; `seconds` later there may be room."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Slowing:
    """The failures of one kind of key, such as names."""

    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._failures: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._under_way: dict[str, int] = {}

    def wait(self, key: str, now: float) -> float:
        """Seconds that an attempt has to wait before the password is looked at."""
        return self._limit.wait(math.ceil(self._count(key, now)))

    def failed(self, key: str, now: float) -> None:
        """Count a failure."""
        self._failures[key] = (min(self._count(key, now) + 1, self._limit.counted), now)
        self._failures.move_to_end(key)
        if len(self._failures) > MOST_KEYS:
            self._failures.popitem(last=False)

    def succeeded(self, key: str) -> None:
        """Forget the failures before."""
        self._failures.pop(key, None)

    @contextmanager
    def under_way(self, key: str) -> Generator[None, None, None]:
        """An attempt, from its wait to its end. Raises Busy where there are too many of the same key.

        So a thousand at once do not all come before the first failure is counted, nor wait here all together.
        """
        if self._under_way.get(key, 0) >= self._limit.at_once:
            raise Busy(self._limit.most)
        self._under_way[key] = self._under_way.get(key, 0) + 1
        try:
            yield
        finally:
            self._under_way[key] -= 1
            if not self._under_way[key]:
                del self._under_way[key]

    def _count(self, key: str, now: float) -> float:
        """What is left of a key's failures."""
        count, last = self._failures.get(key, (0.0, now))
        return max(0.0, count - (now - last) * self._limit.counted / QUIET_SECONDS)
