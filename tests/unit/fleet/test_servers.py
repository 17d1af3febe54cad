"""`servers.start_many`, `stop_many` and `delete_many`: the coordinator with real operations."""

from __future__ import annotations

import pytest
from busy_hub import BusyHub
from quirks import USED

from jhub.errors import Conflict, InvalidInput
from jhub.fleet.servers import FleetOps
from jhub.models import Server
from jhub.steps import Request
from jhub.testing import events, play, refusal, reply


def test_each_server_is_started_with_the_same_options() -> None:
    played = play(FleetOps.start_many(["ana", "ben/lab"], profile="gpu", user_options={"size": 2}), BusyHub())
    assert played.result.ok
    bodies = [step.body for step in played.sent if isinstance(step, Request) and step.method == "POST"]
    assert bodies == [{"user_options": {"profile": "gpu", "size": 2}}] * 2
    assert {event.server.target for event in played.result.done if event.server} == {"ana", "ben/lab"}


def test_progress_is_reported_and_the_end_only_once() -> None:
    played = play(FleetOps.start_many(["ana"]), BusyHub(20))
    assert [(event.kind, event.message, event.progress) for event in played.emitted] == [
        ("queued", "", None),
        ("starting", "", None),
        ("progress", "pulling", 50),
        ("ready", "", None),
    ]
    assert played.result.done[0].seconds == pytest.approx(20, abs=0.5)


def test_a_server_that_runs_with_these_options_is_ready() -> None:
    running = refusal(400, "ana is already running")
    model = {"name": "", "ready": True, **USED, "user_options": {"profile": "gpu"}}
    owner = {"name": "ana", "servers": {"": model}}
    stream = events({"ready": True})
    played = play(FleetOps.start_many(["ana"], profile="gpu"), [running, reply(json=model), stream, reply(json=owner)])
    assert played.result.ok


def test_a_server_that_runs_with_other_options_is_a_failure() -> None:
    running = refusal(400, "ana is already running")
    model = {"name": "", "ready": True, "user_options": {"profile": "lab", "password": "SECRET"}}
    played = play(FleetOps.start_many(["ana"], profile="gpu"), [running, reply(json=model)])
    (event,) = played.result.failed
    assert isinstance(event.error, Conflict)
    assert "profile=lab, password" in event.message
    assert "SECRET" not in event.message


def test_an_invalid_name_fails_its_server_only() -> None:
    hub = BusyHub()
    played = play(FleetOps.start_many(["Ana/Not A Name", "ana", "ben/Not A Name", "ben/lab", "cy"]), hub)
    assert {str(event.target) for event in played.result.failed} == {"Ana/Not A Name", "ben/Not A Name"}
    assert all(isinstance(event.error, InvalidInput) for event in played.result.failed)
    assert len(hub.posts) == len(played.result.done) == 3


def test_many_servers_are_stopped() -> None:
    hub = BusyHub(1)
    assert play(FleetOps.start_many(["ana", "ben/lab"]), hub).result.ok
    hub.settle()
    played = play(FleetOps.stop_many(["ana", Server(user="ben", name="lab")]), hub)
    assert played.result.ok
    assert [event.kind for event in played.result.done] == ["stopped", "stopped"]
    assert [event.kind for event in played.emitted if event.kind == "stopping"] == ["stopping", "stopping"]
    assert played.calls == ["DELETE /users/ana/server", "DELETE /users/ben/servers/lab"]


def test_many_servers_are_deleted() -> None:
    gone = {"DELETE": reply(204), "GET": reply(json={"name": "ana", "servers": {}})}
    played = play(
        FleetOps.delete_many(["ana/lab", "ben/gpu"]),
        lambda step: gone[step.method] if isinstance(step, Request) else events(),
    )
    assert [event.kind for event in played.result.done] == ["deleted", "deleted"]
    assert [event.kind for event in played.emitted if event.kind == "deleting"] == ["deleting", "deleting"]
    bodies = [step.body for step in played.sent if isinstance(step, Request) and step.method == "DELETE"]
    assert bodies == [{"remove": True}] * 2


def test_deleting_a_default_server_fails_without_a_request() -> None:
    played = play(FleetOps.delete_many(["ana"]))
    (event,) = played.result.failed
    assert isinstance(event.error, InvalidInput)
    assert played.sent == []


@pytest.mark.parametrize("bad", ["", "ana/", "/lab"])
def test_an_invalid_target_is_refused_before_the_first_request(bad: str) -> None:
    with pytest.raises(InvalidInput, match="invalid server"):
        _ = play(FleetOps.stop_many([bad, "ana"])).result


def test_a_single_string_is_one_target() -> None:
    played = play(FleetOps.stop_many("zed/q"), [reply(204)])
    assert played.calls == ["DELETE /users/zed/servers/q"]


def test_a_mistyped_server_does_not_keep_other_servers_running() -> None:
    played = play(
        FleetOps.stop_many(["no1", "no2", "no3", "ana"]),
        lambda step: reply(204) if step.path == "/users/ana/server" else refusal(404),
    )
    assert [str(event.target) for event in played.result.done] == ["ana"]
    assert played.result.skipped == ()


@pytest.mark.parametrize("bad", ["../admin", "a\nb", "ana/lab/../x"])
def test_a_target_with_an_invalid_name_fails_and_others_are_stopped(bad: str) -> None:
    played = play(FleetOps.stop_many([bad, "ana"]), [reply(204)])
    assert [str(event.target) for event in played.result.done] == ["ana"]
    assert isinstance(played.result.failed[0].error, InvalidInput)
