"""Fleets on a hub in virtual time: its limit, the canary, the breaker, outages, and the number of requests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pytest
from busy_hub import FULL, GONE, NEVER, BusyHub, Spawn

from jhub.errors import (
    HubError,
    HubFull,
    InvalidInput,
    MissingScope,
    NotFound,
    SpawnFailed,
    Throttled,
    Unavailable,
    WaitTimeout,
)
from jhub.fleet.events import FINAL_KINDS, ServerEvent, Summary, Target
from jhub.fleet.servers import FleetOps
from jhub.models import Server
from jhub.steps import Answer, Listen, Request
from jhub.testing import Played, Reply, play, refusal, reply

USERS = [f"u{n:03}" for n in range(200)]
TEN = USERS[:10]
TOO_BUSY = refusal(429, "Too many users trying to log in right now.", headers={"retry-after": "40"})


def start(hub: Callable[..., Reply], users: Iterable[str] = USERS, **options: Any) -> Played[Summary]:
    version = ".".join(map(str, hub.version)) if isinstance(hub, BusyHub) else "6.1.1"
    interrupt_at = options.pop("interrupt_at", None)
    return play(FleetOps.start_many(users, **options), hub, version=version, interrupt_at=interrupt_at)


def path(user: str) -> str:
    return f"/users/{user}/server"


def hub_with_failures(spawn_time: float, kind: type[BusyHub] = BusyHub, **options: Any) -> BusyHub:
    """Return a hub on which the canary succeeds and two of the next servers fail."""
    bad = {path("u003"), path("u005")}
    times = {path("u000"): 1.0, **dict.fromkeys(bad, 5.0)}
    return kind(
        lambda each: times.get(each, spawn_time), fails=lambda each: each in bad, slow_spawn_timeout=0, **options
    )


def names(events: Iterable[ServerEvent]) -> list[str]:
    return [str(event.target) for event in events]


def targets_of(played: Played[Summary], kind: str) -> list[str]:
    return [str(event.target) for event in played.emitted if event.kind == kind]


def assert_all_accounted_for(played: Played[Summary], hub: BusyHub, users: Iterable[str] = USERS) -> None:
    """Check that each user is in the summary once, and that it matches the hub."""
    summary = played.result
    ended = [*names(summary.done), *names(summary.failed), *names(summary.skipped)]
    assert sorted(ended) == sorted(users)
    assert {path(user) for user in names(summary.done)} == hub.ready(played.seconds)
    finals = Counter(str(event.target) for event in played.emitted if event.kind in FINAL_KINDS)
    assert finals == Counter(users)


class TestLimit:
    @pytest.mark.parametrize("slow_spawn_timeout", [10, 0])
    @pytest.mark.parametrize("spawn_time", [0.2, 1, 5])
    @pytest.mark.parametrize("limit", [100, 64, 10])
    def test_the_fleet_finds_the_limit_and_respects_it(
        self, limit: int, spawn_time: float, slow_spawn_timeout: float
    ) -> None:
        hub = BusyHub(spawn_time, concurrent_spawn_limit=limit, slow_spawn_timeout=slow_spawn_timeout)
        played = start(hub, hub_load=1.0)
        assert_all_accounted_for(played, hub)
        assert played.result.ok
        assert hub.max_in_progress <= limit
        assert len(played.sent) <= 2.5 * len(USERS)
        # The hub's limit and its own work set a lower bound for any client.
        canary = played.result.done[0].seconds or 0
        expected = max(len(USERS) * hub.cost, len(USERS) / limit * spawn_time) + spawn_time
        assert played.seconds - canary <= 1.35 * expected

    @pytest.mark.parametrize("limit", [10, 64])
    def test_half_of_a_known_limit_is_left_to_people(self, limit: int) -> None:
        hub = BusyHub(5, concurrent_spawn_limit=limit)
        played = start(hub)
        assert played.result.ok
        refused = max(at for at, _, status in hub.posts if status == 429)
        taken = [(at, hub.last(name)) for at, name, status in hub.posts if status != 429 and at > refused + 5]
        for at, _ in taken:
            in_progress = sum(1 for _, spawn in taken if spawn is not None and spawn.began <= at < spawn.ends)
            assert in_progress <= limit // 2

    def test_few_starts_are_rejected_until_the_limit_is_known(self) -> None:
        hub = BusyHub(5, concurrent_spawn_limit=64)
        start(hub)
        assert sum(status == 429 for _, _, status in hub.posts) <= 16

    def test_a_rejected_start_is_sent_again_when_a_server_finishes(self) -> None:
        hub = BusyHub(2, concurrent_spawn_limit=3)
        played = start(hub, TEN, hub_load=1.0)
        assert played.result.ok
        assert played.seconds < 2 + 3 * 2 + 2  # instead of the 40 s of Retry-After

    def test_retry_after_is_respected_if_others_use_the_whole_limit(self) -> None:
        hub = BusyHub(1, concurrent_spawn_limit=10, others=10)
        played = start(hub, TEN, timeout=100)
        moments = [at for at, _, _ in hub.posts]
        assert len(moments) <= 6
        assert all(later - earlier >= 40 for earlier, later in pairwise(moments))
        assert not played.result.done
        assert len(played.result.failed) == 1
        assert played.result.skipped[0].message.startswith("the hub is busy starting other servers: Too many users")

    def test_a_rejection_is_reported_with_its_reason_and_is_not_a_failure(self) -> None:
        hub = BusyHub(1, refuses={path("ana"): TOO_BUSY})
        played = start(hub, ["ana"], max_failures=1)
        assert [event.kind for event in played.emitted] == ["queued", "starting", "queued", "starting", "ready"]
        assert "Too many users" in played.emitted[2].message
        assert 41 <= played.seconds < 42

    def test_a_rejected_server_keeps_its_position(self) -> None:
        hub = BusyHub(1, refuses={path("u000"): TOO_BUSY})
        assert targets_of(start(hub, TEN), "starting")[:3] == ["u000", "u000", "u001"]

    def test_events_carry_the_concurrency_once_it_is_known(self) -> None:
        played = start(BusyHub(5, concurrent_spawn_limit=10))
        limits = [event.concurrency for event in played.emitted if event.kind == "starting"]
        assert limits[0] is None
        assert limits[-1] == 5


class TestFewRequests:
    @pytest.mark.parametrize("slow_spawn_timeout", [10, 0])
    @pytest.mark.parametrize("spawn_time", [3, 90])
    def test_many_servers_are_polled_with_few_requests(self, spawn_time: float, slow_spawn_timeout: float) -> None:
        hub = BusyHub(spawn_time, slow_spawn_timeout=slow_spawn_timeout)
        played = start(hub)
        assert played.result.ok
        assert len(played.sent) <= 2.5 * len(USERS)
        assert hub.requests["LISTEN"] <= 1  # the canary's

    def test_a_hub_with_many_pages_is_polled_less_often(self) -> None:
        hub = BusyHub(10, slow_spawn_timeout=0, page=20)
        played = start(hub)
        assert played.result.ok
        assert len(played.sent) <= 2.5 * len(USERS)

    def test_a_few_servers_are_followed_by_their_streams(self) -> None:
        hub = BusyHub(20, slow_spawn_timeout=0)
        played = start(hub, ["ana", "bo/lab"])
        assert hub.requests["LISTEN"] == 2
        assert [event.message for event in played.emitted if event.kind == "progress"] == ["pulling"] * 2
        assert len(played.sent) <= 6

    def test_servers_of_one_user_are_polled_with_one_call(self) -> None:
        hub = BusyHub(2, slow_spawn_timeout=0)
        played = start(hub, [f"ana/lab{n}" for n in range(8)])
        assert played.result.ok
        gets = {step.path for step in played.sent if isinstance(step, Request) and step.method == "GET"}
        assert gets - {"/"} == {"/users/ana"}

    def test_without_the_scope_to_list_users_each_owner_is_requested(self) -> None:
        class NoList(BusyHub):
            def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
                return refusal(403, "requires any of [list:users]") if step.path == "/users" else super().__call__(step)

        played = start(NoList(2, slow_spawn_timeout=0), TEN)
        assert played.result.ok
        assert played.calls.count("GET /users") == 1

    def test_a_token_that_may_not_read_servers_fails_before_the_first_request(self) -> None:
        users = [{"name": user} for user in TEN]
        page = {"items": users, "_pagination": {"next": None, "total": 10}}

        def blind(step: Request[Any] | Listen[Any]) -> Reply:
            return reply(json=page if step.path == "/users" else {"name": step.path.split("/")[2]})

        played = play(FleetOps.start_many(TEN), blind)
        assert isinstance(played.error, MissingScope)
        assert not [call for call in played.calls if call.startswith("POST")]


class TestEvents:
    def test_each_server_is_queued_started_and_finished_once(self) -> None:
        played = start(BusyHub(), TEN)
        assert targets_of(played, "starting") == TEN
        for user in TEN:
            kinds = [event.kind for event in played.emitted if event.target.user == user]
            assert kinds == ["queued", "starting", "ready"]

    def test_a_target_given_twice_is_started_once(self) -> None:
        played = start(BusyHub(), ["ana", "bo", "ana", "ana/lab", "bo"])
        assert sorted(names(played.result.done)) == ["ana", "ana/lab", "bo"]

    def test_an_empty_fleet_succeeds(self) -> None:
        played = start(BusyHub(), [])
        assert played.result == Summary()
        assert played.result.ok
        assert played.sent == []

    def test_a_final_event_carries_server_and_seconds(self) -> None:
        (event,) = start(BusyHub(7), ["ana/lab"]).result.done
        assert event.server is not None
        assert event.server.target == "ana/lab"
        assert event.seconds == pytest.approx(7, abs=0.5)

    def test_a_failure_carries_reason_and_error(self) -> None:
        for slow_spawn_timeout in (0, 10):
            (event,) = start(
                BusyHub(1, fails=lambda path: True, slow_spawn_timeout=slow_spawn_timeout), ["ana"]
            ).result.failed
            assert event.message == "no quota left"
            assert isinstance(event.error, SpawnFailed)
            assert event.server is None


class TestCanaryAndBreaker:
    @pytest.mark.parametrize("slow_spawn_timeout", [0, 10])
    def test_the_fleet_stops_after_two_failures(self, slow_spawn_timeout: float) -> None:
        hub = BusyHub(1, fails=lambda path: True, slow_spawn_timeout=slow_spawn_timeout)
        played = start(hub, profile="gpx")
        assert_all_accounted_for(played, hub)
        assert len(hub.posts) == 2
        assert len(played.result.failed) == 2
        assert {event.message for event in played.result.skipped} == {
            "after 2 failures in a row: no quota left (2 times)"
        }

    def test_the_canary_must_be_ready_before_others_are_sent(self) -> None:
        hub = BusyHub(30, slow_spawn_timeout=0)
        start(hub, TEN)
        assert [at for at, _, _ in hub.posts if at < 30] == [hub.posts[0][0]]

    def test_servers_in_flight_are_cancelled_when_the_breaker_trips(self) -> None:
        hub = hub_with_failures(60)
        played = start(hub, TEN)
        assert_all_accounted_for(played, hub, TEN)
        assert names(played.result.done) == ["u000"]
        assert names(played.result.failed) == ["u003", "u005"]
        assert len(played.result.skipped) == 7
        assert {event.message.split(":")[0] for event in played.result.skipped} == {
            "cancelled after 2 failures in a row"
        }
        assert played.seconds < 10

    def test_a_hub_that_cannot_cancel_finishes_the_servers_in_flight(self) -> None:
        hub = hub_with_failures(60, version=(5, 0, 0))
        played = start(hub)
        assert_all_accounted_for(played, hub)
        assert hub.requests["DELETE"] == 0
        assert len(played.result.failed) == 2
        assert len(played.result.done) > 2
        assert sum(status != 429 for _, _, status in hub.posts) == len(played.result.failed) + len(played.result.done)

    def test_without_the_scope_to_cancel_servers_in_flight_finish(self) -> None:
        class Keeping(BusyHub):
            def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
                if isinstance(step, Request) and step.method == "DELETE":
                    return refusal(403, "requires any of [delete:servers]")
                return super().__call__(step)

        hub = hub_with_failures(60, Keeping)
        played = start(hub, TEN)
        assert_all_accounted_for(played, hub, TEN)
        assert len(played.result.done) == 8

    def test_max_failures_allows_failures(self) -> None:
        hub = BusyHub(1, fails=lambda path: path.endswith(("07/server", "40/server")))
        played = start(hub, max_failures=50)
        assert_all_accounted_for(played, hub)
        assert len(played.result.failed) == 4
        assert len(played.result.done) == 196

    def test_unknown_users_do_not_trip_the_breaker(self) -> None:
        gone = ["u001", "u004", "u007"]
        hub = BusyHub(1, refuses={path(user): refusal(404) for user in gone})
        played = start(hub, TEN)
        assert names(played.result.failed) == gone
        assert len(played.result.done) == 7

    def test_a_full_hub_stops_the_fleet_and_servers_in_flight_finish(self) -> None:
        hub = BusyHub(1, active_server_limit=50)
        played = start(hub)
        assert_all_accounted_for(played, hub)
        assert len(played.result.done) == 50
        assert {type(event.error) for event in played.result.failed} == {HubFull}
        assert len(played.result.failed) <= 16
        assert hub.requests["DELETE"] == 0
        assert "the hub is full" in played.result.skipped[0].message

    def test_a_full_hub_rejects_the_canary(self) -> None:
        hub = BusyHub(1, refuses={path(user): FULL for user in USERS})
        played = start(hub)
        assert len(hub.posts) == 1
        assert len(played.result.skipped) == 199

    def test_a_server_that_is_ready_before_its_cancellation_stays(self) -> None:
        hub = hub_with_failures(5.1)
        played = start(hub, TEN)
        assert_all_accounted_for(played, hub, TEN)
        assert names(played.result.failed) == ["u003", "u005"]
        assert len(played.result.done) > 1
        ended = [spawns[-1] for spawns in hub.spawns.values()]
        # Cancelling takes a second.
        assert all(spawn.stops < spawn.ends + 1.05 for spawn in ended if spawn.stops < NEVER)

    def test_a_stopping_server_is_started_after_it_has_stopped(self) -> None:
        hub = BusyHub(1, stop_time=5)
        play(FleetOps.start_many(TEN), hub)
        hub.settle()
        for user in TEN:
            hub(Request("DELETE", path(user), lambda answer: None))
        hub.free = 0.0

        class Stopping(BusyHub):
            def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
                hub.now = self.now
                spawn = hub.last(step.path)
                if (
                    isinstance(step, Request)
                    and step.method == "POST"
                    and spawn
                    and hub.state(spawn, self.now) == "stop"
                ):
                    return refusal(400, f"{step.path} is pending stop")
                return hub(step)

        played = play(FleetOps.start_many(TEN), Stopping())
        assert played.result.ok
        assert len(played.sent) < 150
        assert 5 < played.seconds < 12

    def test_invalid_names_do_not_trip_the_breaker(self) -> None:
        played = start(BusyHub(1), ["ana", "b\tad", "c\nd", "e\rf", *TEN])
        assert len(played.result.failed) == 3
        assert len(played.result.done) == 11


PROXY = Answer(404, {"content-type": "text/plain"}, b"404 page not found")
"""Answer of a proxy that has no route to the hub."""


class TestOutages:
    def test_an_outage_requires_another_canary(self) -> None:
        """The fleet's requests may have crashed the hub."""
        hub = BusyHub(2, outage=(4, 30), slow_spawn_timeout=0, fails=lambda path: hub.now > 30)
        played = start(hub)
        assert_all_accounted_for(played, hub)
        assert len([at for at, _, status in hub.posts if at > 30 and status != 429]) == 2
        assert len(played.result.failed) == 2

    @pytest.mark.parametrize("users", [["ana"], TEN])
    def test_the_fleet_does_not_wait_for_a_hub_that_never_answered(self, users: list[str]) -> None:
        played = start(BusyHub(outage=(-1, 1e9)), users)
        assert played.seconds < 10
        error = played.error or played.result.failed[0].error
        assert isinstance(error, Unavailable)

    def test_users_who_leave_the_listing_between_pages_hide_no_server(self) -> None:
        """Pages go by offset: a user who leaves moves others to an earlier page."""
        hub = BusyHub(3, slow_spawn_timeout=0, page=10)
        for n in range(60):
            name = path(f"other{n}")
            hub.spawns[name] = [Spawn(-9, -9, False, {}, gone=2 + n / 20)]
            hub.owned[f"other{n}"] = {name: None}
        played = start(hub)
        assert_all_accounted_for(played, hub)
        assert played.result.ok

    @pytest.mark.parametrize("gone", [GONE, PROXY], ids=["503", "404"])
    @pytest.mark.parametrize("slow_spawn_timeout", [0, 10])
    @pytest.mark.parametrize("at", [0.5, 1.02, 2.0, 4.0])
    def test_the_fleet_waits_for_a_hub_that_restarts(self, at: float, slow_spawn_timeout: float, gone: Reply) -> None:
        hub = BusyHub(
            2, concurrent_spawn_limit=50, outage=(at, at + 60), slow_spawn_timeout=slow_spawn_timeout, gone=gone
        )
        played = start(hub)
        assert_all_accounted_for(played, hub)
        assert played.result.ok
        assert played.seconds < at + 60 + 15 + 30
        assert hub.requests["LISTEN"] <= 60

    def test_a_hub_that_stays_unavailable_fails_the_fleet_after_a_limit(self) -> None:
        hub = BusyHub(2, outage=(3, 1e9))
        played = start(hub)
        assert 300 < played.seconds < 600
        summary = played.result
        assert len(summary.done) + len(summary.failed) + len(summary.skipped) == 200
        assert {type(event.error) for event in summary.failed} == {Unavailable}
        assert summary.skipped
        assert not summary.ok

    def test_a_start_with_a_lost_answer_is_not_sent_twice(self) -> None:
        lost: list[str] = []

        class Losing(BusyHub):
            def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
                answer = super().__call__(step)
                if isinstance(step, Request) and step.method == "POST" and step.path not in lost:
                    lost.append(step.path)
                    return Unavailable("reset")
                return answer

        hub = Losing(3, slow_spawn_timeout=0)
        played = start(hub, TEN)
        assert_all_accounted_for(played, hub, TEN)
        assert played.result.ok
        assert len(hub.posts) == 10

    def test_occasional_lost_answers_do_not_slow_the_fleet(self) -> None:
        class Flaky(BusyHub):
            def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
                answer = super().__call__(step)
                lost = (
                    isinstance(step, Request)
                    and step.method == "POST"
                    and step.path.endswith(("50/server", "90/server"))
                )
                return Unavailable("504", status=504) if lost else answer

        hub = Flaky(1)
        played = start(hub)
        assert_all_accounted_for(played, hub)
        assert played.result.ok
        assert played.seconds < 10

    def test_a_second_run_finishes_the_rest_and_repeats_nothing(self) -> None:
        hub = BusyHub(2, concurrent_spawn_limit=20)
        first = start(hub, interrupt_at=8)
        assert first.error is not None
        assert hub.requests["DELETE"] == 0
        begun = {name for _, name, status in hub.posts if status != 429}
        assert 0 < len(begun) < 200
        hub.posts.clear()
        hub.free = 0
        offset = first.seconds

        class Later:
            now = 0.0

            def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
                hub.now = offset + self.now
                return hub(step)

        second = play(FleetOps.start_many(USERS), Later())
        assert second.result.ok
        assert len(second.result.done) == 200
        assert {name for _, name, status in hub.posts if status != 429} == {path(user) for user in USERS} - begun

    def test_running_servers_count_as_ready_without_a_request(self) -> None:
        hub = BusyHub(1)
        start(hub, TEN)
        hub.posts.clear()
        again = start(hub, TEN)
        assert again.result.ok
        assert hub.posts == []
        assert len(again.sent) == 1
        other = start(hub, TEN, profile="gpu")
        assert {event.message.split(" (")[0] for event in other.result.failed} == {"already running with other options"}
        assert hub.posts == []

    def test_a_server_that_waited_too_long_is_not_sent(self) -> None:
        hub = BusyHub(150, concurrent_spawn_limit=100, others=99)
        played = start(hub, TEN, hub_load=1.0, timeout=400)
        assert_all_accounted_for(played, hub, TEN)
        assert 2 < len(played.result.done) < 10
        assert {type(event.error) for event in played.result.failed} == {Throttled}
        assert not played.result.skipped

    def test_servers_started_by_others_are_reported_as_starting(self) -> None:
        hub = BusyHub(30, slow_spawn_timeout=0)
        for user in TEN:
            hub(Request("POST", path(user), lambda answer: None, body={"user_options": {}}))
        hub.free, posts = 0.0, len(hub.posts)
        played = start(hub, TEN)
        assert played.result.ok
        assert sorted(targets_of(played, "starting")) == TEN
        assert len(hub.posts) == posts


SLOW_PATH = path("u004")


class TestTime:
    def test_a_server_that_takes_too_long_times_out(self) -> None:
        hub = BusyHub(lambda path: 1000 if path == SLOW_PATH else 1, slow_spawn_timeout=0)
        played = start(hub, TEN, timeout=100)
        (event,) = played.result.failed
        assert isinstance(event.error, WaitTimeout)
        assert names([event]) == ["u004"]
        assert 100 <= played.seconds <= 102
        assert hub.requests["DELETE"] == 0

    def test_an_interruption_sends_nothing_more(self) -> None:
        hub = BusyHub(5)
        played = start(hub, interrupt_at=7)
        assert isinstance(played.error, HubError)
        assert played.seconds == 7
        assert hub.requests["DELETE"] == 0

    @pytest.mark.parametrize("options", [{"hub_load": 0}, {"hub_load": 2}, {"max_failures": 0}, {"timeout": 0}])
    def test_invalid_arguments_are_refused_before_the_first_request(self, options: dict[str, Any]) -> None:
        played = start(BusyHub(), **options)
        assert isinstance(played.error, InvalidInput)
        assert played.sent == []


def running(count: int = 40, **options: Any) -> tuple[BusyHub, list[str]]:
    """Return a hub with so many running servers, and their users."""
    hub = BusyHub(1, **options)
    users = USERS[:count]
    assert start(hub, users).result.ok
    hub.settle()
    return hub, users


class TestStoppingAndWaiting:
    @pytest.mark.parametrize("stop_time", [0, 3, 45])
    def test_many_servers_are_stopped_with_few_requests(self, stop_time: float) -> None:
        hub, users = running(stop_time=stop_time)
        played = play(FleetOps.stop_many(users), hub)
        assert played.result.ok
        assert hub.ready(played.seconds) == set()
        assert len(played.sent) <= 2.5 * len(users)
        assert played.seconds <= stop_time + 10

    def test_waiting_for_many_servers_takes_few_requests(self) -> None:
        hub = BusyHub(lambda path: 20 + int(path[8:10]), slow_spawn_timeout=0)
        for user in TEN:
            hub(Request("POST", path(user), lambda answer: None, body={"user_options": {}}))
        hub.requests.clear()
        hub.free = 0.0
        played = play(FleetOps.wait_many(TEN), hub)
        assert_all_accounted_for(played, hub, TEN)
        assert played.result.ok
        assert set(hub.requests) == {"GET"}
        assert len(played.sent) <= 50
        assert sorted(targets_of(played, "starting")) == TEN

    def test_waiting_for_a_server_that_was_never_started_fails_at_once(self) -> None:
        hub, _ = running(2)
        played = play(FleetOps.wait_many(["u000", "u001", "zed", "zoe/lab", "zac"]), hub)
        assert names(played.result.done) == ["u000", "u001"]
        assert sorted(names(played.result.failed)) == ["zac", "zed", "zoe/lab"]
        assert {type(event.error) for event in played.result.failed} == {NotFound}
        assert played.seconds < 2

    def test_failures_are_diagnosed_a_few_at_a_time(self) -> None:
        @dataclass
        class Watched(BusyHub):
            ends: list[float] = field(default_factory=list[float])
            max_diagnoses: int = 0

            def __call__(self, step: Request[Any] | Listen[Any], /) -> Reply:
                answer = super().__call__(step)
                self.ends.append(self.free)
                self.max_diagnoses = max(self.max_diagnoses, sum(end > self.now for end in self.ends))
                return answer

        hub = Watched()
        played = play(FleetOps.wait_many(USERS), hub)
        assert sorted(names(played.result.failed)) == USERS
        assert 1 < hub.max_diagnoses <= 10

    def test_waiting_for_a_few_servers_reports_their_progress(self) -> None:
        hub = BusyHub(20, slow_spawn_timeout=0)
        hub(Request("POST", path("ana"), lambda answer: None, body={"user_options": {}}))
        hub.free = 0.0
        played = play(FleetOps.wait_many(["ana"]), hub)
        assert [event.kind for event in played.emitted] == ["queued", "starting", "progress", "ready"]
        assert len(played.sent) <= 3


class TestTargets:
    @pytest.mark.parametrize(
        ("value", "target"),
        [
            ("ana", Target("ana")),
            ("ana/lab", Target("ana", "lab")),
            (("ana", "lab"), Target("ana", "lab")),
            (Target("ana", "lab"), Target("ana", "lab")),
            (Server(user="ana", name="lab"), Target("ana", "lab")),
        ],
    )
    def test_a_target_is_made_of_a_name_a_pair_or_a_server(
        self, value: Target | Server | str | tuple[str, str], target: Target
    ) -> None:
        assert Target.of(value) == target
        assert Target.of(str(target)) == target

    def test_the_final_kinds_are_those_of_a_summary(self) -> None:
        assert {"ready", "stopped", "deleted", "failed", "skipped"} == FINAL_KINDS
