"""`servers.start_many`, `stop_many` and `delete_many`: what the coordinator does with real operations."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from jhub.errors import Conflict, InvalidInput, Throttled
from jhub.fleet.servers import FleetOps
from jhub.models import Server
from jhub.steps import Listen, Request
from jhub.testing import After, Reply, events, play, refusal, reply

BUSY = refusal(429, "Too many users trying to log in right now.", headers={"retry-after": "40"})


class Site:
    """A hub as far as a fleet needs one: servers come up 20 s after they were asked for."""

    def __init__(self, *, refuse: dict[str, Reply] | None = None) -> None:
        self.refuse = refuse or {}
        self.up: set[str] = set()
        self.asked = Counter[str]()
        self.options: dict[str, object] = {}

    def __call__(self, step: Request[Any] | Listen[Any]) -> Reply:
        path = step.path.removesuffix("/progress")
        if isinstance(step, Listen):
            self.up.add(path)
            return After(20, events({"progress": 50, "message": "pulling"}, {"ready": True}))
        self.asked[f"{step.method} {path}"] += 1
        if step.method == "POST":
            assert isinstance(step.body, dict)
            self.options[path] = step.body["user_options"]
            return self.refuse.pop(path, reply(202))
        if step.method == "DELETE":
            self.up.discard(path)
            return self.refuse.pop(path, reply(204))
        if path in self.refuse:
            return self.refuse[path]
        state = {"ready": True} if path in self.up else {"pending": "spawn"}
        return reply(json={"name": path.partition("/servers/")[2], "user_options": self.options.get(path), **state})


def test_each_server_is_started_with_the_same_options() -> None:
    played = play(FleetOps.start_many(["ana", "ben/lab"], profile="gpu", user_options={"size": 2}), Site())
    assert played.result.ok
    bodies = [step.body for step in played.sent if isinstance(step, Request) and step.method == "POST"]
    assert bodies == [{"user_options": {"profile": "gpu", "size": 2}}] * 2
    assert {event.server.target for event in played.result.done if event.server} == {"ana", "ben/lab"}


def test_the_way_up_is_told_and_its_end_only_once() -> None:
    played = play(FleetOps.start_many(["ana"]), Site())
    assert [(event.kind, event.message, event.progress) for event in played.emitted] == [
        ("queued", "", None),
        ("starting", "", None),
        ("progress", "pulling", 50),
        ("ready", "", None),
    ]
    assert played.result.done[0].seconds == 20


def test_as_many_at_once_as_was_said() -> None:
    assert (
        play(FleetOps.start_many([f"u{n}" for n in range(6)], at_once=2), Site()).seconds == 20 + 20 * 3
    )  # the first alone


def test_a_busy_hub_is_waited_for_by_all() -> None:
    site = Site(refuse={"/users/ana/server": BUSY})
    played = play(FleetOps.start_many(["ana", "ben"], at_once=1), site)
    assert played.result.ok
    assert site.asked["POST /users/ana/server"] == 2
    assert played.seconds == 40 + 20 + 20


def test_a_hub_that_fails_is_left_alone_after_two() -> None:
    users = [f"u{n}" for n in range(6)]
    site = Site(refuse={f"/users/{user}/server": refusal(403, "no profile for you") for user in users})
    played = play(FleetOps.start_many(users, at_once=1), site)
    assert len(played.result.failed) == 2
    assert len(played.result.skipped) == 4
    assert sum(site.asked.values()) == 2
    assert {event.message for event in played.result.failed} == {"no profile for you"}


def test_a_server_that_already_runs_with_these_options_is_done() -> None:
    running = refusal(400, "ana is already running")
    model = {"name": "", "ready": True, "user_options": {"profile": "gpu"}}
    played = play(FleetOps.start_many(["ana"], profile="gpu"), [running, reply(json=model), reply(json=model)])
    assert played.result.ok


def test_a_server_that_runs_with_other_options_is_a_failure() -> None:
    running = refusal(400, "ana is already running")
    model = {"name": "", "ready": True, "user_options": {"profile": "lab", "password": "SECRET"}}
    played = play(FleetOps.start_many(["ana"], profile="gpu"), [running, reply(json=model)])
    (event,) = played.result.failed
    assert isinstance(event.error, Conflict)
    assert "profile=lab, password" in event.message
    assert "SECRET" not in event.message


def test_a_bad_name_is_refused_before_anything_is_sent_for_any() -> None:
    played = play(FleetOps.start_many(["ana", "ben/Not A Name"]), [refusal(404)])
    assert isinstance(played.error, InvalidInput)
    assert played.calls == ["GET /users/ben/servers/Not%20A%20Name"]


def test_an_interruption_leaves_the_hub_alone() -> None:
    site = Site()
    played = play(FleetOps.start_many([f"u{n}" for n in range(6)], at_once=2), site, interrupt_at=30)
    assert played.error is not None
    assert sum(n for call, n in site.asked.items() if call.startswith("POST")) == 3
    assert not [call for call in site.asked if call.startswith("DELETE")]


def test_many_are_stopped() -> None:
    site = Site()
    played = play(FleetOps.stop_many(["ana", Server(user="ben", name="lab")]), site)
    assert played.result.ok
    assert [event.kind for event in played.result.done] == ["stopped", "stopped"]
    assert [event.kind for event in played.emitted if event.kind == "stopping"] == ["stopping", "stopping"]
    assert set(site.asked) == {"DELETE /users/ana/server", "DELETE /users/ben/servers/lab"}


def test_many_are_deleted() -> None:
    gone = {"DELETE": reply(204), "GET": refusal(404)}
    played = play(
        FleetOps.delete_many(["ana/lab", "ben/gpu"]),
        lambda step: gone[step.method] if isinstance(step, Request) else events(),
    )
    assert played.result.ok
    bodies = [step.body for step in played.sent if isinstance(step, Request) and step.method == "DELETE"]
    assert bodies == [{"remove": True}] * 2


def test_a_default_server_cannot_be_deleted_and_nothing_is_sent_for_it() -> None:
    played = play(FleetOps.delete_many(["ana"]))
    (event,) = played.result.failed
    assert isinstance(event.error, InvalidInput)
    assert played.sent == []


@pytest.mark.parametrize("bad", ["", "ana/", "/lab"])
def test_what_names_no_server_is_refused_before_anything_is_sent(bad: str) -> None:
    with pytest.raises(InvalidInput, match="names no server"):
        _ = play(FleetOps.stop_many([bad, "ana"])).result


def test_a_single_target_is_not_taken_for_its_letters() -> None:
    played = play(FleetOps.stop_many("zed/q"), [reply(204)])
    assert played.calls == ["DELETE /users/zed/servers/q"]


def test_the_first_must_come_up_before_others_are_sent() -> None:
    users = [f"u{n}" for n in range(6)]
    site = Site(refuse={f"/users/{user}/server": refusal(403, "no profile for you") for user in users})
    played = play(FleetOps.start_many(users, at_once=4), site)
    assert len(played.result.failed) == 2
    assert len(played.sent) == 2


def test_a_hub_that_stays_busy_is_not_waited_for_beyond_the_timeout() -> None:
    busy = refusal(429, "busy", headers={"retry-after": "30"})
    played = play(FleetOps.start_many(["ana"], timeout=100), lambda step: busy)
    assert isinstance(played.result.failed[0].error, Throttled)
    assert 60 <= played.seconds <= 100


def test_a_mistyped_server_does_not_keep_the_others_running() -> None:
    played = play(
        FleetOps.stop_many(["no1", "no2", "no3", "ana"], at_once=1),
        lambda step: reply(204) if step.path == "/users/ana/server" else refusal(404),
    )
    assert [str(event.target) for event in played.result.done] == ["ana"]
    assert played.result.skipped == ()


@pytest.mark.parametrize("bad", ["../admin", "a\nb", "ana/lab/x"])
def test_a_target_that_cannot_be_one_is_refused_and_the_others_are_stopped(bad: str) -> None:
    played = play(FleetOps.stop_many([bad, "ana"], at_once=1), [reply(204)])
    assert [str(event.target) for event in played.result.done] == ["ana"]
    assert isinstance(played.result.failed[0].error, InvalidInput)
