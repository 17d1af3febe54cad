"""The circuit breaker of a fleet."""

from __future__ import annotations

import pytest

from jhub.errors import Conflict, HubFull, InvalidInput, NotAuthorized, NotFound, SpawnFailed
from jhub.fleet.breaker import MAX_CONSECUTIVE_FAILURES, MAX_CONSECUTIVE_WITH_LIMIT, Breaker

FAILURE = SpawnFailed("ana", "no quota left")


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
        breaker.on_failure(Conflict("already running with other options"), "already runs")
    assert not breaker.reason
    breaker.on_failure(NotFound("unknown profile gpx", status=400), "unknown profile gpx")
    breaker.on_failure(NotAuthorized("not for you", status=403), "not for you")
    assert breaker.reason.startswith("after 2 failures in a row")


def test_a_full_hub_trips_the_breaker_without_a_failure() -> None:
    breaker = Breaker()
    breaker.on_failure(HubFull("Active user limit exceeded.", status=429), "Active user limit exceeded.")
    assert breaker.hub_full
    assert breaker.reason == "the hub is full: Active user limit exceeded."


@pytest.mark.parametrize("max_failures", [0, -3])
def test_max_failures_below_one_is_refused(max_failures: int) -> None:
    with pytest.raises(InvalidInput):
        Breaker(max_failures)
