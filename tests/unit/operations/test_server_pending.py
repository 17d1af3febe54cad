"""Pending states of servers, and states that are not what they seem, played on a virtual clock."""

from __future__ import annotations

from typing import Any

import pytest
from quirks import USED, is_request

from jhub.errors import HubBroken, NotFound, ServerPending, StartCancelled, WaitTimeout
from jhub.models import Server
from jhub.operations.server_pending import state_text, timed_out
from jhub.operations.server_status import CONFIRM_SECONDS
from jhub.operations.servers import ServerOps
from jhub.steps import Answer, Listen, Request
from jhub.testing import After, Reply, events, play, refusal, reply

READY = {"name": "lab", "ready": True, **USED}
PENDING = {"name": "lab", "pending": "spawn"}


@pytest.mark.parametrize(
    ("server", "text"),
    [
        (None, "not created"),
        (Server(stopped=True), "stopped"),
        (Server(ready=True), "still running"),
        (Server(pending="spawn"), "still starting"),
        (Server(pending="stop"), "still stopping"),
        (Server(pending="check"), "still being checked by the hub, which has restarted"),
        (Server(pending="rename"), "still being renamed"),
        (Server(pending="resize"), "still pending resize"),
    ],
)
def test_a_timeout_names_the_state(server: Server | None, text: str) -> None:
    assert state_text(server) == text
    assert str(timed_out("ana", "lab", "ready", server, 60)) == f"server ana/lab: not ready after 60 s: {text}"


def test_a_timeout_has_a_hint_for_its_state() -> None:
    starting, stopping = Server(pending="spawn"), Server(pending="stop")
    assert "stop the server to cancel the start" in timed_out("ana", "", "ready", starting, 60).hint
    assert "before 5.1 cannot cancel" in timed_out("ana", "", "stopped", starting, 60).hint
    assert "check the hub's log" in timed_out("ana", "", "ready", stopping, 60).hint
    assert "drop the body" in timed_out("ana", "lab", "deleted", Server(stopped=True), 60).hint
    assert "drop the body" not in timed_out("ana", "lab", "deleted", stopping, 60).hint


UNUSED = {"name": "lab", "ready": True, "started": "2026-01-01T10:00:00Z", "last_activity": "2026-01-01T10:00:00Z"}
"""A server that has not reported any activity since its start began."""


def test_a_start_that_somebody_cancels_did_not_succeed() -> None:
    """JupyterHub 5.1 to 6.1 show the server ready, in the stream and in the model, before they stop it."""
    stream, stopping = After(4, events({"ready": True})), {"name": "lab", "pending": "stop"}
    for gone in ([refusal(404)], [reply(json=stopping), reply(json={"name": "lab"})]):
        played = play(
            ServerOps.start("ana", "lab"),
            [reply(202), reply(json=PENDING), stream, reply(json=UNUSED), *gone, refusal(404)],
        )
        assert isinstance(played.error, StartCancelled)
        assert str(played.error) == "server ana/lab did not start: stopped while it was starting"
        assert played.left == 0
        assert 5 < played.seconds < 9


def test_a_server_without_activity_is_ready_at_the_second_look() -> None:
    played = play(ServerOps.start("ana", "lab"), [reply(202), *[reply(json=UNUSED)] * 2])
    assert played.result.ready
    assert played.seconds == CONFIRM_SECONDS
    played = play(
        ServerOps.start("ana", "lab"), [refusal(400, "ana:lab is already running"), *[reply(json=UNUSED)] * 3]
    )
    assert played.result.ready
    assert played.left == 0


def test_a_start_that_the_hub_has_completed_is_believed() -> None:
    played = play(ServerOps.start("ana", "lab"), [reply(201), reply(json=UNUSED)])
    assert played.result.ready
    assert played.seconds == 0


def test_before_5_1_a_start_cannot_be_cancelled() -> None:
    owner = reply(json={"name": "ana", "servers": {"lab": UNUSED}})
    played = play(ServerOps.start("ana", "lab"), [reply(202), owner], version="5.0.0")
    assert played.result.ready
    assert played.seconds == 0


def test_a_cancelled_start_that_is_started_again_is_waited_for() -> None:
    played = play(
        ServerOps.start("ana", "lab"),
        [reply(202), reply(json=UNUSED), reply(json=PENDING), events({"ready": True}), *[reply(json=UNUSED)] * 2],
    )
    assert played.result.ready
    assert played.left == 0


@pytest.mark.parametrize("wait", [True, False])
def test_a_start_that_the_hub_has_only_begun_is_cancelled_again(wait: bool) -> None:
    broken, starting = refusal(500, "Internal Server Error"), reply(json=PENDING)
    played = play(ServerOps.stop("ana", "lab", wait=wait), [broken, starting, broken, starting, reply(204)])
    assert played.error is None
    assert played.left == 0
    played = play(
        ServerOps.stop("ana", "lab", wait=wait, timeout=30),
        lambda step: broken if is_request("DELETE", step) else starting,
    )
    assert isinstance(played.error, WaitTimeout if wait else ServerPending)
    assert sum(call.startswith("DELETE") for call in played.calls) == 5


REFUSALS = [refusal(500, "Internal Server Error"), refusal(400, "ana:lab is pending check, please wait")]
"""Answers to a stop during another pending action, since JupyterHub 5.1 and before."""


@pytest.mark.parametrize("refused", REFUSALS)
@pytest.mark.parametrize("pending", ["stop", "check", "rename"])
def test_a_stop_waits_for_the_end_of_what_the_hub_does(pending: str, refused: Answer) -> None:
    busy = reply(json={"name": "lab", "pending": pending})
    done = [reply(json={"name": "lab"})] if pending == "stop" else [reply(json=READY), reply(204)]
    played = play(ServerOps.stop("ana", "lab"), [refused, busy, busy, *done])
    assert played.error is None
    assert played.left == 0

    def hub(step: Request[Any] | Listen[Any]) -> Reply:
        return refused if is_request("DELETE", step) else busy

    again = play(ServerOps.stop("ana", "lab", timeout=30), hub)
    assert isinstance(again.error, WaitTimeout)
    assert state_text(Server(pending=pending)) in str(again.error)
    assert 30 <= again.seconds < 35


def test_a_stop_that_the_hub_fails_is_an_error_unless_the_server_is_gone() -> None:
    broken = refusal(500, "Internal Server Error")
    assert isinstance(play(ServerOps.stop("ana", "lab"), [broken, reply(json=READY)] * 2).error, HubBroken)
    assert play(ServerOps.stop("ana", "lab"), [broken, reply(json=READY), reply(204)]).error is None
    owner = reply(json={"name": "ana"})
    assert play(ServerOps.stop("ana", "lab"), [broken, refusal(404), owner]).error is None
    assert isinstance(play(ServerOps.stop("ana", "lab"), [broken, refusal(404), refusal(404)]).error, NotFound)
    assert isinstance(play(ServerOps.stop("ana", "lab"), [broken, refusal(403)]).error, HubBroken)
    assert isinstance(play(ServerOps.delete("ana", "lab"), [broken, refusal(404), owner]).error, HubBroken)
