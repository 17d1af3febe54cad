"""When to stop sending: some hubs exit after a few failed starts in a row."""

from __future__ import annotations

from collections import Counter

from jhub.errors import Conflict, HubError, HubFull, InvalidInput, NotFound, Throttled

IN_A_ROW = 2
MOST_IN_A_ROW = 4
"""In a row, where more failures are allowed: zero-to-jupyterhub stops a hub after five
(`Spawner.consecutive_failure_limit`).
"""


class Breaker:
    """Counts failures. `why` is set once nothing more is to be sent."""

    def __init__(self, most: int | None = None) -> None:
        if most is not None and most < 1:
            raise InvalidInput(f"max_failures={most} would send nothing", hint="1 stops at the first failure")
        self._most = most
        self._in_a_row = 0
        self._reasons: Counter[str] = Counter()
        self.why = ""
        self.full = False
        """The hub has no room, which is nobody's failure."""

    def came_up(self) -> None:
        """One succeeded: so does the hub's own count begin anew."""
        self._in_a_row = 0

    def failed(self, error: HubError, reason: str) -> None:
        """One did not."""
        if isinstance(error, HubFull):
            self.why, self.full = self.why or f"the hub is full: {reason}", True
            return
        if isinstance(error, Throttled):
            return  # it waited for its turn, and the hub started nothing
        self._reasons[reason] += 1
        # Where there is no such user, or the server runs otherwise, the hub has started nothing that could fail.
        harmless = isinstance(error, Conflict | InvalidInput) or (isinstance(error, NotFound) and error.status == 404)
        if not harmless:
            self._in_a_row += 1
        if self._most is not None and self._reasons.total() >= self._most:
            self._trip(f"after {self._reasons.total()} failures")
        elif self._in_a_row >= (IN_A_ROW if self._most is None else MOST_IN_A_ROW):
            self._trip(f"after {self._in_a_row} failures in a row")

    def _trip(self, when: str) -> None:
        ((reason, count),) = self._reasons.most_common(1)
        self.why = self.why or f"{when}: {reason}" + (f" ({count} times)" if count > 1 else "")
