"""What a start of a server can fall into: options that are taken otherwise, and answers that say little."""

from __future__ import annotations

from typing import Any

import pytest
from quirks import NO_PROFILE_LIST, bodies, requests, state, streams

from jhub.client.network import DEFAULT
from jhub.errors import BadRequest, Conflict, HubFull, SpawnFailed, Throttled, Unavailable, Unsupported
from jhub.operations.servers import ServerOps
from jhub.testing import After, events, play, refusal, reply

READY = {"name": "lab", "ready": True, "url": "/user/ana/lab/", "user_options": {"profile": "gpu"}}
PENDING = {"name": "lab", "pending": "spawn", "user_options": {"profile": "gpu"}}
GONE: dict[str, Any] = {"name": "lab", "stopped": True, "user_options": {"profile": "gpu"}}
VERSIONS = pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])


def started(version: str, **options: Any) -> Any:
    """The body of a start that comes up at once."""
    given = options.get("user_options")
    looks = [NO_PROFILE_LIST] if "profile" in (given or {}) else []
    server = {"name": "", "ready": True, "user_options": given}
    answers = [*looks, reply(201, version=version), state(server, version)]
    played = play(ServerOps.start("ana", **options), answers, version=version)
    assert played.result.ready
    return bodies(played, "POST")[0]


# what is sent


@pytest.mark.parametrize(
    ("version", "body"),
    [
        ("4.1.6", {"profile": "gpu", "size": 2}),
        ("5.5.1", {"profile": "gpu", "size": 2}),
        ("6.0.0", {"user_options": {"profile": "gpu", "size": 2}}),
        ("6.1.1", {"user_options": {"profile": "gpu", "size": 2}}),
    ],
)
def test_before_6_the_body_is_the_options_and_since_then_it_holds_them(version: str, body: object) -> None:
    """An older hub would save `{"user_options": {"user_options": …}}` without an error."""
    assert started(version, user_options={"profile": "gpu", "size": 2}) == body


@pytest.mark.parametrize(("version", "body"), [("4.1.6", {}), ("5.5.1", {}), ("6.1.1", {"user_options": {}})])
def test_no_options_are_sent_as_none_for_a_start_without_a_body_takes_the_last_ones(version: str, body: object) -> None:
    """Also those of a start that was refused: they are saved before they are looked at."""
    assert started(version) == body


def test_an_option_named_as_a_key_of_the_body_does_not_cost_the_others() -> None:
    """At the top of the body `display_name` would turn it into the new form, and all options be dropped."""
    options = {"display_name": "My lab", "profile": "gpu"}
    assert started("6.1.1", user_options=options) == {"user_options": options}
    assert started("5.5.1", user_options=options) == options


def test_a_display_name_is_not_sent_to_a_hub_that_would_take_it_for_an_option() -> None:
    played = play(ServerOps.start("ana", "lab", display_name="My lab"), version="5.5.1")
    assert isinstance(played.error, Unsupported)
    assert played.sent == []


@VERSIONS
def test_a_restart_takes_the_options_that_the_server_had(version: str) -> None:
    """Before 6 they are sent again. Since then the hub takes those that it has saved, which an edit may have changed
    without showing it.
    """
    played = play(
        ServerOps.restart("ana", "lab"),
        [state(READY, version), reply(204), reply(201), state(READY, version)],
        version=version,
    )
    assert bodies(played, "POST") == [{"profile": "gpu"} if version < "6" else {}]


# what the hub answers to it


@VERSIONS
def test_an_accepted_start_is_not_a_started_server(version: str) -> None:
    """With `slow_spawn_timeout` 0 every start is a 202, a forbidden one too; why is in the stream alone."""
    reason = "Spawn failed: HTTP 403: error (profile gated requires group x)"
    played = play(
        ServerOps.start("ana", "lab"),
        [reply(202), state(PENDING, version), events({"failed": True, "message": reason, "html_message": "<p>No</p>"})],
        version=version,
    )
    assert isinstance(played.error, SpawnFailed)
    assert played.error.reason == "HTTP 403: error (profile gated requires group x)"


def test_a_start_that_came_up_at_once_is_looked_at_all_the_same() -> None:
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [NO_PROFILE_LIST, reply(201), state(READY)])
    assert played.result.url == "/user/ana/lab/"
    assert streams(played) == []


def test_a_process_that_died_at_once_is_a_500_while_the_hub_still_waits_for_it() -> None:
    """From 5.3.0 on; another start would be a 202 that starts nothing. After 30 s the stream tells the reason."""
    dead = {"failed": True, "message": "Spawn failed: Server at http://127.0.0.1:1/ didn't respond in 30 seconds"}
    played = play(
        ServerOps.start("ana", "lab"),
        [refusal(500, "Internal Server Error"), state(PENDING), state(PENDING), After(30, events(dead))],
    )
    assert isinstance(played.error, SpawnFailed)
    assert "didn't respond in 30 seconds" in played.error.reason
    assert len(requests(played, "POST")) == 1
    assert played.seconds == 30


def test_an_older_hub_says_at_once_that_a_process_died() -> None:
    died = "Spawner failed to start [status=1]. The logs for ana may contain details."
    played = play(
        ServerOps.start("ana", "lab"),
        [refusal(500, died), state(GONE, "4.1.6"), refusal(404)],
        version="4.1.6",
    )
    assert isinstance(played.error, SpawnFailed)
    assert "Spawner failed to start [status=1]" in played.error.reason
    assert len(requests(played, "POST")) == 1


def test_a_start_without_an_answer_is_looked_for_and_not_sent_again() -> None:
    lost = Unavailable("reset")
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [NO_PROFILE_LIST, lost, state(PENDING), state(READY)])
    assert played.result.ready
    assert len(requests(played, "POST")) == 1
    played = play(ServerOps.start("ana", "lab"), [lost, state(GONE)])
    assert played.error is lost


def test_a_start_may_be_answered_late() -> None:
    """After `slow_spawn_timeout`, which is 10 s, and later where the hub is busy."""
    assert DEFAULT.read >= 60
    assert DEFAULT.total > DEFAULT.read


@VERSIONS
def test_a_server_that_runs_is_a_400_whose_meaning_depends_on_its_options(version: str) -> None:
    runs = refusal(400, "ana:lab is already running")
    answers = [NO_PROFILE_LIST, runs, *[state(READY, version)] * 2]
    played = play(ServerOps.start("ana", "lab", profile="gpu"), answers, version=version)
    assert played.result.profile == "gpu"
    played = play(ServerOps.start("ana", "lab", profile="cpu"), answers[:3], version=version)
    assert isinstance(played.error, Conflict)


def test_a_server_that_is_starting_is_a_202_that_reads_nothing_of_the_options() -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="cpu"),
        [NO_PROFILE_LIST, reply(202), state(PENDING), events(), state(READY)],
    )
    assert isinstance(played.error, Conflict)


def test_a_server_that_is_stopping_is_not_taken_for_one_that_runs() -> None:
    played = play(ServerOps.start("ana", "lab"), [refusal(400, "ana:lab is pending stop")])
    assert isinstance(played.error, BadRequest)
    assert "is pending stop" in str(played.error)


@pytest.mark.parametrize(
    "message",
    [
        "Named servers are not enabled.",
        "User ana already has the maximum of 2 named servers. One must be deleted before a new server can be created",
        "Invalid server_name: 'lab'",
    ],
)
def test_a_limit_is_told_in_the_hubs_words(message: str) -> None:
    played = play(ServerOps.start("ana", "lab"), [refusal(400, message)])
    assert isinstance(played.error, BadRequest)
    assert str(played.error) == f"server ana/lab: {message}"


def test_a_429_with_a_time_clears_by_waiting() -> None:
    """`concurrent_spawn_limit`: the time is random, from 30 to 60 s."""
    message = "Too many users trying to log in right now. Try again in 40 seconds."
    busy = refusal(429, message, headers={"retry-after": "43"})
    played = play(ServerOps.start("ana", "lab"), [busy, busy, reply(201), state({**READY, "user_options": {}})])
    assert played.result.ready
    assert played.seconds == 86
    assert [event.message for event in played.emitted] == ["the hub is busy starting others; again in 43 s"] * 2
    played = play(ServerOps.start("ana", "lab", wait=False), [busy])
    assert isinstance(played.error, Throttled)
    assert played.error.retry_after == 43


def test_a_429_without_a_time_clears_only_when_somebody_stops_a_server() -> None:
    """`active_server_limit`"""
    full = refusal(429, "Active user limit exceeded. Try again in a few minutes.")
    played = play(ServerOps.start("ana", "lab"), [full])
    assert isinstance(played.error, HubFull)
    assert played.seconds == 0
    assert len(played.sent) == 1


@pytest.mark.parametrize("pending", ["spawn", "stop", "check", "rename", "of a later version"])
def test_what_a_server_waits_for_is_any_text(pending: str) -> None:
    played = play(ServerOps.get("ana", "lab"), [state({"name": "lab", "pending": pending, "ready": False})])
    assert played.result.pending == pending
    assert played.result.active
