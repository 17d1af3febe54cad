"""Quirks of a start: the body of each version, and ambiguous answers."""

from __future__ import annotations

from typing import Any

import pytest
from quirks import NO_PROFILE_LIST, USED, bodies, is_request, requests, state, streams

from jhub.client.network import DEFAULT_TIMEOUTS
from jhub.errors import (
    BadRequest,
    Conflict,
    HubFull,
    ServerPending,
    SpawnFailed,
    Throttled,
    Unavailable,
    Unsupported,
    WaitTimeout,
)
from jhub.operations.servers import ServerOps
from jhub.steps import Listen, Request
from jhub.testing import After, Reply, events, play, refusal, reply

READY = {"name": "lab", "ready": True, **USED, "url": "/user/ana/lab/", "user_options": {"profile": "gpu"}}
PENDING = {"name": "lab", "pending": "spawn", "user_options": {"profile": "gpu"}}
GONE: dict[str, Any] = {"name": "lab", "stopped": True, "user_options": {"profile": "gpu"}}
VERSIONS = pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])


def started(version: str, **options: Any) -> Any:
    """Return the body of a start that succeeds at once."""
    given = options.get("user_options")
    looks = [NO_PROFILE_LIST] if "profile" in (given or {}) else []
    server = {"name": "", "ready": True, "user_options": given}
    answers = [*looks, reply(201, version=version), state(server, version)]
    played = play(ServerOps.start("ana", **options), answers, version=version)
    assert played.result.ready
    return bodies(played, "POST")[0]


@pytest.mark.parametrize(
    ("version", "body"),
    [
        ("4.1.6", {"profile": "gpu", "size": 2}),
        ("5.5.1", {"profile": "gpu", "size": 2}),
        ("6.0.0", {"user_options": {"profile": "gpu", "size": 2}}),
        ("6.1.1", {"user_options": {"profile": "gpu", "size": 2}}),
    ],
)
def test_since_6_the_options_are_nested_in_the_body(version: str, body: object) -> None:
    """An older hub would save `{"user_options": {"user_options": …}}` without an error."""
    assert started(version, user_options={"profile": "gpu", "size": 2}) == body


@pytest.mark.parametrize(("version", "body"), [("4.1.6", {}), ("5.5.1", {}), ("6.1.1", {"user_options": {}})])
def test_empty_options_are_sent_explicitly(version: str, body: object) -> None:
    """The hub also reuses the options of a refused start: it saves them before it checks them."""
    assert started(version) == body


def test_an_option_named_like_a_key_of_the_body_is_kept() -> None:
    """A top-level `display_name` would make the hub read a nested body and drop all options."""
    options = {"display_name": "My lab", "profile": "gpu"}
    assert started("6.1.1", user_options=options) == {"user_options": options}
    assert started("5.5.1", user_options=options) == options


def test_a_display_name_is_not_sent_before_6() -> None:
    played = play(ServerOps.start("ana", "lab", display_name="My lab"), version="5.5.1")
    assert isinstance(played.error, Unsupported)
    assert played.sent == []


@VERSIONS
def test_a_restart_reuses_the_options_of_the_server(version: str) -> None:
    """Before 6 they are sent again. Since then the hub uses the saved options, which an edit may have changed without
    showing it.
    """
    played = play(
        ServerOps.restart("ana", "lab"),
        [state(READY, version), NO_PROFILE_LIST, reply(204), reply(201), state(READY, version)],
        version=version,
    )
    assert bodies(played, "POST") == [{"profile": "gpu"} if version < "6" else {}]


@VERSIONS
def test_an_accepted_start_is_not_a_started_server(version: str) -> None:
    """With `slow_spawn_timeout` 0 every start is a 202, also a forbidden one; only the stream has the reason."""
    reason = "Spawn failed: HTTP 403: error (profile gated requires group x)"
    played = play(
        ServerOps.start("ana", "lab"),
        [reply(202), state(PENDING, version), events({"failed": True, "message": reason, "html_message": "<p>No</p>"})],
        version=version,
    )
    assert isinstance(played.error, SpawnFailed)
    assert played.error.reason == "HTTP 403: error (profile gated requires group x)"


def test_a_start_that_answers_201_is_still_checked() -> None:
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [NO_PROFILE_LIST, reply(201), state(READY)])
    assert played.result.url == "/user/ana/lab/"
    assert streams(played) == []


def test_a_500_for_a_dead_process_is_followed_while_pending() -> None:
    """From 5.3.0 on. Another start would be a 202 without effect. After 30 s the stream has the reason."""
    dead = {"failed": True, "message": "Spawn failed: Server at http://127.0.0.1:1/ didn't respond in 30 seconds"}
    played = play(
        ServerOps.start("ana", "lab"),
        [refusal(500, "Internal Server Error"), state(PENDING), state(PENDING), After(30, events(dead))],
    )
    assert isinstance(played.error, SpawnFailed)
    assert "didn't respond in 30 seconds" in played.error.reason
    assert len(requests(played, "POST")) == 1
    assert played.seconds == 30


def test_a_500_of_an_older_hub_ends_the_start_at_once() -> None:
    died = "Spawner failed to start [status=1]. The logs for ana may contain details."
    played = play(
        ServerOps.start("ana", "lab"),
        [refusal(500, died), state(GONE, "4.1.6"), refusal(404)],
        version="4.1.6",
    )
    assert isinstance(played.error, SpawnFailed)
    assert "Spawner failed to start [status=1]" in played.error.reason
    assert len(requests(played, "POST")) == 1


def test_a_start_without_an_answer_is_not_sent_again() -> None:
    lost = Unavailable("reset")
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [NO_PROFILE_LIST, lost, state(PENDING), state(READY)])
    assert played.result.ready
    assert len(requests(played, "POST")) == 1
    played = play(ServerOps.start("ana", "lab"), [lost, state(GONE)])
    assert played.error is lost


def test_a_start_may_be_answered_late() -> None:
    """The answer comes after `slow_spawn_timeout`, which is 10 s, or later if the hub is busy."""
    assert DEFAULT_TIMEOUTS.read >= 60
    assert DEFAULT_TIMEOUTS.total > DEFAULT_TIMEOUTS.read


@VERSIONS
def test_a_400_for_a_running_server_depends_on_its_options(version: str) -> None:
    runs = refusal(400, "ana:lab is already running")
    answers = [NO_PROFILE_LIST, runs, *[state(READY, version)] * 2]
    played = play(ServerOps.start("ana", "lab", profile="gpu"), answers, version=version)
    assert played.result.profile == "gpu"
    played = play(ServerOps.start("ana", "lab", profile="cpu"), answers[:3], version=version)
    assert isinstance(played.error, Conflict)


def test_a_202_for_a_starting_server_ignores_the_options() -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="cpu"),
        [NO_PROFILE_LIST, reply(202), state(PENDING), events(), state(READY)],
    )
    assert isinstance(played.error, Conflict)


def test_a_stopping_server_does_not_count_as_running() -> None:
    busy, stopping = refusal(400, "ana:lab is pending stop"), state({"name": "lab", "pending": "stop"})
    played = play(ServerOps.start("ana", "lab", wait=False), [busy, stopping])
    assert isinstance(played.error, ServerPending)
    assert (str(played.error), played.error.status) == ("server ana/lab: still stopping", 400)
    played = play(ServerOps.start("ana", "lab"), [busy, stopping, stopping, state(GONE), reply(201), state(READY)])
    assert played.result.ready
    assert played.left == 0
    assert [event.message for event in played.emitted] == ["still stopping; waiting for that to end"]

    def hub(step: Request[Any] | Listen[Any]) -> Reply:
        return busy if is_request("POST", step) else stopping

    played = play(ServerOps.start("ana", "lab", timeout=60), hub)
    assert isinstance(played.error, WaitTimeout)
    assert str(played.error) == "server ana/lab: not ready after 60 s: still stopping"
    assert 60 <= played.seconds < 65


@pytest.mark.parametrize(
    "message",
    [
        "Named servers are not enabled.",
        "User ana already has the maximum of 2 named servers. One must be deleted before a new server can be created",
        "Invalid server_name: 'lab'",
    ],
)
def test_a_limit_has_the_hubs_message(message: str) -> None:
    played = play(ServerOps.start("ana", "lab"), [refusal(400, message)])
    assert isinstance(played.error, BadRequest)
    assert str(played.error) == f"server ana/lab: {message}"


def test_a_429_with_retry_after_is_retried() -> None:
    """`concurrent_spawn_limit`: the time is random, between 30 and 60 s."""
    message = "Too many users trying to log in right now. Try again in 40 seconds."
    busy = refusal(429, message, headers={"retry-after": "43"})
    played = play(ServerOps.start("ana", "lab"), [busy, busy, reply(201), state({**READY, "user_options": {}})])
    assert played.result.ready
    assert played.seconds == 86
    assert [event.message for event in played.emitted] == ["the hub throttles starts; next attempt in 43 s"] * 2
    played = play(ServerOps.start("ana", "lab", wait=False), [busy])
    assert isinstance(played.error, Throttled)
    assert played.error.retry_after == 43


def test_a_429_without_retry_after_is_not_retried() -> None:
    """The limit is `active_server_limit`."""
    full = refusal(429, "Active user limit exceeded. Try again in a few minutes.")
    played = play(ServerOps.start("ana", "lab"), [full])
    assert isinstance(played.error, HubFull)
    assert played.seconds == 0
    assert len(played.sent) == 1


@pytest.mark.parametrize("pending", ["spawn", "stop", "check", "rename", "of a later version"])
def test_the_pending_action_may_be_any_text(pending: str) -> None:
    played = play(ServerOps.get("ana", "lab"), [state({"name": "lab", "pending": pending, "ready": False})])
    assert played.result.pending == pending
    assert played.result.active
