"""The concurrency limiter of a fleet."""

from __future__ import annotations

import pytest

from jhub.errors import InvalidInput
from jhub.fleet.limiter import INITIAL_BURST, LIMIT_TTL_SECONDS, MAX_BURST, MAX_IN_FLIGHT, ConcurrencyLimiter


def grown(load: float = 0.5) -> ConcurrencyLimiter:
    limiter = ConcurrencyLimiter(load)
    for _ in range(20):
        limiter.on_latency(0.02)
    return limiter


@pytest.mark.parametrize("load", [0, -1, 1.01, 50, float("nan")])
def test_an_invalid_load_is_refused(load: float) -> None:
    with pytest.raises(InvalidInput, match="hub_load"):
        ConcurrencyLimiter(load)


def test_unaccepted_requests_count_against_the_burst() -> None:
    limiter = ConcurrencyLimiter(1)
    assert limiter.available(0, 0, 0) == INITIAL_BURST
    assert limiter.available(5, 3, 0) == INITIAL_BURST - 3
    assert limiter.available(40, INITIAL_BURST, 0) == 0


def test_the_burst_grows_at_low_latency_and_shrinks_at_high_latency() -> None:
    limiter = ConcurrencyLimiter(0.5)
    for expected in (MAX_BURST // 2, MAX_BURST // 2):
        limiter.on_latency(0.02)
        assert limiter.burst == expected
    for expected in (4, 2, 1, 1):
        limiter.on_latency(1.5)
        assert limiter.burst == expected
    for expected in (2, 4, 8, 8):
        limiter.on_latency(0.08)
        assert limiter.burst == expected


def test_a_constant_high_latency_does_not_shrink_the_burst() -> None:
    limiter = ConcurrencyLimiter(0.5)
    for _ in range(20):
        limiter.on_latency(0.6)
    assert limiter.burst == MAX_BURST / 2


def test_a_lower_load_tolerates_less_added_latency() -> None:
    half, whole = grown(0.5), grown(1)
    assert half.burst < whole.burst
    before = whole.burst
    half.on_latency(0.25)
    whole.on_latency(0.25)
    assert (half.burst < grown(0.5).burst, whole.burst) == (True, before)


def test_a_hub_without_a_limit_has_a_maximum_in_flight() -> None:
    assert grown(1).available(MAX_IN_FLIGHT, 0, 0) == 0


@pytest.mark.parametrize(("load", "concurrency"), [(1, 64), (0.5, 32), (0.25, 16), (0.01, 1)])
def test_a_rejection_sets_the_limit_to_a_share_of_what_was_accepted(load: float, concurrency: int) -> None:
    limiter = grown(load)
    for taken in (70, 66, 64):  # a burst, partly rejected
        limiter.on_rejected(taken, 40, 0)
    assert limiter.concurrency == concurrency
    assert limiter.available(concurrency - 1, 0, 1) == 1
    assert limiter.available(concurrency, 0, 1) == 0


def test_the_concurrency_is_at_least_one() -> None:
    limiter = grown()
    limiter.on_rejected(0, 40, 0)
    assert limiter.available(0, 0, 1) == 1


def test_a_limit_expires_after_five_minutes() -> None:
    limiter = grown(0.5)
    limiter.on_rejected(10, 40, 100)
    assert limiter.available(5, 0, 100 + LIMIT_TTL_SECONDS - 1) == 0
    assert limiter.available(5, 0, 100 + LIMIT_TTL_SECONDS) == 1  # one at a time
    limiter.on_rejected(10, 40, 500)
    assert limiter.available(5, 0, 500 + LIMIT_TTL_SECONDS - 1) == 0


def test_at_full_load_a_limit_expires_after_retry_after() -> None:
    limiter = grown(1)
    limiter.on_rejected(10, 40, 100)
    assert limiter.available(10, 0, 139) == 0
    assert limiter.available(10, 0, 140) == 1
