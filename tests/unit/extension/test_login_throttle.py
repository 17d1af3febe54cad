"""Throttle of failed attempts: waits grow up to a maximum, and failures expire."""

from __future__ import annotations

import pytest

from jhub.extension import login_throttle
from jhub.extension.login_throttle import Limits, Throttle, TooManyInFlight

LIMITS = Limits(free_failures=2, first_wait_seconds=0.5, max_wait_seconds=5.0, max_in_flight=2)


def record_failure(names: Throttle, key: str, times: int, now: float = 0.0) -> Throttle:
    for _ in range(times):
        names.record_failure(key, now)
    return names


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (2, 0), (3, 0.5), (4, 1), (5, 2), (6, 4), (7, 5), (8, 5), (10**6, 5)]
)
def test_the_wait_doubles_up_to_the_maximum(failures: int, seconds: float) -> None:
    assert LIMITS.wait_seconds(failures) == seconds


def test_only_the_key_that_failed_waits() -> None:
    names = record_failure(Throttle(LIMITS), "ana", 4)
    assert (names.wait_seconds("ana", 1.0), names.wait_seconds("bo", 1.0)) == (1.0, 0.0)


def test_a_success_clears_the_wait() -> None:
    names = record_failure(Throttle(LIMITS), "ana", 9)
    names.record_success("ana")
    names.record_success("nobody")
    assert names.wait_seconds("ana", 0.0) == 0.0
    assert record_failure(names, "ana", 3).wait_seconds("ana", 0.0) == 0.5


def test_failures_expire_one_by_one_and_then_count_anew() -> None:
    names = record_failure(Throttle(LIMITS), "ana", 9)
    each = login_throttle.FORGET_SECONDS / LIMITS.max_failures
    waits = [names.wait_seconds("ana", number * each + 0.1) for number in range(LIMITS.max_failures)]
    assert waits == [5.0, 4.0, 2.0, 1.0, 0.5, 0.0, 0.0]
    assert names.wait_seconds("ana", login_throttle.FORGET_SECONDS) == 0.0
    record_failure(names, "ana", 1, now=login_throttle.FORGET_SECONDS)
    assert names.wait_seconds("ana", login_throttle.FORGET_SECONDS) == 0.0


def test_occasional_failures_never_cause_a_wait() -> None:
    addresses = Throttle(Limits(free_failures=100, first_wait_seconds=0.5, max_wait_seconds=5.0, max_in_flight=50))
    for minute in range(1000):
        record_failure(addresses, "192.0.2.1", 1, now=minute * 60.0)
    assert addresses.wait_seconds("192.0.2.1", 60_000.0) == 0.0


def test_attempts_in_flight_are_limited() -> None:
    names = Throttle(LIMITS)
    with names.in_flight("ana"):
        with names.in_flight("ana"), names.in_flight("bo"):
            with pytest.raises(TooManyInFlight) as caught, names.in_flight("ana"):
                pass
            assert caught.value.seconds == 5.0
        with names.in_flight("ana"):
            pass
    with names.in_flight("ana"), names.in_flight("ana"):
        pass


def test_a_failed_attempt_frees_its_place() -> None:
    names = Throttle(LIMITS)
    for _ in range(5):
        with pytest.raises(RuntimeError), names.in_flight("ana"):
            raise RuntimeError


def test_the_number_of_keys_is_limited_and_the_oldest_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login_throttle, "MAX_KEYS", 3)
    names = Throttle(LIMITS)
    for key in ("a", "b", "c", "a", "d"):
        record_failure(names, key, 5)
    assert [names.wait_seconds(key, 0.0) > 0 for key in "abcd"] == [True, False, True, True]
