"""Waiting for a server that another client started."""

from __future__ import annotations

from typing import Any

import pytest
from quirks import USED

from jhub.errors import NotFound, SpawnFailed, Unavailable, WaitTimeout
from jhub.operations.servers import ServerOps
from jhub.steps import Answer, Listen, Operation, Request
from jhub.testing import After, Reply, events, play, refusal, reply

READY = {"name": "lab", "ready": True, **USED}
PENDING = {"name": "lab", "pending": "spawn"}


def test_a_ready_server_is_returned_at_once() -> None:
    played = play(ServerOps.wait("ana", "lab"), lambda step: reply(json=READY))
    assert played.result.target == "ana/lab"
    assert played.seconds == 0


def test_a_starting_server_is_followed_and_nothing_is_started() -> None:
    played = play(
        ServerOps.wait("ana", "lab"),
        [reply(json=PENDING), After(40, events({"ready": True})), reply(json=READY)],
    )
    assert played.result.ready
    assert played.seconds == 40
    assert not [call for call in played.calls if call.startswith("POST")]


def test_waiting_for_a_missing_server_is_not_found() -> None:
    owner = reply(json={"name": "ana", "servers": {"": {"name": "", "stopped": True}}})
    played = play(ServerOps.wait("ana", "lab"), [refusal(404), owner])
    assert isinstance(played.error, NotFound)
    assert str(played.error) == "server ana/lab: not created"
    assert played.seconds == 0


def test_a_stopped_server_has_the_reason_of_its_last_failure() -> None:
    played = play(
        ServerOps.wait("ana", "lab"),
        [
            reply(json={"name": "lab"}),
            reply(json={"name": "ana", "servers": {"lab": {"name": "lab"}}}),
            events({"failed": True, "message": "Spawn failed: no\nquota"}),
        ],
    )
    with pytest.raises(SpawnFailed) as caught:
        _ = played.result
    assert caught.value.reason == "no quota"


@pytest.mark.parametrize(
    "event",
    [
        {"message": None, "progress": 50},
        {"message": "pulling", "progress": "50"},
        {"message": {"reason": "Pulling"}},
        {"progress": 50, "url": 7},
    ],
)
def test_an_odd_event_of_a_spawner_does_not_end_the_wait(event: dict[str, Any]) -> None:
    """JupyterHub passes the events of the spawner's `progress` on unchecked."""
    played = play(
        ServerOps.wait("ana", "lab"),
        [reply(json=PENDING), events(event, {"ready": True}), reply(json=READY)],
    )
    assert played.result.ready


def test_waiting_ends_at_the_timeout() -> None:
    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        return After(1000, events()) if isinstance(step, Listen) else reply(json=PENDING)

    played = play(ServerOps.wait("ana", "lab", timeout=50), answer)
    assert isinstance(played.error, WaitTimeout)
    assert played.seconds == 50


def test_a_wait_survives_a_restart_of_the_hub() -> None:
    down = Unavailable("refused", sent=False)
    answers: list[Reply] = [reply(json=PENDING), reply(json=PENDING), *[down] * 20]
    played = play(ServerOps.wait("ana", "lab"), lambda step: answers.pop(0) if answers else reply(json=READY))
    assert played.result.ready
    assert 5 < played.seconds < 120


def test_a_wait_for_a_lost_hub_ends_at_the_timeout() -> None:
    answers: list[Reply] = [reply(json=PENDING)]
    played = play(
        ServerOps.wait("ana", "lab", timeout=30),
        lambda step: answers.pop(0) if answers else Unavailable("refused", sent=False),
    )
    assert isinstance(played.error, Unavailable)
    assert 20 < played.seconds <= 35


@pytest.mark.parametrize(
    "plan",
    [
        ServerOps.stop("ana", "lab", timeout=5),
        ServerOps.delete("ana", "lab", timeout=5),
        ServerOps.wait("ana", "lab", timeout=5),
        ServerOps.restart("ana", "lab", timeout=5),
    ],
    ids=["stop", "delete", "wait", "restart"],
)
def test_retry_after_does_not_extend_the_timeout(plan: Operation[object]) -> None:
    played = play(plan, lambda step: Answer(503, {"retry-after": "60"}))
    assert isinstance(played.error, Unavailable)
    assert played.seconds <= 5
