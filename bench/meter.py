"""Time and memory of one listing, measured in its own process."""

from __future__ import annotations

import time

import psutil
from msgspec import Struct

USERS_PER_SAMPLE = 200
"""Number of users between two samples of the memory: a page."""


class Measurement(Struct, frozen=True, kw_only=True):
    """One listing. `began` and `ended` are on the system's monotonic clock, which all processes share."""

    users: int
    began: float
    ended: float
    memory: list[int]
    """Resident bytes of the process after every USERS_PER_SAMPLE users."""

    @property
    def seconds(self) -> float:
        """Seconds from the request of the first page to the last user."""
        return self.ended - self.began

    def peak(self, users: int) -> int:
        """Return the peak memory up to that many users, in bytes."""
        return max(self.memory[: users // USERS_PER_SAMPLE])


class Meter:
    """A counter of users that samples this process's memory."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._users = 0
        self._memory: list[int] = []
        self._began = 0.0

    def start(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def count_user(self) -> None:
        """Count a user; sample the memory after every USERS_PER_SAMPLE."""
        self._users += 1
        if self._users % USERS_PER_SAMPLE == 0:
            self._memory.append(self._process.memory_info().rss)

    def measurement(self) -> Measurement:
        """Return the measurement of the listing that ends now."""
        return Measurement(users=self._users, began=self._began, ended=time.monotonic(), memory=self._memory)
