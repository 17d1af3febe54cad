"""What a client of many servers can do to a JupyterHub: it has one process, and some exit after five failed starts."""

from __future__ import annotations

from typing import Any

import pytest
from trap import bodies, does, requests, streams

from jhub.errors import HubBroke, HubFull, SpawnFailed, Throttled
from jhub.fleet.coordinator import WINDOW
from jhub.fleet.servers import FleetOps
from jhub.operations.groups import CHUNK, GroupOps
from jhub.steps import Answer, Listen, Request
from jhub.testing import After, Events, Reply, events, play, refusal, reply

USERS = [f"u{n}" for n in range(12)]
BUSY = refusal(429, "Too many users trying to log in right now.", headers={"retry-after": "45"})
FULL = refusal(429, "Active user limit exceeded. Try again in a few minutes.")
NO_PROFILE = events({"failed": True, "message": "Spawn failed: No such profile: gpx"})


class Site:
    """A hub with `slow_spawn_timeout` 0: each start is a 202, and its end comes in the stream after a while."""

    def __init__(self, end: Events | None = None, *, refuse: list[Answer] | None = None) -> None:
        self.end = end or events({"ready": True})
        self.refuse = refuse or []
        self.up: set[str] = set()
        self.starting = self.most = 0

    def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
        path = step.path.removesuffix("/progress")
        if isinstance(step, Listen):
            self.starting -= 1
            self.up |= {path} if '"ready":true' in self.end.data[-1] else set()
            return After(10, self.end)
        if step.method == "POST":
            if self.refuse:
                return self.refuse.pop(0)
            self.starting += 1
            self.most = max(self.most, self.starting)
            return reply(202)
        return reply(json={"ready": path in self.up, "pending": None if path in self.up else "spawn"})


def test_one_server_must_come_up_before_others_are_asked_for() -> None:
    site = Site()
    played = play(FleetOps.start_many(USERS), site)
    assert played.result.ok
    first = next(n for n, call in enumerate(played.calls) if call.startswith("POST") and "u0" not in call)
    assert "LISTEN /users/u0/server/progress" in played.calls[:first]


@pytest.mark.parametrize("version", ["5.5.1", "6.1.1"])
def test_a_mistyped_profile_is_tried_twice_and_no_third_time(version: str) -> None:
    """Each failed start counts, on 5.5.1 even a clean 403, and after `consecutive_failure_limit` the hub exits."""
    if version < "6":
        played = play(FleetOps.start_many(USERS), lambda step: refusal(403, "profile gated"), version=version)
    else:
        played = play(FleetOps.start_many(USERS, profile="gpx"), Site(NO_PROFILE), version=version)
    assert len(requests(played, "POST")) == 2
    assert len(played.result.failed) == 2
    assert len(played.result.skipped) == 10


def test_a_hub_that_breaks_at_a_start_is_not_asked_again_and_again() -> None:
    site = Site(refuse=[refusal(500, "Internal Server Error")] * 12)
    played = play(
        FleetOps.start_many(USERS),
        lambda step: site(step) if does("POST", step) else refusal(404),
    )
    assert len(requests(played, "POST")) == 2
    assert all(isinstance(event.error, SpawnFailed) for event in played.result.failed)


def test_all_rest_when_one_is_asked_to_and_being_busy_is_no_failure() -> None:
    site = Site(refuse=[BUSY, BUSY])
    played = play(FleetOps.start_many(USERS[:3]), site)
    assert played.result.ok
    assert [event.kind for event in played.emitted if event.target.user == "u0"].count("queued") == 3
    # Two rests, then the first alone, then the two others side by side.
    assert played.seconds == 45 + 45 + 10 + 10


def test_a_full_hub_is_not_waited_for_and_ends_the_sending() -> None:
    played = play(FleetOps.start_many(USERS), lambda step: FULL)
    assert {type(event.error) for event in played.result.failed} == {HubFull}
    assert len(played.sent) == 2
    assert played.seconds == 0


def test_a_hub_that_is_never_less_busy_is_not_waited_for_beyond_the_timeout() -> None:
    played = play(FleetOps.start_many(USERS[:1], timeout=100), [BUSY] * 5)
    assert isinstance(played.result.failed[0].error, Throttled)
    assert played.seconds <= 100


def test_few_starts_are_under_way_at_a_time() -> None:
    """`concurrent_spawn_limit` is 64 on many hubs, and people want to start servers too."""
    site = Site()
    assert play(FleetOps.start_many(USERS), site).result.ok
    assert site.most <= WINDOW == 4


def test_a_start_is_followed_by_one_stream_and_not_by_looking_each_second() -> None:
    played = play(FleetOps.start_many(["ana"]), Site())
    assert len(streams(played)) == 1
    assert len(requests(played, "GET")) == 2


def test_no_start_of_a_fleet_takes_over_the_options_of_last_time() -> None:
    played = play(FleetOps.start_many(USERS[:2]), Site())
    assert bodies(played, "POST") == [{"user_options": {}}] * 2


def test_a_server_that_fails_to_stop_does_not_keep_the_others_running() -> None:
    """Stopping counts for nothing at the hub."""
    played = play(
        FleetOps.stop_many(USERS, at_once=1),
        lambda step: refusal(500) if step.path < "/users/u5" else reply(204),
    )
    assert {type(event.error) for event in played.result.failed} == {HubBroke}
    assert not played.result.skipped
    assert len(played.result.done) + len(played.result.failed) == 12


def test_a_bulk_write_is_cut_for_the_hub_answers_nobody_meanwhile() -> None:
    names = [f"g{n}" for n in range(120)]

    def create(step: Request[Any] | Listen[Any]) -> Reply:
        assert isinstance(step, Request)
        assert isinstance(step.body, dict)
        return reply(201, [{"name": name} for name in step.body["groups"]])

    played = play(GroupOps.create_many(names), create)
    assert [len(body["groups"]) for body in bodies(played)] == [50, 50, 20]
    assert CHUNK == 50
    assert [group.name for group in played.result] == names
