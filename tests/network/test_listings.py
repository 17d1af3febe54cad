"""Long listings on both drivers: a few pages in flight, in order, and none after iteration stops."""

from __future__ import annotations

import asyncio
import threading
from contextlib import aclosing
from urllib.parse import parse_qs, urlsplit

import pytest
from loopback import BOTH, MAX_SECONDS, Driver, Visit, async_hub_at, hub_at, serving, stable_count

from jhub import Hub
from jhub.errors import NotAuthorized, Unavailable
from jhub.models import Group
from jhub.operations.groups import GroupOps
from jhub.operations.paging import MAX_PAGES_IN_FLIGHT

SIZE = 2


class Pages:
    """A hub with this many groups and slow pages; it records the maximum number of pages in flight."""

    def __init__(self, total: int, seconds: float = 0.05, together: bool = False) -> None:
        self.total = total
        self.together = together
        """True if pages after the first are held until another page is in flight."""
        self.seconds = seconds
        self.most = 0
        self._now = 0
        self._changed = threading.Condition()

    def __call__(self, visit: Visit) -> None:
        offset = offset_of(visit.path)
        with self._changed:
            self._now += 1
            self.most = max(self.most, self._now)
            self._changed.notify_all()
            if offset and self.together:
                self._changed.wait_for(lambda: self.most > 1, MAX_SECONDS)
        visit.hold(self.seconds)
        with self._changed:
            self._now -= 1
        following = offset + SIZE
        items = [{"name": f"g{number}"} for number in range(offset, min(following, self.total))]
        onward = {"offset": following, "limit": SIZE} if following < self.total else None
        visit.json({"items": items, "_pagination": {"offset": offset, "total": self.total, "next": onward}})


def offset_of(path: str) -> int:
    return int(parse_qs(urlsplit(path).query)["offset"][0])


@BOTH
def test_pages_are_fetched_concurrently_and_arrive_in_order(driver: Driver) -> None:
    pages = Pages(total=40, together=True)
    with serving(pages) as site:
        emitted = driver.events(site.root, GroupOps.list())
        assert len(site.requests) == 20
    assert [group.name for group in emitted] == [f"g{number}" for number in range(40)]
    assert 1 < pages.most <= MAX_PAGES_IN_FLIGHT


@BOTH
def test_a_refused_page_ends_the_listing_with_its_error(driver: Driver) -> None:
    pages = Pages(total=40, seconds=0)

    def route(visit: Visit) -> None:
        if offset_of(visit.path) == 10:
            visit.json({"status": 403, "message": "no"}, 403)
        else:
            pages(visit)

    with serving(route) as site:
        emitted = driver.events(site.root, GroupOps.list())
    assert isinstance(emitted[-1], NotAuthorized)
    names = [each.name for each in emitted[:-1]]
    assert names == [f"g{number}" for number in range(len(names))]
    assert len(names) <= 10


def test_no_more_pages_are_fetched_after_iteration_stops() -> None:
    with hub_at(Pages(total=1000)) as (site, hub):
        for group in hub.groups.list():
            if group.name == "g4":
                break
        assert stable_count(lambda: len(site.requests)) <= 3 + MAX_PAGES_IN_FLIGHT


def test_stopping_async_iteration_leaves_no_task() -> None:
    async def go() -> None:
        async with async_hub_at(Pages(total=1000)) as (site, hub):
            before = asyncio.all_tasks()
            async with aclosing(hub.events(GroupOps.list())) as groups:
                async for group in groups:
                    if group.name == "g4":
                        break
            assert asyncio.all_tasks() == before
            assert len(site.requests) <= 3 + MAX_PAGES_IN_FLIGHT

    asyncio.run(go())


def test_closing_the_client_with_pages_in_flight_is_silent() -> None:
    with serving(Pages(total=1000, seconds=0.2)) as site:
        with Hub(site.root, "SECRET") as hub:
            listing = iter(hub.groups.list())
            assert [next(listing).name for _ in range(3)] == ["g0", "g1", "g2"]
        assert stable_count(lambda: len(site.requests)) <= 3 + MAX_PAGES_IN_FLIGHT
        with pytest.raises((Unavailable, RuntimeError)):
            list(listing)


def test_two_listings_can_run_at_the_same_time() -> None:
    with hub_at(Pages(total=30, seconds=0.01)) as (_, hub):
        both = zip(hub.groups.list(), hub.groups.list(), strict=True)
        assert all(one == other for one, other in both)


def test_a_listing_within_a_listing_works() -> None:
    async def go() -> None:
        async with async_hub_at(Pages(total=12, seconds=0)) as (_, hub):
            found: list[Group] = []
            async for group in hub.groups.list():
                inner = await hub.groups.list()
                assert len(inner) == 12
                found.append(group)
            assert found == inner

    asyncio.run(go())
