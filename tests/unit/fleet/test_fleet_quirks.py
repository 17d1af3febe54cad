"""Protection of the hub, which has one process, and may exit after five failed starts."""

from __future__ import annotations

from typing import Any

import pytest
from busy_hub import FULL, BusyHub
from quirks import bodies, requests, streams

from jhub.errors import HubBroken, HubFull, SpawnFailed, Throttled
from jhub.fleet.servers import FleetOps
from jhub.operations.groups import MAX_GROUPS_PER_REQUEST, GroupOps
from jhub.steps import Listen, Request
from jhub.testing import Reply, play, refusal, reply

USERS = [f"u{n}" for n in range(12)]
BUSY = refusal(429, "Too many users trying to log in right now.", headers={"retry-after": "45"})


@pytest.mark.parametrize("version", [(5, 5, 1), (6, 1, 1)])
def test_a_mistyped_profile_is_tried_twice_only(version: tuple[int, ...]) -> None:
    """The hub counts failed starts, 5.5.1 even a clean 403, and exits after `consecutive_failure_limit`."""
    gated: dict[str, Reply] = {f"/users/{user}/server": refusal(403, "profile gated") for user in USERS}
    hub = BusyHub(version=version, fails=lambda path: True, refuses=gated if version < (6,) else {})
    played = play(FleetOps.start_many(USERS, profile="gpx"), hub, version=".".join(map(str, version)))
    assert len(requests(played, "POST")) == 2
    assert len(played.result.failed) == 2
    assert len(played.result.skipped) == 10


def test_a_start_that_fails_with_a_500_is_tried_twice_only() -> None:
    hub = BusyHub(refuses={f"/users/{user}/server": refusal(500, "Internal Server Error") for user in USERS})
    played = play(FleetOps.start_many(USERS), hub)
    assert len(requests(played, "POST")) == 2
    assert all(isinstance(event.error, SpawnFailed) for event in played.result.failed)


def test_a_full_hub_stops_the_fleet_at_once() -> None:
    played = play(FleetOps.start_many(USERS), BusyHub(refuses={"/users/u0/server": FULL}))
    assert {type(event.error) for event in played.result.failed} == {HubFull}
    assert len(requests(played, "POST")) == 1
    assert played.seconds < 1


def test_a_hub_that_stays_busy_is_retried_until_the_timeout() -> None:
    played = play(FleetOps.start_many(USERS[:1], timeout=100), [BUSY] * 5)
    assert isinstance(played.result.failed[0].error, Throttled)
    assert played.seconds <= 100


def test_a_start_is_followed_by_one_stream_without_polling() -> None:
    played = play(FleetOps.start_many(["ana"]), BusyHub(20))
    assert len(streams(played)) == 1
    assert len(requests(played, "GET")) <= 2


def test_starts_do_not_reuse_the_options_of_last_time() -> None:
    played = play(FleetOps.start_many(USERS[:2]), BusyHub())
    assert bodies(played, "POST") == [{"user_options": {}}] * 2


class Always(dict[str, Reply]):
    """Answers that the hub gives each time."""

    def pop(self, key: str, *default: Any) -> Any:
        return self[key]


def test_failed_stops_do_not_keep_other_servers_running() -> None:
    """The hub does not count failed stops."""
    hub = BusyHub()
    assert play(FleetOps.start_many(USERS), hub).result.ok
    hub.settle()
    hub.refuses = {f"/users/{user}/server": refusal(500) for user in USERS[:5]}
    assert play(FleetOps.stop_many(USERS[:5]), hub).result.ok, "a failed stop is sent again, once"
    assert play(FleetOps.start_many(USERS), hub).result.ok
    hub.settle()
    hub.refuses = Always({f"/users/{user}/server": refusal(500) for user in USERS[:5]})
    played = play(FleetOps.stop_many(USERS), hub)
    assert {type(event.error) for event in played.result.failed} == {HubBroken}
    assert len(played.result.failed) == 5
    assert len(played.result.done) == 7
    assert not played.result.skipped


def test_a_bulk_write_is_chunked_because_it_blocks_the_hub() -> None:
    names = [f"g{n}" for n in range(120)]

    def create(step: Request[Any] | Listen[Any]) -> Reply:
        assert isinstance(step, Request)
        assert isinstance(step.body, dict)
        return reply(201, [{"name": name} for name in step.body["groups"]])

    played = play(GroupOps.create_many(names), create)
    assert [len(body["groups"]) for body in bodies(played)] == [50, 50, 20]
    assert MAX_GROUPS_PER_REQUEST == 50
    assert [group.name for group in played.result] == names


def test_a_201_for_a_server_that_still_starts_is_no_end() -> None:
    """JupyterHub 6.1 answers so to a start after a failed one."""
    hub = BusyHub(20, slow_spawn_timeout=0, answers_201_early=True)
    (ready,) = [event for event in play(FleetOps.start_many(["ana"]), hub).emitted if event.kind == "ready"]
    assert ready.seconds is not None
    assert 20 <= ready.seconds < 25
