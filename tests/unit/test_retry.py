"""`jhub.retry`: which failures of a request are retried, and after which pause."""

from __future__ import annotations

import pytest

from jhub.errors import Throttled, Unavailable
from jhub.retry import FIRST_PAUSE_SECONDS, MAX_RETRIES, Retries


def unavailable(status: int | None = None, *, sent: bool = True, retry_after: float = 0.0) -> Unavailable:
    error = Unavailable("no answer")
    error.status, error.sent, error.retry_after = status, sent, retry_after
    return error


def throttled(retry_after: float) -> Throttled:
    return Throttled("slow down", retry_after)


def pauses(idempotent: bool, error: Unavailable | Throttled) -> list[float]:
    retries, seconds = Retries(idempotent), []
    while True:
        try:
            seconds.append(retries.pause_after(error)[0])
        except type(error):
            return seconds


def test_an_idempotent_request_is_retried_with_growing_pauses() -> None:
    assert pauses(True, unavailable(502)) == [FIRST_PAUSE_SECONDS * 3**n for n in range(MAX_RETRIES)]


def test_a_request_that_may_have_arrived_is_not_repeated() -> None:
    assert pauses(False, unavailable(502)) == []
    assert pauses(False, throttled(1)) == []


@pytest.mark.parametrize("idempotent", [True, False])
def test_a_refused_connection_is_tried_once_more(idempotent: bool) -> None:
    assert pauses(idempotent, unavailable(sent=False)) == [FIRST_PAUSE_SECONDS]


def test_a_longer_retry_after_replaces_the_pause() -> None:
    assert pauses(True, throttled(5)) == [5, 5, 5]


def test_the_total_of_retry_after_is_bounded() -> None:
    assert pauses(True, throttled(25)) == [25, 25]
    assert pauses(True, throttled(61)) == []


@pytest.mark.parametrize(("status", "arrived"), [(None, True), (502, True), (503, False), (504, True)])
def test_a_lost_answer_is_remembered(status: int | None, arrived: bool) -> None:
    retries = Retries(True)
    retries.pause_after(unavailable(status))
    assert retries.may_have_arrived is arrived
