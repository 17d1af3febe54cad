"""Circuit breaker of a fleet: it stops the dispatch after failed starts, as some hubs exit after a few in a row."""

from __future__ import annotations

from collections import Counter

from jhub.errors import Conflict, HubError, HubFull, InvalidInput, NotFound, StartCancelled, Throttled

MAX_CONSECUTIVE_FAILURES = 2
"""Number of consecutive failures that trips the breaker without `max_failures`."""
MAX_CONSECUTIVE_WITH_LIMIT = 4
"""Number of consecutive failures that trips the breaker with `max_failures`.

It is below 5, the limit after which a hub of zero-to-jupyterhub exits (`Spawner.consecutive_failure_limit`).
"""


class Breaker:
    """A circuit breaker that counts failures; a `reason` means that it has tripped.

    Parameters
    ----------
    max_failures
        Number of failures that trips the breaker, at least 1; None trips it after two consecutive ones.
    """

    def __init__(self, max_failures: int | None = None) -> None:
        if max_failures is not None and max_failures < 1:
            raise InvalidInput(
                f"max_failures must be at least 1, not {max_failures}", hint="use 1 to stop at the first failure"
            )
        self._max_failures = max_failures
        self._consecutive = 0
        self._reasons: Counter[str] = Counter()
        self.reason = ""
        """The reason for the trip; empty while the breaker is closed."""
        self.hub_full = False
        """True if the hub has reached its `active_server_limit`, which is not a failed start."""

    def on_success(self) -> None:
        """Reset the count of consecutive failures, as the hub does."""
        self._consecutive = 0

    def on_failure(self, error: HubError, reason: str) -> None:
        """Count a failure, and trip if there are too many."""
        if isinstance(error, HubFull):
            self.reason, self.hub_full = self.reason or f"the hub is full: {reason}", True
            return
        if isinstance(error, Throttled):
            return  # the server waited for its turn, and the hub started nothing
        self._reasons[reason] += 1
        # If the user does not exist or the server runs with other options, the hub has not started anything. A start
        # that somebody has cancelled is not a failure for the hub either.
        harmless = isinstance(error, Conflict | InvalidInput | StartCancelled) or (
            isinstance(error, NotFound) and error.status == 404
        )
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
