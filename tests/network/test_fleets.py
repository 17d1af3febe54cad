"""Fleets on both clients against a local server: events, summaries, and the cleanup of threads and tasks."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
from collections import Counter
from typing import TypeVar

import pytest
from loopback import MAX_SECONDS, Visit, async_hub_at, endless, hub_at, stable_count, within

from jhub import ServerEvent

T = TypeVar("T")
USERS = [f"user{n}" for n in range(6)]


class Counting:
    """A hub whose servers are ready at once. It counts the concurrent calls."""

    def __init__(self, seconds: float = 0.0, together: int = 0) -> None:
        self.seconds = seconds
        self.together = together
        """Number of concurrent calls before a start other than the first is answered."""
        self.changed = threading.Condition()
        self.open = self.most = 0
        self.up: set[str] = set()

    def __call__(self, visit: Visit) -> None:
        with self.changed:
            self.open += 1
            self.most = max(self.most, self.open)
            self.changed.notify_all()
            if visit.command == "POST" and self.up:
                self.changed.wait_for(lambda: self.most >= self.together, MAX_SECONDS)
        visit.hold(self.seconds)
        with self.changed:
            self.open -= 1
        path = visit.path.partition("?")[0].removeprefix("/hub/api")
        up = [{"name": user, "servers": {"": {"name": "", "ready": True}}} for user in sorted(self.up)]
        if visit.command == "POST":
            self.up.add(path.split("/")[2])
            visit.json({}, 201)
        elif path == "/users":
            visit.json({"items": up, "_pagination": {"next": None, "total": len(up)}})
        else:
            visit.json(next((user for user in up if path == f"/users/{user['name']}"), {"version": "6.1.1"}))


def threads() -> set[threading.Thread]:
    """Return all threads except those of the test's server."""
    theirs = ("loopback", "process_request_thread")
    return {thread for thread in threading.enumerate() if not any(name in thread.name for name in theirs)}


def test_a_fleet_yields_events_and_a_summary() -> None:
    counting = Counting(together=2)
    with hub_at(counting) as (site, hub):
        with hub.servers.start_many(USERS) as fleet:
            events = list(fleet)
        summary = fleet.summary
        assert summary.ok
        assert {str(event.target) for event in summary.done} == set(USERS)
        assert counting.most >= 2
        posts = Counter(call for call in site.calls if call.startswith("POST"))
    assert posts == Counter(f"POST /hub/api/users/{user}/server" for user in USERS)
    assert all(isinstance(event, ServerEvent) for event in events)
    assert Counter(event.kind for event in events) == {"queued": 6, "starting": 6, "ready": 6}


def test_an_async_fleet_yields_events_and_a_summary() -> None:
    async def go() -> None:
        counting = Counting(together=2)
        async with async_hub_at(counting) as (_, hub):
            async with hub.servers.start_many(USERS) as fleet:
                events = [event async for event in fleet]
            assert fleet.summary.ok
            assert {str(event.target) for event in fleet.summary.done} == set(USERS)
            assert counting.most >= 2
        assert Counter(event.kind for event in events) == {"queued": 6, "starting": 6, "ready": 6}

    asyncio.run(go())


def test_events_arrive_while_the_fleet_runs() -> None:
    with hub_at(Counting()) as (_, hub), hub.fleet(endless()) as fleet:
        assert within(lambda: next(iter(fleet))) == "begun"
        fleet.cancel()


def test_a_fleet_needs_one_thread_for_any_number_of_servers() -> None:
    counting = Counting(together=3)
    before = threads()
    with hub_at(counting) as (_, hub), hub.servers.start_many(USERS) as fleet:
        most = max(len(threads() - before) for _ in fleet)
    assert counting.most > 2
    assert most == 1


NAMES = [f"u{n}" for n in range(20)]


def test_leaving_the_block_finishes_the_work_even_after_a_break() -> None:
    before = threads()
    counting = Counting()
    with hub_at(counting) as (_, hub):
        with hub.servers.start_many(NAMES[:10]) as fleet:
            pass
        assert len(fleet.summary.done) == 10
        with hub.servers.start_many(NAMES) as fleet:
            for event in fleet:
                if event.kind == "ready":
                    break
        assert fleet.summary.ok
        assert counting.up == set(NAMES)
        assert threads() == before


def test_leaving_an_async_block_finishes_the_work() -> None:
    async def go() -> None:
        counting = Counting()
        async with async_hub_at(counting) as (_, hub):
            before = asyncio.all_tasks()
            async with hub.servers.start_many(NAMES) as fleet:
                async for _ in fleet:
                    break
            assert fleet.summary.ok
            assert counting.up == set(NAMES)
            assert asyncio.all_tasks() == before

    asyncio.run(go())


def test_run_finishes_a_fleet_without_its_events() -> None:
    counting = Counting()
    with hub_at(counting) as (_, hub):
        assert hub.servers.start_many(NAMES).run().ok
    assert counting.up == set(NAMES)


def test_an_async_fleet_can_be_awaited() -> None:
    async def go() -> None:
        counting = Counting()
        async with async_hub_at(counting) as (_, hub):
            assert (await hub.servers.start_many(NAMES)).ok
        assert counting.up == set(NAMES)

    asyncio.run(go())


def forget(fleet: object) -> None:
    """Drop a fleet, and collect it."""
    del fleet
    gc.collect()


def test_a_fleet_that_is_never_run_warns() -> None:
    with hub_at(Counting()) as (site, hub):
        with pytest.warns(ResourceWarning, match=r"<Fleet start_many: not run yet> was never run: call run\(\)"):
            forget(hub.servers.start_many(NAMES))
        assert site.calls == []


def test_an_async_fleet_that_is_never_run_warns() -> None:
    async def go() -> None:
        async with async_hub_at(Counting()) as (_, hub):
            with pytest.warns(ResourceWarning, match="<AsyncFleet start_many: not run yet> was never run: await it"):
                forget(hub.servers.start_many(NAMES))
            with pytest.raises(RuntimeError, match="never run: await it, or iterate over its events inside `async wi"):
                async for _ in hub.servers.start_many(NAMES):
                    pass

    asyncio.run(go())


def test_cancelling_stops_requests_and_leaves_no_thread() -> None:
    before = threads()
    began = time.monotonic()
    with hub_at(Counting(0.05)) as (site, hub):
        with hub.servers.start_many([f"u{n}" for n in range(100)]) as fleet:
            for event in fleet:
                if event.kind == "ready":
                    fleet.cancel()
        with pytest.raises(RuntimeError, match="was cancelled"):
            _ = fleet.summary
        assert threads() == before
        assert stable_count(lambda: len(site.calls)) < 40
    assert time.monotonic() - began < MAX_SECONDS


def test_cancelling_an_async_fleet_stops_requests_and_leaves_no_task() -> None:
    async def go() -> None:
        async with async_hub_at(Counting(0.05)) as (site, hub):
            before = asyncio.all_tasks()
            async with hub.servers.start_many([f"u{n}" for n in range(100)]) as fleet:
                async for event in fleet:
                    if event.kind == "ready":
                        fleet.cancel()
            with pytest.raises(RuntimeError, match="was cancelled"):
                _ = fleet.summary
            assert asyncio.all_tasks() == before
            assert await asyncio.to_thread(stable_count, lambda: len(site.calls)) < 40

    asyncio.run(go())


def test_an_error_in_the_block_propagates_and_leaves_no_thread() -> None:
    before = threads()
    with hub_at(Counting()) as (site, hub):
        with pytest.raises(KeyboardInterrupt), hub.fleet(endless()) as fleet:
            raise KeyboardInterrupt(next(iter(fleet)))
        assert threads() == before
        assert site.calls == ["DELETE /hub/api/x"]


def test_a_cancelled_fleet_lets_its_forks_clean_up() -> None:
    with hub_at(Counting()) as (site, hub):
        with hub.fleet(endless()) as fleet:
            next(iter(fleet))
            fleet.cancel()
        assert site.calls == ["DELETE /hub/api/x"]


def test_a_cancelled_async_fleet_lets_its_forks_clean_up() -> None:
    async def go() -> None:
        async with async_hub_at(Counting()) as (site, hub):
            async with hub.fleet(endless()) as fleet:
                async for _ in fleet:
                    fleet.cancel()
            assert site.calls == ["DELETE /hub/api/x"]

    asyncio.run(go())


def test_leaving_the_block_at_once_leaves_no_thread() -> None:
    before = threads()
    with hub_at(Counting()) as (_, hub):
        for _ in range(5):
            with hub.servers.start_many(USERS):
                pass
    assert threads() == before


def test_leaving_an_async_block_at_once_is_harmless() -> None:
    async def go() -> None:
        async with async_hub_at(Counting()) as (_, hub):
            for _ in range(5):
                async with hub.servers.start_many(USERS):
                    pass

    asyncio.run(go())
