"""Retries of one request: which failures are retried, how often, and after which pause.

A request is retried after `Unavailable` (no answer, 502, 503, 504) and `Throttled` (429), with growing pauses or those
that `Retry-After` asks for. A request that is not idempotent is retried only if it never left. The start of a server
(`jhub.operations.server_start`) and a fleet (`jhub.fleet.dispatch`) repeat their POST themselves, because they have the
caller's timeout.
"""

from __future__ import annotations

from jhub.errors import Throttled, Unavailable

IDEMPOTENT_METHODS = {"GET", "HEAD", "PUT", "DELETE"}
"""HTTP methods that can be retried by default."""
MAX_RETRIES = 3
"""Maximum number of retries of one request."""
MAX_RETRIES_REFUSED = 1
"""Maximum number of retries when the request never left, for example after a refused connection."""
FIRST_PAUSE_SECONDS = 0.3
"""Seconds before the first retry; each further pause is three times as long."""
MAX_RETRY_AFTER_SECONDS = 60.0
"""Maximum total of seconds that `Retry-After` may ask for; beyond it the error is raised at once."""


class Retries:
    """The retries of one request so far.

    `may_have_arrived` is true after an attempt whose answer was lost: the hub may have carried it out.
    """

    def __init__(self, idempotent: bool) -> None:
        self.may_have_arrived = False
        self._idempotent = idempotent
        self._count = 0
        self._retry_after_total = 0.0

    def pause_after(self, error: Unavailable | Throttled) -> tuple[float, float]:
        """Return the seconds and the jitter of the pause before the next attempt.

        Raises the error if the request must not be retried.
        """
        sent = isinstance(error, Throttled) or error.sent
        # A 503 comes from a proxy that cannot reach the hub, so the request did not arrive.
        if sent and error.status in (None, 502, 504):
            self.may_have_arrived = True
        # Most hubs have a proxy that answers while they restart, so a refused connection rarely recovers soon. A POST
        # that may have arrived is reconciled by its flow.
        max_retries = MAX_RETRIES_REFUSED if not sent else MAX_RETRIES if self._idempotent else 0
        self._retry_after_total += error.retry_after
        if self._count >= max_retries or self._retry_after_total > MAX_RETRY_AFTER_SECONDS:
            raise error
        pause = FIRST_PAUSE_SECONDS * 3**self._count
        self._count += 1
        return (error.retry_after, 0.1) if error.retry_after > pause else (pause, 0.5)
