"""Starting a server and waiting for it, played on a virtual clock."""

from __future__ import annotations

from typing import Any

import pytest
from quirks import NO_PROFILE_LIST, USED, bodies

from jhub.errors import (
    Conflict,
    HubFull,
    InvalidInput,
    MissingScope,
    NotFound,
    SpawnFailed,
    Throttled,
    Unavailable,
    WaitTimeout,
)
from jhub.models import Server
from jhub.operations.server_start import check_profile, check_running_options
from jhub.operations.servers import ServerOps
from jhub.profiles.model import LISTING_VERSION
from jhub.testing import After, events, play, refusal, reply

READY = {"name": "lab", "ready": True, **USED, "url": "/user/ana/lab/", "user_options": {"profile": "lab"}}
PENDING = {"name": "lab", "pending": "spawn"}


def test_a_start_sends_its_options_and_follows_the_stream() -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="lab", user_options={"size": 2}),
        [
            NO_PROFILE_LIST,
            reply(202),
            reply(json=PENDING),
            events({"progress": 50, "message": "half"}, {"ready": True}),
            reply(json=READY),
        ],
    )
    assert played.result.url == "/user/ana/lab/"
    assert played.result.user == "ana"
    assert bodies(played, "POST") == [{"user_options": {"profile": "lab", "size": 2}}]
    assert played.calls == [
        "GET /users/ana/profiles",
        "POST /users/ana/servers/lab",
        "GET /users/ana/servers/lab",
        "LISTEN /users/ana/servers/lab/progress",
        "GET /users/ana/servers/lab",
    ]
    assert [event.message for event in played.emitted] == ["half", ""]


@pytest.mark.parametrize(
    ("version", "body"), [("5.5.1", {"profile": "lab"}), ("6.0.0", {"user_options": {"profile": "lab"}})]
)
def test_the_body_fits_the_hubs_version(version: str, body: object) -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="lab"),
        [NO_PROFILE_LIST, reply(201), reply(json={"name": "ana", "servers": {"lab": READY}, **READY})],
        version=version,
    )
    assert bodies(played, "POST") == [body]


def played_path(step: object) -> str:
    return getattr(step, "method", "LISTEN")


@pytest.mark.parametrize(("version", "body"), [("5.5.1", {}), ("6.1.1", {"user_options": {}})])
def test_without_a_profile_empty_options_are_sent_explicitly(version: str, body: object) -> None:
    model = {"name": "ana", "ready": True, "servers": {"": {"ready": True}}}
    played = play(ServerOps.start("ana"), [reply(201), reply(json=model)], version=version)
    assert played.sent[0].body == body  # type: ignore[union-attr]


def test_a_failed_spawn_carries_the_hubs_reason() -> None:
    played = play(
        ServerOps.start("ana", "lab"),
        [reply(202), reply(json=PENDING), events({"failed": True, "message": "Spawn failed: no quota left"})],
    )
    with pytest.raises(SpawnFailed) as caught:
        _ = played.result
    assert caught.value.reason == "no quota left"
    assert str(caught.value) == "server ana/lab did not start: no quota left"


def test_a_failure_before_the_first_poll_is_read_from_the_stream() -> None:
    played = play(
        ServerOps.start("ana", "lab"),
        [reply(202), refusal(404), events({"failed": True, "message": "Spawn failed: HTTP 403: not yours"})],
    )
    with pytest.raises(SpawnFailed, match="HTTP 403: not yours"):
        _ = played.result


def test_a_500_while_the_server_is_still_pending_is_followed_to_its_end() -> None:
    played = play(
        ServerOps.start("ana", "lab"),
        [
            refusal(500, "Internal Server Error"),
            reply(json=PENDING),
            reply(json=PENDING),
            After(30, events({"failed": True, "message": "Spawn failed: exited with 1"})),
        ],
    )
    with pytest.raises(SpawnFailed, match="exited with 1"):
        _ = played.result
    assert played.seconds == 30


def test_after_a_lost_answer_the_model_decides() -> None:
    played = play(ServerOps.start("ana", "lab"), [Unavailable("reset"), reply(json=READY), reply(json=READY)])
    assert played.result.ready
    assert played.calls.count("POST /users/ana/servers/lab") == 1


def test_a_lost_answer_to_a_start_that_had_no_effect_is_an_error() -> None:
    played = play(ServerOps.start("ana", "lab"), [Unavailable("reset"), refusal(404)])
    with pytest.raises(Unavailable, match="reset"):
        _ = played.result


def test_a_stream_without_events_does_not_cause_a_busy_loop() -> None:
    played = play(
        ServerOps.start("ana", "lab", timeout=10),
        lambda step: (
            reply(202)
            if played_path(step) == "POST"
            else reply(json=PENDING)
            if played_path(step) == "GET"
            else events()
        ),
    )
    with pytest.raises(WaitTimeout):
        _ = played.result
    assert played.seconds == 10
    assert len(played.sent) < 25


def test_a_throttled_start_waits_for_retry_after() -> None:
    busy = refusal(429, "Too many users trying to log in right now", headers={"retry-after": "40"})
    played = play(ServerOps.start("ana", "lab"), [busy, reply(201), reply(json=READY)])
    assert played.result.ready
    assert played.seconds == 40


def test_a_throttled_start_does_not_wait_beyond_the_timeout() -> None:
    busy = refusal(429, "Too many users", headers={"retry-after": "40"})
    played = play(ServerOps.start("ana", "lab", timeout=30), [busy])
    with pytest.raises(Throttled) as caught:
        _ = played.result
    assert caught.value.retry_after == 40
    assert played.seconds == 0


def test_a_full_hub_is_not_retried() -> None:
    played = play(ServerOps.start("ana"), [refusal(429, "Active server limit exceeded.")])
    with pytest.raises(HubFull):
        _ = played.result


def test_a_server_that_runs_with_these_options_is_returned() -> None:
    running = refusal(400, "ana:lab is already running")
    played = play(ServerOps.start("ana", "lab", profile="lab"), [NO_PROFILE_LIST, running, *[reply(json=READY)] * 2])
    assert played.result.ready
    assert played.left == 0


def test_a_server_that_runs_with_other_options_is_a_conflict() -> None:
    running = refusal(400, "ana:lab is already running")
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [NO_PROFILE_LIST, running, reply(json=READY)])
    with pytest.raises(Conflict, match="already running with other options"):
        _ = played.result


@pytest.mark.parametrize("asked", [{}, {"profile": "lab"}, {"image": ["a"]}, {"profile": "lab", "image": ["a"]}])
def test_a_server_that_runs_with_more_options_is_returned(asked: dict[str, Any]) -> None:
    running = reply(json={**READY, "user_options": {"profile": "lab", "image": ["a"], "size": "small"}})
    looks = [NO_PROFILE_LIST] if "profile" in asked else []
    played = play(
        ServerOps.start("ana", "lab", user_options=asked),
        [*looks, refusal(400, "ana:lab is already running"), running, running],
    )
    assert played.result.ready
    assert played.left == 0


@pytest.mark.parametrize("running", [None, {}, {"profile": "lab"}, {"profile": "lab", "image": "b"}])
def test_a_server_that_runs_with_fewer_options_is_a_conflict(running: dict[str, Any] | None) -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="lab", user_options={"image": "a"}),
        [
            NO_PROFILE_LIST,
            refusal(400, "ana:lab is already running"),
            reply(json={**READY, "user_options": running}),
            NO_PROFILE_LIST,
        ],
    )
    with pytest.raises(Conflict, match="already running with other options"):
        _ = played.result


@pytest.mark.parametrize(
    ("slugs", "is_same"), [(["only"], True), (["only", "gpu"], False), (["gpu"], False), ([], False)]
)
def test_a_server_without_a_profile_runs_from_the_only_one(slugs: list[str], is_same: bool) -> None:
    """The extension leaves the options of a start that names no profile as they are, if there is only one."""
    listed = reply(json={"version": LISTING_VERSION, "profiles": [{"slug": slug} for slug in slugs]})
    server = Server(name="lab", user="ana", ready=True, user_options={"image": "a"})
    for check in (check_running_options, check_profile):
        played = play(check(server, {"profile": "only"}), [listed])
        assert isinstance(played.error, Conflict) is not is_same
        assert played.calls == ["GET /users/ana/profiles"]
    other = play(check_running_options(server, {"profile": "only", "image": "b"}), [listed])
    assert isinstance(other.error, Conflict)


def test_a_server_that_starts_with_another_profile_is_a_conflict() -> None:
    played = play(ServerOps.start("ana", "lab", profile="gpu"), [NO_PROFILE_LIST, reply(202), reply(json=READY)])
    with pytest.raises(Conflict, match="already running with other options"):
        _ = played.result


def test_after_a_lost_answer_another_profile_is_a_conflict() -> None:
    played = play(
        ServerOps.start("ana", "lab", profile="gpu"), [NO_PROFILE_LIST, Unavailable("reset"), *[reply(json=READY)] * 2]
    )
    with pytest.raises(Conflict):
        _ = played.result


def test_a_restart_with_empty_options_resets_them() -> None:
    model = {**READY, "user_options": {}}
    played = play(
        ServerOps.restart("ana", "lab", user_options={}), [reply(json=READY), reply(204), reply(201), reply(json=model)]
    )
    assert played.sent[2].body == {"user_options": {}}  # type: ignore[union-attr]


def test_a_list_without_servers_names_the_missing_scope() -> None:
    played = play(ServerOps.list("ana"), [reply(json={"name": "ana"})])
    assert isinstance(played.error, MissingScope)
    assert "read:servers" in str(played.error)


def test_an_unknown_profile_is_refused_by_the_hub() -> None:
    played = play(
        ServerOps.start("ana", profile="gpx"),
        [NO_PROFILE_LIST, refusal(400, "unknown profile 'gpx'; available: lab, lean")],
    )
    with pytest.raises(NotFound, match="available: lab, lean"):
        _ = played.result


@pytest.mark.parametrize("name", ["Lab", "a--b", "-a", "a-", "1a", "a b", "é", "a/b", "..", "x" * 31])
def test_a_new_servers_name_is_checked_before_the_start(name: str) -> None:
    played = play(ServerOps.start("ana", name), lambda step: refusal(404))
    assert isinstance(played.error, InvalidInput)
    assert not [call for call in played.calls if not call.startswith("GET")]


def test_an_existing_server_with_an_invalid_name_is_started() -> None:
    old = {**READY, "name": "Old_Name"}
    played = play(ServerOps.start("ana", "Old_Name"), [reply(json=old), reply(201), reply(json=old)])
    assert played.result.name == "Old_Name"
    assert played.calls[:2] == ["GET /users/ana/servers/Old_Name", "POST /users/ana/servers/Old_Name"]


def test_a_slow_stop_is_polled() -> None:
    stopping = {"name": "lab", "pending": "stop"}
    stopped = {"name": "lab", "stopped": True}
    played = play(
        ServerOps.stop("ana", "lab"), [reply(202), reply(json=stopping), reply(json=stopping), reply(json=stopped)]
    )
    played.result  # noqa: B018
    assert played.left == 0


def test_before_6_a_started_server_is_read_from_its_user() -> None:
    played = play(
        ServerOps.get("ana", "lab"), [reply(json={"name": "ana", "servers": {"lab": READY}})], version="5.5.1"
    )
    assert played.result.profile == "lab"
    assert played.calls == ["GET /users/ana"]
