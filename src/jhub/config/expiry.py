"""When a token ends, by the clock of this machine. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from jhub.models import as_utc

NEARLY = timedelta(days=3)
"""A token that ends sooner than this deserves a word, unless this is more than a tenth of its life."""


def local_end(life: float | None, now: datetime) -> datetime | None:
    """When a token ends that the hub made just now, for so many seconds. None for never.

    The hub's clock may be wrong, or this one, so only the distance of the hub's two times is taken from it.
    """
    return None if life is None else now + timedelta(seconds=life)


def trouble(created: datetime | None, end: datetime | None, now: datetime) -> str | None:
    """ "has ended", or "ends in 2 days" where little of a token's life is left; None where there is time enough."""
    if end is None:
        return None
    left = as_utc(end) - now
    if left <= timedelta(0):
        return "has ended"
    enough = NEARLY if created is None else min(NEARLY, (as_utc(end) - as_utc(created)) / 10)
    return f"ends in {_span(left)}" if left < enough else None


def _span(time: timedelta) -> str:
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        count = int(time.total_seconds() // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''}"
    return "less than a minute"
