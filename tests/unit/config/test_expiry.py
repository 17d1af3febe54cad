"""The end of a token, with different clocks of hub and machine, and the warning before it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from jhub.config.expiry import expiry_warning, local_end
from jhub.models import Token

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize("ahead", [timedelta(0), 3 * HOUR, -3 * HOUR, 400 * DAY])
def test_a_wrong_hub_clock_does_not_change_a_tokens_lifetime(ahead: timedelta) -> None:
    made = Token(created=NOW + ahead, expires_at=NOW + ahead + 8 * HOUR)
    assert local_end(made.life, NOW) == NOW + 8 * HOUR


def test_a_lifetime_counts_times_without_a_zone_as_utc() -> None:
    made = Token(created=NOW.replace(tzinfo=None), expires_at=NOW + HOUR)
    assert made.life == HOUR.total_seconds()


def test_a_token_without_an_end_has_none() -> None:
    assert local_end(Token(created=NOW).life, NOW) is None
    assert expiry_warning(NOW, None, NOW + 9999 * DAY) is None


@pytest.mark.parametrize(
    ("life", "left", "said"),
    [
        (30 * DAY, 3 * DAY, None),
        (30 * DAY, 3 * DAY - MINUTE, "expires in 2 days"),
        (365 * DAY, 4 * DAY, None),
        (365 * DAY, 25 * HOUR, "expires in 1 day"),
        (10 * DAY, 25 * HOUR, None),
        (10 * DAY, 23 * HOUR, "expires in 23 hours"),
        (8 * HOUR, 48 * MINUTE, None),
        (8 * HOUR, 47 * MINUTE, "expires in 47 minutes"),
        (8 * HOUR, MINUTE / 2, "expires in less than a minute"),
        (8 * HOUR, 0 * DAY, "has expired"),
        (8 * HOUR, -DAY, "has expired"),
        (-HOUR, -DAY, "has expired"),
        (None, 3 * DAY, None),
        (None, 2 * DAY, "expires in 2 days"),
        (None, HOUR, "expires in 1 hour"),
    ],
)
def test_a_warning_is_due_when_a_tenth_of_the_lifetime_is_left(
    life: timedelta | None, left: timedelta, said: str | None
) -> None:
    end = NOW + left
    assert expiry_warning(None if life is None else end - life, end, NOW) == said


def test_times_without_a_zone_are_utc() -> None:
    naive = NOW.replace(tzinfo=None)
    assert expiry_warning(naive - 8 * HOUR, naive + MINUTE, NOW) == "expires in 1 minute"
