"""When to stop sending: some hubs exit after a few failed starts in a row."""

from __future__ import annotations

from collections import Counter

from jhub.errors import Conflict, HubError, HubFull, InvalidInput, NotFound, Throttled

MAX_CONSECUTIVE_FAILURES = 2
MAX_CONSECUTIVE_WITH_LIMIT = 4
"""In a row, where more failures are allowed: zero-to-jupyterhub stops a hub after five
(`Spawner.consecutive_failure_limit`).
"""


class Breaker:
    """Counts failures. `why` is set once nothing more is to be sent."""

    def __init__(self, max_failures: int | None = None) -> None:
        if max_failures is not None and max_failures < 1:
            raise InvalidInput(f"max_failures={max_failures} would send nothing", hint="1 stops at the first failure")
        self._max_failures = max_failures
        self._consecutive = 0
        self._reasons: Counter[str] = Counter()
        self.reason = ""
        self.hub_full = False
        """The hub has no room, which is nobody's failure."""

    def on_success(self) -> None:
        """One succeeded: so does the hub's own count begin anew."""
        self._consecutive = 0

    def on_failure(self, error: HubError, reason: str) -> None:
        """One did not."""
        if isinstance(error, HubFull):
            self.reason, self.hub_full = self.reason or f"the hub is full: {reason}", True
            return
        if isinstance(error, Throttled):
            return  # it waited for its turn, and the hub started nothing
        self._reasons[reason] += 1
        # Where there is no such user, or the server runs otherwise, the hub has started nothing that could fail.
        harmless = isinstance(error, Conflict | InvalidInput) or (isinstance(error, NotFound) and error.status == 404)
        if not harmless:
            self._consecutive += 1
        if self._max_failures is not None and self._reasons.total() >= self._max_failures:
            self._trip(f"after {self._reasons.total()} failures")
        elif self._consecutive >= (
            MAX_CONSECUTIVE_FAILURES if self._max_failures is None else MAX_CONSECUTIVE_WITH_LIMIT
        ):
            self._trip(f"after {self._consecutive} failures in a row")

    def _trip(self, when: str) -> None:
        ((reason, count),) = self._reasons.most_common(1)
        self.reason = self.reason or f"{when}: {reason}" + (f" ({count} times)" if count > 1 else "")
