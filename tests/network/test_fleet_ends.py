"""Fleets on both clients: errors, cancellation, use outside of the block, and forks."""

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


def test_the_summary_is_not_available_before_the_end() -> None:
    with hub_at(answer_as_ana) as (_, hub):
        with hub.fleet(endless()) as fleet:
            with pytest.raises(RuntimeError, match="has not ended"):
                _ = fleet.summary
            fleet.cancel()
        with pytest.raises(RuntimeError, match="was cancelled"):
            _ = fleet.summary


def test_an_error_of_the_fleet_is_raised_at_the_end_of_its_block() -> None:
    with hub_at(answer_as_ana) as (_, hub):
        with pytest.raises(InvalidInput), hub.fleet(refused()):
            pass
        with pytest.raises(InvalidInput):
            hub.fleet(refused()).run()


def test_an_error_of_an_async_fleet_is_raised_at_the_end_of_its_block() -> None:
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


def test_an_error_of_the_fleet_is_raised_by_iteration_and_summary() -> None:
    with hub_at(answer_as_ana) as (_, hub), hub.fleet(refused()) as fleet:
        with pytest.raises(InvalidInput):
            list(fleet)
        with pytest.raises(InvalidInput):
            _ = fleet.summary


def test_an_error_of_an_async_fleet_is_raised_by_iteration_and_summary() -> None:
    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (_, hub), hub.fleet(refused()) as fleet:
            with pytest.raises(InvalidInput):
                _ = [event async for event in fleet]
            with pytest.raises(InvalidInput):
                _ = fleet.summary

    asyncio.run(go())


def test_iterating_after_the_end_yields_nothing_and_does_not_block() -> None:
    with hub_at(answer_as_ana) as (_, hub), hub.servers.start_many(USERS) as fleet:
        assert list(fleet)
        assert within(lambda: list(fleet)) == []


def test_iterating_outside_the_block_raises_and_does_not_block() -> None:
    with hub_at(answer_as_ana) as (_, hub):
        fleet = hub.servers.start_many(USERS)
        with pytest.raises((RuntimeError, TypeError)):
            within(lambda: list(fleet))


def test_iterating_an_async_fleet_outside_the_block_raises() -> None:
    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (_, hub):
            fleet = hub.servers.start_many(USERS)
            with pytest.raises((RuntimeError, TypeError)):
                _ = [event async for event in fleet]

    asyncio.run(go())


def test_a_failed_or_cancelled_fork_carries_its_error() -> None:
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


def test_a_tag_may_be_any_hashable_value() -> None:
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


def test_next_returns_none_if_no_fork_ends_in_time() -> None:
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


def test_forks_outside_a_fleet_raise_an_error_that_names_fleet() -> None:
    with hub_at(answer_as_ana) as (_, hub), pytest.raises(TypeError, match=r"hub\.fleet"):
        hub.run(endless())


def test_a_fleet_reuses_the_hub_version_of_its_client() -> None:
    def flow() -> Flow[tuple[int, ...]]:
        return (yield from HubVersion())

    with hub_at(answer_as_ana) as (site, hub):
        hub.run(HubVersion())
        with hub.fleet(flow()) as fleet:
            list(fleet)
        assert fleet.summary == (6, 1, 1)
        assert site.calls == ["GET /hub/api/"]


def test_a_fleet_uses_the_transport_of_its_client() -> None:
    def answer(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, json={"version": "6.1.1"})

    with (
        refusing_port() as nowhere,
        Hub(f"{nowhere}/hub/api", transport=httpx2.MockTransport(answer)) as hub,
        hub.fleet(HubOps.version()) as fleet,
    ):
        list(fleet)
    assert fleet.summary == "6.1.1"


def test_a_second_cancellation_does_not_interrupt_the_cleanup() -> None:
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


def test_concurrent_calls_discover_the_api_root_once() -> None:
    async def go() -> None:
        async with async_hub_at(answer_as_ana) as (site, _), AsyncHub(f"{site.url}/hub/home", "SECRET") as hub:
            await asyncio.gather(*(hub.users.get("ana") for _ in range(5)))
            assert site.calls == ["GET /hub/api/", *["GET /hub/api/users/ana"] * 5]

    asyncio.run(go())


def nobody(visit: Visit) -> None:
    """Answer as a hub that should receive no request."""
    visit.json({"version": "6.1.1"})


def test_a_fleet_cancelled_before_it_runs_sends_nothing() -> None:
    with serving(nobody) as site:
        with Hub(site.root, "SECRET") as hub:
            fleet = hub.servers.stop_many(["ana"])
            assert repr(fleet) == "<Fleet stop_many: not run yet>"
            fleet.cancel()
            with pytest.raises(RuntimeError, match="was cancelled"):
                fleet.run()
            with pytest.raises(RuntimeError, match="has already run"):
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
