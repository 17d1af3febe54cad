"""Expiry of tokens, by this machine's clock. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from jhub.errors import counted
from jhub.models import as_utc

WARNING_PERIOD = timedelta(days=3)
"""Time before a token's expiry at which warnings begin, or a tenth of the token's life if that is shorter."""


def local_end(life: float | None, now: datetime) -> datetime | None:
    """Return the local expiry of a token that the hub has just created for `life` seconds; None for never.

    The hub's clock or this one may be wrong, so only the difference between the hub's two times is used.
    """
    return None if life is None else now + timedelta(seconds=life)


def expiry_warning(created: datetime | None, end: datetime | None, now: datetime) -> str | None:
    """Return "has expired", or "expires in 2 days" if little of a token's life is left; otherwise None."""
    if end is None:
        return None
    left = as_utc(end) - now
    if left <= timedelta(0):
        return "has expired"
    period = WARNING_PERIOD if created is None else min(WARNING_PERIOD, (as_utc(end) - as_utc(created)) / 10)
    return f"expires in {_format_span(left)}" if left < period else None


def _format_span(time: timedelta) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count = int(time.total_seconds() // size)
        if count:
            return counted(count, unit)
    return "less than a minute"
