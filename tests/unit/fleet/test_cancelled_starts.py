"""Starts that somebody cancels: the hub shows the server ready for a second. And servers that nobody starts."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from busy_hub import NEVER, BusyHub, Spawn

from jhub.errors import NotFound, NotStarted, SpawnFailed, StartCancelled, WaitTimeout
from jhub.fleet.events import Summary
from jhub.fleet.servers import FleetOps
from jhub.operations.server_status import CONFIRM_SECONDS
from jhub.steps import Listen, Request
from jhub.testing import After, Played, Reply, events, play, refusal, reply

USERS = [f"u{number:02}" for number in range(20)]


class Cancelling(BusyHub):
    """A hub on which somebody stops servers five seconds after their start began; open progress streams end then."""

    who: tuple[str, ...] = ("u00",)

    def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
        for user in self.who:
            spawn = self.last(f"/users/{user}/server")
            if spawn is not None and self.now >= spawn.began + 5 and spawn.cancelled == NEVER:
                self.cancel(spawn, spawn.began + 5)
        return super().__call__(step)

    def _progress(self, path: str, at: float) -> Reply:
        spawn = self.last(path)
        if spawn is not None and path.split("/")[2] in self.who and at < spawn.began + 5:
            return After(spawn.began + 5 - self.now, events({"progress": 50, "message": "pulling"}, {"ready": True}))
        return super()._progress(path, at)


def start(hub: BusyHub, users: list[str], **options: Any) -> Played[Summary]:
    return play(FleetOps.start_many(users, **options), hub)


def failures(played: Played[Summary]) -> dict[str, type[object]]:
    return {str(event.target): type(event.error) for event in played.result.failed}


@pytest.mark.parametrize("count", [1, 2, 3, 20])
def test_a_cancelled_start_is_neither_ready_nor_a_canary(count: int) -> None:
    hub = Cancelling(40, slow_spawn_timeout=0)
    played = start(hub, USERS[:count])
    assert failures(played) == {"u00": StartCancelled}
    assert played.result.failed[0].message == "stopped while it was starting"
    assert played.result.failed[0].seconds == pytest.approx(7, abs=2)
    assert len(played.result.done) == count - 1
    assert len(hub.spawns["/users/u00/server"]) == 1, "it is not started again"
    if count > 2:
        canary = hub.spawns["/users/u01/server"][0]
        assert all(canary.ends <= each.began for user in USERS[2:count] for each in hub.spawns[f"/users/{user}/server"])


def test_starts_that_people_cancel_do_not_trip_the_breaker() -> None:
    hub = Cancelling(40, slow_spawn_timeout=0)
    hub.who = ("u00", "u01", "u02")
    played = start(hub, USERS)
    assert set(failures(played)) == {"u00", "u01", "u02"}
    assert len(played.result.done) == 17


def test_a_failed_start_that_the_hub_cleans_up_keeps_its_reason() -> None:
    class Stopping(BusyHub):
        def state(self, spawn: Spawn, at: float) -> str:
            return "stop" if spawn.fails and spawn.ends <= at < spawn.ends + 3 else super().state(spawn, at)

    played = start(Stopping(10, slow_spawn_timeout=0, fails=lambda path: True), ["u00"])
    assert failures(played) == {"u00": SpawnFailed}
    assert played.result.failed[0].message == "no quota left"


@pytest.mark.parametrize("refused", [None, refusal(500, "Internal Server Error")])
@pytest.mark.parametrize("cancel_seconds", [1.0, 1.2])
def test_servers_that_the_breaker_cancels_are_not_ready(cancel_seconds: float, refused: Reply | None) -> None:
    bad = {"/users/u03/server", "/users/u05/server"}
    hub = BusyHub(
        lambda path: 1.0 if path == "/users/u00/server" else 5.0 if path in bad else 60.0,
        fails=lambda path: path in bad,
        slow_spawn_timeout=0,
        cancel_seconds=cancel_seconds,
        report_activity=False,
    )
    if refused is not None:
        # The hub cancels the start, and then fails.
        delete = hub._delete

        def _delete(step: Request[Any], path: str, at: float) -> Any:
            seconds, _ = delete(step, path, at)  # type: ignore[misc]
            return seconds, refused

        hub._delete = _delete  # type: ignore[method-assign]
    played = start(hub, USERS)
    assert [str(event.target) for event in played.result.done] == ["u00"]
    assert not hub.ready(played.seconds) - {"/users/u00/server"}


@pytest.mark.parametrize("failures_of_the_hub", [1, 99])
def test_a_cancellation_that_the_hub_fails_is_repeated(failures_of_the_hub: int) -> None:
    """A busy hub may cancel the start, answer 500 and never stop the server, which then looks ready."""
    bad = {"/users/u03/server", "/users/u05/server"}

    class Failing(BusyHub):
        def _delete(self, step: Request[Any], path: str, at: float) -> Reply | tuple[float, Reply]:
            failed[path] += 1
            spawn = self.last(path)
            assert spawn is not None
            if failed[path] > failures_of_the_hub:
                spawn.gone = at
                return reply(204)
            spawn.cancelled = at
            return refusal(500, "Internal Server Error")

    failed = Counter[str]()
    hub = Failing(
        lambda path: 1.0 if path == "/users/u00/server" else 5.0 if path in bad else 60.0,
        fails=lambda path: path in bad,
        slow_spawn_timeout=0,
        report_activity=False,
    )
    played = start(hub, USERS)
    assert [str(event.target) for event in played.result.done] == ["u00"]
    cancelled = {event.message for event in played.result.failed if str(event.target) not in ("u03", "u05")}
    assert cancelled == (set() if failures_of_the_hub == 1 else {"the hub has failed to cancel its start"})
    assert max(failed.values()) <= 3


def test_servers_without_activity_are_read_twice() -> None:
    hub = BusyHub(5, slow_spawn_timeout=0, report_activity=False)
    played = start(hub, USERS)
    assert played.result.ok
    assert len(played.sent) <= 5 * len(USERS)
    assert all(5 + CONFIRM_SECONDS <= (event.seconds or 0) <= 5 + 4 for event in played.result.done)
    again = start(hub, USERS)
    assert again.result.ok
    assert len(again.sent) <= 3


def test_before_5_1_nobody_can_cancel_a_start() -> None:
    hub = BusyHub(5, slow_spawn_timeout=0, report_activity=False, version=(4, 1, 6))
    played = play(FleetOps.start_many(["u00"]), hub, version="4.1.6")
    assert played.result.done[0].seconds == pytest.approx(5, abs=0.5)


SERVERS: dict[str, dict[str, Any]] = {
    "ready": {"ready": True, "started": "2026-01-01T10:00:00Z", "last_activity": "2026-01-01T10:01:00Z"},
    "check": {"pending": "check"},
    "stop": {"pending": "stop"},
    "stopped": {"stopped": True},
}


def asleep(step: Request[Any] | Listen[Any]) -> Reply:
    """Answer as a hub with one user for each of SERVERS, and one user without servers."""
    if isinstance(step, Listen):
        return refusal(404)
    active = {name: {"": {"name": "", **model}} for name, model in SERVERS.items() if name != "stopped"}
    if step.path == "/users":
        items = [{"name": name, "servers": servers} for name, servers in active.items()]
        return reply(json={"items": items, "_pagination": {"next": None, "total": len(items)}})
    name = step.path.split("/")[2]
    stopped = {"": {"name": "", "stopped": True}}
    return reply(json={"name": name, "servers": active.get(name) or (stopped if step.query else {})})


def test_a_wait_names_the_state_of_servers_that_nobody_starts() -> None:
    targets = ["ready", "check", "stop", "stopped", "nobody/nolab"]
    played = play(FleetOps.wait_many(targets, timeout=20), asleep)
    assert {str(event.target): str(event.error) for event in played.result.failed} == {
        "check": "server check: not ready after 20 s: still being checked by the hub, which has restarted",
        "stop": "server stop: not ready after 20 s: still stopping",
        "stopped": "server stopped: stopped",
        "nobody/nolab": "server nobody/nolab: not created",
    }
    assert failures(played) == {
        "check": WaitTimeout,
        "stop": WaitTimeout,
        "stopped": NotStarted,
        "nobody/nolab": NotFound,
    }
    assert [str(event.target) for event in played.result.done] == ["ready"]
    assert Counter(event.kind for event in played.emitted) == {
        "queued": 5,
        "progress": 2,
        "failed": 4,
        "ready": 1,
    }, "none of them is starting"
