"""Failures around a fleet: starts of other people, short restarts, expired tokens, error pages of proxies."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest
from busy_hub import BusyHub, Spawn

from jhub.errors import HubBroken, MissingScope, Throttled, UnknownToken, WaitTimeout
from jhub.fleet.events import ServerEvent, Summary
from jhub.fleet.servers import FleetOps
from jhub.steps import Answer, Listen, Request
from jhub.testing import After, Played, Reply, events, play, refusal, reply

USERS = [f"u{number:02}" for number in range(20)]
LABS = [f"{user}/lab" for user in USERS[:12]]
FIRST = "/users/u00/server"
BAD_TOKEN = refusal(403, "Missing or invalid credentials.")

Step = Request[Any] | Listen[Any]


def path(user: str) -> str:
    return f"/users/{user}/server"


def later(seconds: float, **others: float) -> Callable[[str], float]:
    """Return spawn times: 1 s for the canary, `seconds` for all other users except `others`."""
    times = {FIRST: 1.0, **{path(user): time for user, time in others.items()}}
    return lambda each: times.get(each, seconds)


def start(hub: Callable[..., Reply], **options: Any) -> Played[Summary]:
    return play(FleetOps.start_many(USERS, **options), hub)


def add_running(hub: BusyHub, user: str, *, since: float = -9, **options: float) -> None:
    """Add a server that was started before, and is ready from `since` on."""
    hub.spawns[path(user)] = [Spawn(-9, since, False, {}, **options)]
    hub.owned[user] = {path(user): None}


def names(reports: Iterable[ServerEvent]) -> set[str]:
    return {str(event.target) for event in reports}


def count_sent(played: Played[Summary], method: str) -> int:
    return sum(isinstance(step, Request) and step.method == method for step in played.sent)


class TestCanary:
    def test_a_server_that_somebody_else_started_is_not_a_canary(self) -> None:
        hub = BusyHub(lambda each: 5 if each == path("u19") else 60, slow_spawn_timeout=0)
        hub.fails = lambda each: each != path("u19")
        hub(Request("POST", path("u19"), lambda answer: None, body={"user_options": {}}))
        hub.posts.clear()
        hub.free = 0.0
        played = start(hub, user_options={"image": "no-such"})
        assert names(played.result.done) == {"u19"}
        assert len(hub.posts) == 2

    def test_a_server_that_already_ran_is_not_a_canary(self) -> None:
        hub = BusyHub(5, slow_spawn_timeout=0, fails=lambda each: True)
        add_running(hub, "u00")
        played = play(FleetOps.start_many(USERS[:4]), hub)
        assert names(played.result.done) == {"u00"}
        assert len(hub.posts) == 2

    @pytest.mark.parametrize("length", [0.3, 1, 3])
    @pytest.mark.parametrize("at", [1.5, 2.5, 4])
    def test_the_shortest_outage_requires_another_canary(self, at: float, length: float) -> None:
        """A fleet may detect one lost answer of such an outage, or nothing."""
        hub = BusyHub(lambda each: 1 if each == FIRST else 20 + int(each[8:10]), slow_spawn_timeout=0)
        hub.outage, hub.fails = (at, at + length), lambda each: hub.now > at + length
        start(hub)
        assert len([at_ for at_, _, status in hub.posts if at_ > at + length and status == 202]) <= 2

    def test_a_success_before_an_outage_is_not_a_canary_after_it(self) -> None:
        hub = BusyHub(later(30, u03=9), slow_spawn_timeout=0, outage=(10.2, 40), fails=lambda each: hub.now > 40)
        played = start(hub)
        assert names(played.result.done) == {"u00", "u03"}
        assert len([at for at, _, _ in hub.posts if at > 40]) == 2


PAGE = Answer(200, {"content-type": "text/html"}, b"<html>Down for maintenance")
PROXY = Answer(404, {"content-type": "text/plain"}, b"404 page not found")
LIMITED = Answer(429, {"retry-after": "3600"}, b"slow down")


class TestOutages:
    @pytest.mark.parametrize("at", [30.3, 33, 36])
    def test_lost_starts_are_sent_again_after_an_undetected_outage(self, at: float) -> None:
        hub = BusyHub(later(60), slow_spawn_timeout=0, outage=(at, at + 3))
        played = start(hub)
        assert played.result.ok
        assert {len(starts) for starts in hub.spawns.values()} == {1, 2}

    def test_a_server_stopped_by_its_owner_does_not_delay_others(self) -> None:
        class Owned(BusyHub):
            def __call__(self, step: Step, /) -> Reply:
                if (spawns := self.spawns.get(path("u05"))) and self.now > 20:
                    spawns[0].gone = 20
                return super().__call__(step)

        hub = Owned(later(60), slow_spawn_timeout=0, concurrent_spawn_limit=6)
        played = start(hub, hub_load=1.0)
        assert played.result.ok
        assert played.seconds < 5 * 60

    def test_a_server_that_is_stopped_each_time_fails_after_three_tries(self) -> None:
        class Culled(BusyHub):
            def __call__(self, step: Step, /) -> Reply:
                for spawn in self.spawns.get(path("u05"), []):
                    spawn.gone = spawn.ends
                return super().__call__(step)

        hub = Culled(1, slow_spawn_timeout=0)
        played = start(hub)
        assert names(played.result.failed) == {"u05"}
        assert len(played.result.done) == 19
        assert len(hub.spawns[path("u05")]) == 3

    @pytest.mark.parametrize("outage", [(12, 145), (0.5, 135)])
    def test_outages_do_not_count_for_the_timeout(self, outage: tuple[float, float]) -> None:
        hub = BusyHub(1)
        assert start(hub).result.ok
        hub.settle()
        hub.stop_time, hub.outage = 30, outage
        assert play(FleetOps.stop_many(USERS), hub).result.ok

        hub = BusyHub(later(30), slow_spawn_timeout=0, outage=outage)
        assert start(hub, timeout=120).result.ok

    @pytest.mark.parametrize("gone", [PAGE, LIMITED], ids=["a page", "a limit"])
    def test_a_page_or_rate_limit_of_a_proxy_is_waited_for(self, gone: Answer) -> None:
        class Behind(BusyHub):
            def __call__(self, step: Step, /) -> Reply:
                return gone if step.path == "/users" and 3 < self.now < 120 else super().__call__(step)

        hub = Behind(later(10), slow_spawn_timeout=0)
        played = start(hub)
        assert played.result.ok
        assert len(hub.posts) == 20
        assert played.seconds < 200

    def test_an_expired_token_ends_the_fleet(self) -> None:
        hub = BusyHub(1)
        assert start(hub).result.ok
        hub.settle()
        stops = 0

        def ending(step: Step) -> Reply:
            nonlocal stops
            stops += isinstance(step, Request) and step.method == "DELETE"
            return BAD_TOKEN if stops > 5 else hub(step)

        played = play(FleetOps.stop_many(USERS), ending)
        assert count_sent(played, "DELETE") <= 5 + 8
        assert {type(event.error) for event in played.result.failed} == {UnknownToken}
        assert len(played.result.done) + len(played.result.failed) + len(played.result.skipped) == 20


class Labs:
    """A hub with named servers to delete, which fails for one user, or is unavailable from 0.03 s on."""

    def __init__(self, broken: str = "", unavailable_until: float = 0.0) -> None:
        self.servers = {name.split("/")[0] for name in LABS}
        self.broken, self.unavailable_until, self.now = broken, unavailable_until, 0.0

    def __call__(self, step: Step, /) -> Reply:
        if 0.03 < self.now < self.unavailable_until:
            return refusal(503)
        if isinstance(step, Listen):
            return events()
        user = step.path.split("/")[2] if step.path != "/" else ""
        if step.method == "DELETE":
            if user == self.broken:
                return refusal(500, "Internal Server Error")
            self.servers.discard(user)
            return After(0.02, reply(204))
        return After(
            0.01, reply(json={"name": user, "servers": {"lab": {"name": "lab"}} if user in self.servers else {}})
        )


class TestBusyServers:
    def test_a_pending_check_delays_a_start(self) -> None:
        class Checking(BusyHub):
            def _models(self, user: str, at: float) -> dict[str, Any]:
                found = super()._models(user, at)
                if at < 15 and user in USERS[:2]:
                    found[""] = {"name": "", "ready": False, "pending": "check"}
                return found

            def _start(self, step: Request[Any], path: str, at: float) -> Reply | tuple[float, Reply]:
                if at < 15 and path.split("/")[2] in USERS[:2]:
                    return refusal(400, f"{path} is pending check")
                return super()._start(step, path, at)

        for owned in (True, False):  # by the listing, or by the refusal alone
            hub = Checking(1)
            if owned:
                for user in USERS[:2]:
                    add_running(hub, user)
            played = start(hub)
            assert played.result.ok
            assert len(played.sent) < 90

    def test_a_pending_check_delays_a_stop(self) -> None:
        class Checking(BusyHub):
            def _models(self, user: str, at: float) -> dict[str, Any]:
                found = super()._models(user, at)
                if at < 15 and "" in found:
                    found[""].update(ready=False, pending="check")
                return found

            def _delete(self, step: Request[Any], path: str, at: float) -> Reply | tuple[float, Reply]:
                return refusal(500, "Internal Server Error") if at < 15 else super()._delete(step, path, at)

        hub = Checking(1)
        for user in USERS:
            add_running(hub, user)
        played = play(FleetOps.stop_many(USERS), hub)
        assert played.result.ok
        assert not hub.ready(played.seconds)

    def test_a_slowly_stopping_server_is_retried_with_pauses(self) -> None:
        class Stopping(BusyHub):
            def _start(self, step: Request[Any], path: str, at: float) -> Reply | tuple[float, Reply]:
                spawn = self.last(path)
                stopping = spawn is not None and self.state(spawn, at) == "stop"
                return refusal(400, f"{path} is pending stop") if stopping else super()._start(step, path, at)

        hub = Stopping(1, slow_spawn_timeout=0)
        for user in USERS:
            add_running(hub, user, stops=-1, gone=60)
        played = start(hub)
        assert played.result.ok
        assert len(hub.posts) <= 10 * len(USERS)
        assert played.seconds < 60 + 15

    def test_a_failed_deletion_is_reported_at_once_with_the_hubs_answer(self) -> None:
        played = play(FleetOps.delete_many(LABS), Labs(broken="u03"))
        assert names(played.result.failed) == {"u03/lab"}
        assert {type(event.error) for event in played.result.failed} == {HubBroken}
        assert len(played.result.done) == 11
        assert played.seconds < 10

    def test_a_deletion_that_never_reached_the_hub_is_retried(self) -> None:
        hub = Labs(unavailable_until=20)
        played = play(FleetOps.delete_many(LABS), hub)
        assert played.result.ok
        assert not hub.servers

    @pytest.mark.parametrize("answer", [PAGE, PROXY, LIMITED, refusal(500), refusal(503)])
    def test_an_error_in_place_of_the_reason_is_not_a_reason(self, answer: Answer) -> None:
        class Behind(BusyHub):
            def __call__(self, step: Step, /) -> Reply:
                return answer if isinstance(step, Listen) and 30 < self.now < 53 else super().__call__(step)

        hub = Behind(later(60), slow_spawn_timeout=0, outage=(30, 50))
        assert start(hub).result.ok


class TestRoom:
    def test_the_canary_waits_until_servers_in_flight_make_room(self) -> None:
        """They may be those of an earlier run, for example."""
        hub = BusyHub(60, concurrent_spawn_limit=10, slow_spawn_timeout=0)
        for user in USERS[:10]:
            add_running(hub, user, since=50)
        played = start(hub)
        assert played.result.ok
        assert sum(status == 429 for _, _, status in hub.posts) <= 3

    def test_after_an_outage_a_retry_has_its_whole_timeout_in_the_queue(self) -> None:
        class Herd(BusyHub):
            def __call__(self, step: Step, /) -> Reply:
                self.others = 100 if 93 < self.now < 103 else 0
                return super().__call__(step)

        hub = Herd(later(100), slow_spawn_timeout=0, outage=(90, 93))
        assert start(hub, timeout=120, hub_load=1.0).result.ok


class TestTimeouts:
    @pytest.mark.parametrize(("takes", "timeout"), [(55, 60), (85, 90), (290, 300)])
    def test_a_server_that_is_ready_just_in_time_succeeds(self, takes: float, timeout: float) -> None:
        hub = BusyHub(later(takes), slow_spawn_timeout=0)
        assert start(hub, timeout=timeout).result.ok

    def test_a_server_that_is_not_ready_in_time_fails_soon_after(self) -> None:
        hub = BusyHub(later(200), slow_spawn_timeout=0)
        played = start(hub, timeout=60)
        assert {type(event.error) for event in played.result.failed} == {WaitTimeout}
        assert all(60 <= (event.seconds or 0) <= 76 for event in played.result.failed)

    def test_a_timeout_in_the_queue_is_not_a_failed_start(self) -> None:
        """Two such timeouts must not trip the breaker."""
        hub = BusyHub(later(55), slow_spawn_timeout=0, concurrent_spawn_limit=6)
        played = start(hub, timeout=60, hub_load=1.0)
        assert not played.result.skipped
        assert {type(event.error) for event in played.result.failed} <= {Throttled}
        assert count_sent(played, "DELETE") == 0
        assert names(played.result.done) == {each.split("/")[2] for each in hub.ready(played.seconds)}


class Hidden(BusyHub):
    """A hub as seen by a token that may neither list users nor read the servers of u07."""

    def __call__(self, step: Step, /) -> Reply:
        if step.path == "/users":
            return refusal(403, "requires any of [list:users]")
        if step.path == "/users/u07":
            return reply(json={"name": "u07"})
        if step.path.startswith("/users/u07/"):
            return After(11, refusal(500))
        return super().__call__(step)


class TestLimitedToken:
    def test_a_hidden_owner_does_not_keep_others_from_starting(self) -> None:
        played = start(Hidden(1))
        assert names(played.result.failed) == {"u07"}
        assert {type(event.error) for event in played.result.failed} == {MissingScope}
        assert len(played.result.done) == 19

    def test_a_hidden_server_does_not_count_as_stopped(self) -> None:
        hub = Hidden(1, stop_time=20)
        for user in USERS[:8]:
            add_running(hub, user)
        played = play(FleetOps.stop_many(USERS[:8]), hub)
        assert names(played.result.failed) == {"u07"}
        assert len(played.result.done) == 7

    def test_an_owner_that_cannot_be_read_does_not_hide_others(self) -> None:
        class Broken(Labs):
            def __call__(self, step: Step, /) -> Reply:
                return refusal(500) if step.path == "/users/u03" else super().__call__(step)

        hub = Broken()
        played = play(FleetOps.delete_many(LABS), hub)
        assert names(played.result.failed) == {"u03/lab"}
        assert len(played.result.done) == 11
        assert not hub.servers
