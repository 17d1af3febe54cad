"""Fleets on both clients: how they end, what happens outside of their block, and flows side by side."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest
from loopback import MAX_SECONDS, Visit, answer_as_ana, async_hub_at, endless, hub_at, refusing_port, serving, within

from jhub import AsyncHub, Hub
from jhub.errors import HubError, InvalidInput
from jhub.fleet.servers import FleetOps
from jhub.operations.hub import HubOps
from jhub.steps import Cancel, Flow, Fork, HubVersion, Next, Operation, Sleep, send

USERS = ["ana", "ben"]


def test_there_is_no_summary_before_the_end() -> None:
    with hub_at(answer_as_ana) as (_, hub):
        with hub.fleet(endless()) as fleet:
            with pytest.raises(RuntimeError, match="has not ended"):
                _ = fleet.summary
            fleet.cancel()
        with pytest.raises(RuntimeError, match="was cancelled"):
            _ = fleet.summary


def test_an_error_of_the_fleet_itself_is_raised_by_leaving_its_block() -> None:
    with hub_at(answer_as_ana) as (_, hub):
        with pytest.raises(InvalidInput), hub.fleet(refused()):
            pass
        with pytest.raises(InvalidInput):
            hub.fleet(refused()).run()


def test_an_error_of_an_asynchronous_fleet_itself_is_raised_by_leaving_its_block() -> None:
    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (_, hub):
            with pytest.raises(InvalidInput):
                async with hub.fleet(refused()):
                    pass
            with pytest.raises(InvalidInput):
                await hub.fleet(refused())

    asyncio.run(go())


def refused() -> Operation[Any]:
    return FleetOps.start_many(["ana"], hub_load=0)


def test_an_error_of_the_fleet_itself_is_raised_by_iterating_and_by_its_summary() -> None:
    with hub_at(answer_as_ana) as (_, hub), hub.fleet(refused()) as fleet:
        with pytest.raises(InvalidInput):
            list(fleet)
        with pytest.raises(InvalidInput):
            _ = fleet.summary


def test_an_error_of_an_asynchronous_fleet_itself_is_raised_by_iterating_and_by_its_summary() -> None:
    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (_, hub), hub.fleet(refused()) as fleet:
            with pytest.raises(InvalidInput):
                _ = [event async for event in fleet]
            with pytest.raises(InvalidInput):
                _ = fleet.summary

    asyncio.run(go())


def test_iterating_again_after_the_end_gives_nothing_and_does_not_wait() -> None:
    with hub_at(answer_as_ana) as (_, hub), hub.servers.start_many(USERS) as fleet:
        assert list(fleet)
        assert within(lambda: list(fleet)) == []


def test_a_fleet_outside_of_a_block_says_so_and_does_not_wait() -> None:
    with hub_at(answer_as_ana) as (_, hub):
        fleet = hub.servers.start_many(USERS)
        with pytest.raises((RuntimeError, TypeError)):
            within(lambda: list(fleet))


def test_an_asynchronous_fleet_outside_of_a_block_says_so() -> None:
    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (_, hub):
            fleet = hub.servers.start_many(USERS)
            with pytest.raises((RuntimeError, TypeError)):
                _ = [event async for event in fleet]

    asyncio.run(go())


# side by side


def test_a_fork_that_fails_or_is_cancelled_carries_its_error() -> None:
    def fails() -> Flow[None]:
        yield Sleep(0)
        raise HubError("no")

    def sleeps() -> Flow[None]:
        yield Sleep(3600)

    def flow() -> Flow[dict[str, str]]:
        yield Fork(fails(), "fails")
        yield Fork(sleeps(), "sleeps")
        yield Cancel("sleeps")
        yield Cancel("never there")
        ends = [(yield from Next(MAX_SECONDS)), (yield from Next(MAX_SECONDS))]
        return {str(end.tag): str(end.error) for end in ends if end is not None}

    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (_, hub):
            assert await hub.run(flow()) == {"fails": "no", "sleeps": "sleeps: cancelled"}

    asyncio.run(go())
    with hub_at(answer_as_ana) as (_, hub), hub.fleet(flow()) as fleet:
        assert list(fleet) == []
        assert fleet.summary == {"fails": "no", "sleeps": "sleeps: cancelled"}


def test_a_tag_is_any_hashable_value() -> None:
    def flow() -> Flow[object]:
        yield Fork(HubOps.version(), ("get", 1))
        yield Fork(endless(), ("endless", 2))
        end = yield from Next(MAX_SECONDS)
        yield Cancel(("endless", 2))
        cancelled = yield from Next(MAX_SECONDS)
        return [end and end.tag, cancelled and cancelled.tag]

    with hub_at(answer_as_ana) as (_, hub), hub.fleet(flow()) as fleet:
        list(fleet)
        assert fleet.summary == [("get", 1), ("endless", 2)]


def test_next_gives_a_tick_when_nothing_ended_in_time() -> None:
    def child() -> Flow[str]:
        yield Sleep(0.3)
        return "done"

    def flow() -> Flow[list[Any]]:
        yield Fork(child(), "child")
        tick = yield from Next(0.05)
        end = yield from Next(MAX_SECONDS)
        return [tick, end.answer if end else None]

    with hub_at(answer_as_ana) as (_, hub), hub.fleet(flow()) as fleet:
        list(fleet)
        assert fleet.summary == [None, "done"]


def test_forks_do_not_run_on_a_hub_without_a_fleet_and_the_error_says_so() -> None:
    with hub_at(answer_as_ana) as (_, hub), pytest.raises(TypeError, match=r"hub\.fleet"):
        hub.run(endless())


def test_a_fleet_takes_over_the_version_that_its_hub_knows() -> None:
    def flow() -> Flow[tuple[int, ...]]:
        return (yield from HubVersion())

    with hub_at(answer_as_ana) as (site, hub):
        hub.run(HubVersion())
        with hub.fleet(flow()) as fleet:
            list(fleet)
        assert fleet.summary == (6, 1, 1)
        assert site.calls == ["GET /hub/api/"]


def test_a_fleet_uses_the_transport_that_its_hub_was_given() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"version": "6.1.1"})

    with (
        refusing_port() as nowhere,
        Hub(f"{nowhere}/hub/api", transport=httpx2.MockTransport(answer)) as hub,
        hub.fleet(HubOps.version()) as fleet,
    ):
        list(fleet)
    assert fleet.summary == "6.1.1"


def test_a_clean_up_is_not_cut_off_by_cancelling_again() -> None:
    def child() -> Flow[None]:
        try:
            yield Sleep(MAX_SECONDS * 3)
        finally:
            yield Sleep(0.2)
            yield send("DELETE", "/clean")

    def flow() -> Flow[str]:
        yield Fork(child(), "child")
        for _ in range(3):
            yield Sleep(0.05)
            yield Cancel("child")
        end = yield from Next(MAX_SECONDS)
        return str(end.tag) if end is not None else ""

    with hub_at(answer_as_ana) as (site, hub), hub.fleet(flow()) as fleet:
        list(fleet)
        assert fleet.summary == "child"
        assert site.calls == ["DELETE /hub/api/clean"]


def test_calls_side_by_side_look_for_the_api_root_once() -> None:
    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (site, _), AsyncHub(f"{site.url}/hub/home", "SECRET") as hub:
            await asyncio.gather(*(hub.users.get("ana") for _ in range(5)))
            assert site.calls == ["GET /hub/api/", *["GET /hub/api/users/ana"] * 5]

    asyncio.run(go())


def nobody(visit: Visit) -> None:
    """A hub that nobody is to ask anything."""
    visit.json({"version": "6.1.1"})


def test_a_fleet_that_is_cancelled_before_it_begins_sends_nothing() -> None:
    with serving(nobody) as site:
        with Hub(site.root, "SECRET") as hub:
            fleet = hub.servers.stop_many(["ana"])
            assert repr(fleet) == "<Fleet stop_many: not run yet>"
            fleet.cancel()
            with pytest.raises(RuntimeError, match="was cancelled"):
                fleet.run()
            with pytest.raises(RuntimeError, match="has run already"):
                fleet.run()

        async def go() -> None:
            async with AsyncHub(site.root, "SECRET") as hub:
                fleet = hub.servers.stop_many(["ana"])
                fleet.cancel()
                with pytest.raises(RuntimeError, match="was cancelled"):
                    await fleet
                wrong: Any = [5]
                with pytest.raises((TypeError, AttributeError)):
                    await hub.servers.stop_many(wrong)

        asyncio.run(go())
        assert site.calls == []
