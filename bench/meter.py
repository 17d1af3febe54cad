"""What one listing takes, measured in the process that does it."""

from __future__ import annotations

import time

import psutil
from msgspec import Struct

USERS_PER_SAMPLE = 200
"""Users between two looks at the memory: a page."""


class Measurement(Struct, frozen=True, kw_only=True):
    """One listing. `began` and `ended` are on the system's monotonic clock, which all processes share."""

    users: int
    began: float
    ended: float
    memory: list[int]
    """Resident bytes of the process after every USERS_PER_SAMPLE users."""

    @property
    def seconds(self) -> float:
        """From the first page's request to the last user."""
        return self.ended - self.began

    def peak(self, users: int) -> int:
        """The most memory seen in use up to that many users."""
        return max(self.memory[: users // USERS_PER_SAMPLE])


class Meter:
    """Counts users, and looks at this process's memory now and then."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._users = 0
        self._memory: list[int] = []
        self._began = 0.0

    def start(self) -> None:
        """The listing begins."""
        self._began = time.monotonic()

    def count_user(self) -> None:
        """A user was listed."""
        self._users += 1
        if self._users % USERS_PER_SAMPLE == 0:
            self._memory.append(self._process.memory_info().rss)

    def measurement(self) -> Measurement:
        """The listing is over."""
        return Measurement(users=self._users, began=self._began, ended=time.monotonic(), memory=self._memory)
