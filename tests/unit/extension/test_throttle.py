"""Who fails waits, longer each time, and never for good."""

from __future__ import annotations

import pytest

from jhub.extension import throttle
from jhub.extension.throttle import Busy, Limit, Slowing

LIMIT = Limit(free=2, first=0.5, most=5.0, at_once=2)


def failed(names: Slowing, key: str, times: int, now: float = 0.0) -> Slowing:
    for _ in range(times):
        names.failed(key, now)
    return names


@pytest.mark.parametrize(
    ("failures", "seconds"), [(0, 0), (1, 0), (2, 0), (3, 0.5), (4, 1), (5, 2), (6, 4), (7, 5), (8, 5), (10**6, 5)]
)
def test_a_wait_grows_to_an_end(failures: int, seconds: float) -> None:
    assert LIMIT.wait(failures) == seconds


def test_only_the_key_that_failed_waits() -> None:
    names = failed(Slowing(LIMIT), "ana", 4)
    assert (names.wait("ana", 1.0), names.wait("bo", 1.0)) == (1.0, 0.0)


def test_a_success_clears_it() -> None:
    names = failed(Slowing(LIMIT), "ana", 9)
    names.succeeded("ana")
    names.succeeded("nobody")
    assert names.wait("ana", 0.0) == 0.0
    assert failed(names, "ana", 3).wait("ana", 0.0) == 0.5


def test_failures_are_forgotten_one_after_the_other_and_each_counts_anew() -> None:
    names = failed(Slowing(LIMIT), "ana", 9)
    each = throttle.QUIET_SECONDS / LIMIT.counted
    waits = [names.wait("ana", number * each + 0.1) for number in range(LIMIT.counted)]
    assert waits == [5.0, 4.0, 2.0, 1.0, 0.5, 0.0, 0.0]
    assert names.wait("ana", throttle.QUIET_SECONDS) == 0.0
    assert failed(names, "ana", 1, now=throttle.QUIET_SECONDS).wait("ana", throttle.QUIET_SECONDS) == 0.0


def test_a_failure_now_and_then_never_makes_anybody_wait() -> None:
    addresses = Slowing(Limit(free=100, first=0.5, most=5.0, at_once=50))
    for minute in range(1000):
        failed(addresses, "192.0.2.1", 1, now=minute * 60.0)
    assert addresses.wait("192.0.2.1", 60_000.0) == 0.0


def test_few_attempts_are_under_way_at_a_time() -> None:
    names = Slowing(LIMIT)
    with names.under_way("ana"):
        with names.under_way("ana"), names.under_way("bo"):
            with pytest.raises(Busy) as caught, names.under_way("ana"):
                pass
            assert caught.value.seconds == 5.0
        with names.under_way("ana"):
            pass
    with names.under_way("ana"), names.under_way("ana"):
        pass


def test_an_attempt_that_fails_leaves_its_place() -> None:
    names = Slowing(LIMIT)
    for _ in range(5):
        with pytest.raises(RuntimeError), names.under_way("ana"):
            raise RuntimeError


def test_the_memory_is_bounded_and_forgets_the_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(throttle, "MOST_KEYS", 3)
    names = Slowing(LIMIT)
    for key in ("a", "b", "c", "a", "d"):
        failed(names, key, 5)
    assert [names.wait(key, 0.0) > 0 for key in "abcd"] == [True, False, True, True]
