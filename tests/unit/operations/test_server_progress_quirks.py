"""Quirks of a server's progress: streams that end early, and events without a reason."""

from __future__ import annotations

from typing import Any

import pytest
from quirks import NO_PROFILE_LIST, USED, requests, state, streams

from jhub.client.wire import STREAM_READ_SECONDS
from jhub.errors import (
    BadRequest,
    NotFound,
    NotStarted,
    ServerPending,
    SpawnFailed,
    StartCancelled,
    Unavailable,
    WaitTimeout,
)
from jhub.operations.servers import ServerOps
from jhub.steps import Listen, Request
from jhub.testing import After, Events, Reply, events, play, refusal, reply

READY = {"name": "lab", "ready": True, **USED, "url": "/user/ana/lab/", "user_options": {"profile": "gpu"}}
PENDING = {"name": "lab", "pending": "spawn", "user_options": {"profile": "gpu"}}
GONE: dict[str, Any] = {"name": "lab", "stopped": True, "user_options": {"profile": "gpu"}}
VERSIONS = pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])


def test_after_a_stream_without_an_end_the_model_decides() -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="gpu"),
        [
            NO_PROFILE_LIST,
            reply(202),
            state(PENDING),
            events({"progress": 50, "message": "Pulling"}),
            state(PENDING),
            events(),
            state(READY),
        ],
    )
    assert played.result.ready
    assert len(requests(played, "POST")) == 1


def test_ready_in_the_stream_is_confirmed_by_the_model() -> None:
    ready = events({"progress": 100, "ready": True, "url": "/user/ana/lab/"})
    played = play(ServerOps.wait("ana", "lab"), [state(PENDING), ready, state(PENDING), ready, state(READY)])
    assert played.result.ready
    played = play(ServerOps.wait("ana", "lab"), [state(PENDING), ready, state(GONE), refusal(404)])
    assert isinstance(played.error, StartCancelled)


def test_a_connection_that_breaks_does_not_end_a_start() -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="gpu"),
        [NO_PROFILE_LIST, reply(202), state(PENDING), Unavailable("reset"), state(READY)],
    )
    assert played.result.ready


@pytest.mark.parametrize("nothing", [refusal(404), refusal(400, "ana:lab is not starting...")])
def test_a_stream_of_a_server_that_was_never_started_is_a_404_or_a_400(nothing: Reply) -> None:
    owner = reply(json={"name": "ana", "servers": {"lab": GONE}})
    played = play(ServerOps.wait("ana", "lab"), [state(GONE), owner, nothing])
    assert str(played.error) == "server ana/lab: stopped"
    stream = play(ServerOps.progress("ana", "lab"), [nothing, state(GONE), owner, nothing])
    assert isinstance(stream.error, NotStarted)
    busy = state({"name": "lab", "pending": "check"})
    assert isinstance(play(ServerOps.progress("ana", "lab"), [nothing, busy]).error, ServerPending)
    starting = state(PENDING)
    owner = reply(json={"name": "ana", "servers": {"lab": PENDING}})
    raced = play(ServerOps.progress("ana", "lab"), [nothing, starting, owner])
    assert isinstance(raced.error, NotFound | BadRequest)


@VERSIONS
def test_a_server_that_disappears_during_a_wait_was_stopped(version: str) -> None:
    """After a start was cancelled its stream is a 404, and no status remains."""
    played = play(
        ServerOps.start("ana", "lab"),
        [reply(202), state(PENDING, version), After(5, events()), state(None, version), refusal(404)],
        version=version,
    )
    assert isinstance(played.error, SpawnFailed)
    assert played.seconds == 5


def test_a_failure_is_repeated_for_a_late_reader() -> None:
    failed = events({"failed": True, "message": "Spawn failed: no quota left", "progress": 100})
    for _ in range(2):
        played = play(ServerOps.progress("ana", "lab"), [failed])
        assert [(event.failed, event.message) for event in played.emitted] == [(True, "Spawn failed: no quota left")]


def test_8_seconds_of_silence_do_not_end_a_stream() -> None:
    assert STREAM_READ_SECONDS > 2 * 8
    played = play(ServerOps.wait("ana", "lab", timeout=600), [state(PENDING), events(), state(READY)])
    (stream,) = streams(played)
    assert isinstance(stream, Listen)
    assert stream.timeout == 600


def test_waiting_for_a_server_that_never_starts_has_pauses() -> None:
    left = iter(range(130))

    def answer(step: Request[Any] | Listen[Any]) -> Reply:
        next(left)  # no more of them
        return events() if isinstance(step, Listen) else state(PENDING)

    played = play(ServerOps.wait("ana", "lab", timeout=60), answer)
    assert isinstance(played.error, WaitTimeout)
    assert played.seconds == 60


@pytest.mark.parametrize(
    "data", ['{"message": null, "progress": 50}', '{"progress": "50 %"}', '{"message": {"type": "Normal"}, "ready": 0}']
)
def test_odd_events_of_a_spawner_are_read(data: str) -> None:
    stream = Events((data, '{"progress": 100, "ready": true}'))
    assert play(ServerOps.wait("ana", "lab"), [state(PENDING), stream, state(READY)]).result.ready
