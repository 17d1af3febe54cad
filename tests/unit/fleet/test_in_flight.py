"""Phases of a server in flight."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from jhub.errors import BadRequest, HubBroken
from jhub.fleet.events import Target
from jhub.fleet.in_flight import InFlight, Pending, Phase
from jhub.models import Server
from jhub.operations.server_status import CONFIRM_SECONDS

LOST = HubBroken("no answer that says anything")

Change = Callable[[InFlight], None]


def accept(entry: InFlight) -> None:
    entry.accept()


def work(entry: InFlight) -> None:
    entry.answer(2, completed=False)


def complete(entry: InFlight) -> None:
    entry.answer(2, completed=True)


def lose(entry: InFlight) -> None:
    entry.lose_answer(2, LOST)


def follow(entry: InFlight) -> None:
    entry.follow()


def unfollow(entry: InFlight) -> None:
    entry.unfollow()


def diagnose(entry: InFlight) -> None:
    entry.diagnose()


def look(entry: InFlight) -> None:
    entry.confirm(10)


def cancel(entry: InFlight) -> None:
    entry.cancel()


def confirm(entry: InFlight) -> None:
    entry.answer_cancel(3, None)


def refuse(entry: InFlight) -> None:
    entry.answer_cancel(3, BadRequest("pending"))


def fail(entry: InFlight) -> None:
    entry.answer_cancel(3, LOST)


def after(*changes: Change) -> InFlight:
    entry = InFlight(Pending(0, Target("ana")), 1.0, 1.0, 0)
    for change in changes:
        change(entry)
    return entry


@pytest.mark.parametrize(
    ("changes", "phase", "answered"),
    [
        ((), Phase.REQUESTED, None),
        ((accept,), Phase.ACCEPTED, None),
        ((work,), Phase.ACCEPTED, 2),
        ((accept, complete), Phase.COMPLETED, 2),
        ((lose,), Phase.REQUESTED, 2),
        ((accept, lose), Phase.ACCEPTED, 2),
        ((work, follow), Phase.FOLLOWED, 2),
        ((work, follow, accept), Phase.FOLLOWED, 2),
        ((work, follow, unfollow), Phase.ACCEPTED, 2),
        ((lose, diagnose), Phase.DIAGNOSING, 2),
        ((work, follow, diagnose, unfollow), Phase.DIAGNOSING, 2),
        ((lose, diagnose, accept), Phase.DIAGNOSING, 2),
        ((work, follow, cancel), Phase.CANCELLING, None),
        ((work, follow, cancel, unfollow, accept), Phase.CANCELLING, None),
        ((work, cancel, confirm), Phase.CANCELLING, 3),
        ((work, cancel, refuse), Phase.ACCEPTED, 3),
        ((work, look), Phase.CONFIRMING, 2),
        ((work, look, accept), Phase.ACCEPTED, 2),
    ],
)
def test_each_transition_leads_to_a_phase(changes: tuple[Change, ...], phase: Phase, answered: float | None) -> None:
    entry = after(*changes)
    assert (entry.phase, entry.answered) == (phase, answered)


def test_accepting_is_a_change_once_and_clears_a_lost_answer() -> None:
    entry = after(lose)
    assert entry.error is LOST
    assert [entry.accept(), entry.accept()] == [True, False]
    assert after(lose, accept).error is None


def test_a_refused_cancellation_is_not_repeated_and_a_failed_one_is() -> None:
    assert after(work, cancel, confirm).ours
    assert not after(work, cancel, refuse).ours
    failed = after(work, cancel, fail)
    assert (failed.ours, failed.phase, failed.cancels) == (True, Phase.ACCEPTED, 1)


def test_a_server_that_looks_ready_is_confirmed_by_a_later_snapshot() -> None:
    entry = after(work)
    assert [entry.confirm(began) for began in (10, 10.2, 10 + CONFIRM_SECONDS)] == [False, False, True]
    assert entry.accept(), "it was cancelled, and is stopping"
    assert not entry.confirm(20)


def test_a_server_that_looked_ready_or_was_stopping_may_be_stopped() -> None:
    ready, stopping = Server(ready=True), Server(pending="stop")
    cases: list[tuple[bool, list[Server | None], bool]] = [
        (True, [stopping], True),
        (False, [ready], True),
        (False, [Server(pending="spawn"), stopping], True),
        (False, [stopping], False),
        (True, [Server(pending="spawn"), None], False),
    ]
    for ours, seen, expected in cases:
        entry = InFlight(Pending(0, Target("ana")), 1.0, 1.0, 0, ours)
        for server in seen:
            entry.observe(server)
        assert entry.may_be_stopped is expected
        assert entry.server is seen[-1]
