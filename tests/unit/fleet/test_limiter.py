"""The concurrency limiter, the circuit breaker and the poll schedule of a fleet."""

from __future__ import annotations

import pytest

from jhub.errors import Conflict, HubFull, InvalidInput, NotAuthorized, NotFound, SpawnFailed
from jhub.fleet.breaker import MAX_CONSECUTIVE_FAILURES, MAX_CONSECUTIVE_WITH_LIMIT, Breaker
from jhub.fleet.limiter import INITIAL_BURST, LIMIT_TTL_SECONDS, MAX_BURST, MAX_IN_FLIGHT, ConcurrencyLimiter
from jhub.fleet.polling import MAX_POLL_SECONDS, MIN_CONFIRM_SECONDS, MIN_POLL_SECONDS, PAUSE_FACTOR, PollSchedule

FAILURE = SpawnFailed("ana", "no quota left")


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


def test_the_breaker_trips_after_two_failures_and_names_the_reason() -> None:
    breaker = Breaker()
    for n in range(MAX_CONSECUTIVE_FAILURES):
        assert not breaker.reason
        breaker.on_failure(FAILURE, "no quota left")
        assert bool(breaker.reason) == (n == MAX_CONSECUTIVE_FAILURES - 1)
    assert breaker.reason == "after 2 failures in a row: no quota left (2 times)"


def test_a_success_resets_the_consecutive_failures() -> None:
    breaker = Breaker()
    for _ in range(5):
        breaker.on_failure(FAILURE, "no quota left")
        breaker.on_success()
    assert not breaker.reason


def test_max_failures_counts_all_and_consecutive_failures() -> None:
    breaker = Breaker(10)
    for _ in range(MAX_CONSECUTIVE_WITH_LIMIT - 1):
        breaker.on_failure(FAILURE, "x")
    breaker.on_success()
    for n in range(6):
        assert not breaker.reason
        breaker.on_failure(FAILURE, f"reason {n}")
        breaker.on_success()
    breaker.on_failure(FAILURE, "x")
    assert breaker.reason == "after 10 failures: x (4 times)"
    breaker = Breaker(10)
    for _ in range(MAX_CONSECUTIVE_WITH_LIMIT):
        breaker.on_failure(FAILURE, "x")
    assert breaker.reason == "after 4 failures in a row: x (4 times)"
    assert MAX_CONSECUTIVE_WITH_LIMIT < 5  # zero-to-jupyterhub's consecutive_failure_limit


def test_errors_without_a_start_are_not_consecutive_failures() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.on_failure(NotFound("user zed: not found", status=404), "not found")
        breaker.on_failure(Conflict("already runs with other options"), "already runs")
    assert not breaker.reason
    breaker.on_failure(NotFound("unknown profile gpx", status=400), "unknown profile gpx")
    breaker.on_failure(NotAuthorized("not for you", status=403), "not for you")
    assert breaker.reason.startswith("after 2 failures in a row")


def test_a_full_hub_trips_the_breaker_without_a_failure() -> None:
    breaker = Breaker()
    breaker.on_failure(HubFull("Active user limit exceeded.", status=429), "Active user limit exceeded.")
    assert breaker.hub_full
    assert breaker.reason == "the hub is full: Active user limit exceeded."


@pytest.mark.parametrize("most", [0, -3])
def test_max_failures_below_one_is_refused(most: int) -> None:
    with pytest.raises(InvalidInput):
        Breaker(most)


def test_there_is_about_one_poll_for_each_server() -> None:
    schedule = PollSchedule(1, 0)
    schedule.on_finished(20)
    schedule.on_snapshot(100, 0.01, changed=True)
    assert schedule.next([80] * 9, 1) == 102
    assert schedule.next([80] * 9, 3) == 106  # each snapshot reads three pages
    assert schedule.next([80] * 1000, 1) == 100 + MIN_POLL_SECONDS


def test_a_pause_between_polls_leaves_the_hub_time_for_others() -> None:
    schedule = PollSchedule(0.5, 0)
    schedule.on_finished(1)
    for seconds in (0.9, 0.1, 0.4):  # two of them waited behind other requests
        schedule.on_snapshot(100, seconds, changed=True)
    assert schedule.next([99.5] * 100, 1) == pytest.approx(100 + 2 * PAUSE_FACTOR * 0.1)
    schedule.expedite()
    assert schedule.next([0] * 1, 1) == pytest.approx(100 + 2 * PAUSE_FACTOR * 0.1)


def test_polls_become_rare_for_servers_slower_than_the_first() -> None:
    schedule = PollSchedule(1, 0)
    for _ in range(20):
        schedule.on_finished(4)
    schedule.on_snapshot(60, 0.01, changed=True)
    assert schedule.next([0] * 19, 1) == 63  # as old as they are, one in 3 s
    for _ in range(90):
        schedule.on_snapshot(60, 0.01, changed=True)
    assert schedule.next([0] * 19, 1) == 70  # 91 polls for 39 servers


def test_the_last_server_is_polled_after_half_its_present_age() -> None:
    schedule = PollSchedule(1, 0)
    for _ in range(20):
        schedule.on_finished(1)
    schedule.on_snapshot(60, 0.01, changed=True)
    assert schedule.next([58], 1) == 61


def test_no_poll_comes_before_the_fastest_servers_time() -> None:
    schedule = PollSchedule(1, 0)
    schedule.on_finished(20)
    schedule.on_snapshot(100, 0.01, changed=True)
    assert schedule.next([100] * 64, 1) == 118
    schedule.on_finished(5)
    assert schedule.next([100] * 64, 1) == 104.5
    assert schedule.next([], 1) == 101  # ready servers do not wait for it


def test_ready_servers_are_confirmed_together() -> None:
    schedule = PollSchedule(1, 0)
    schedule.on_finished(60)
    schedule.on_snapshot(100, 0.01, changed=True)
    assert schedule.next([], 1) == 100 + MIN_CONFIRM_SECONDS
    assert schedule.next([], 1, all_ready=True) == 100 + MIN_POLL_SECONDS
    assert schedule.next([0] * 1, 1) == 100 + MAX_POLL_SECONDS


def test_polls_become_rare_if_nothing_changes() -> None:
    schedule = PollSchedule(1, 0)
    now, polls = 0.0, 0
    while now < 600:
        now = schedule.next([0] * 50, 1)
        schedule.on_snapshot(now, 0.01, changed=False)
        polls += 1
    assert polls < 100
