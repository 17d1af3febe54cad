"""The poll schedule of a fleet."""

from __future__ import annotations

import pytest

from jhub.fleet.polling import MAX_POLL_SECONDS, MIN_CONFIRM_SECONDS, MIN_POLL_SECONDS, PAUSE_FACTOR, PollSchedule


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
