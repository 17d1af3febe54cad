"""Interrupts of both drivers: a flow may clean up, within limits, and the interrupt is raised after that."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Callable, Iterable
from typing import Any

import anyio
import pytest
from loopback import MAX_SECONDS, Site, Visit, alarm, endless, serving

from jhub import AsyncHub, Hub
from jhub.errors import Unavailable
from jhub.interpreter import alongside
from jhub.operations.server_status import listen
from jhub.steps import Emit, Flow, Interrupted, Operation, Request, Sleep, Step, call, send

LONG = MAX_SECONDS * 2
"""Seconds that a step lasts unless it is interrupted."""


@pytest.fixture(autouse=True)
def time_to_clean_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Allow enough time for the clean-up on a slow machine."""
    for driver in ("sync_driver", "async_driver"):
        monkeypatch.setattr(f"jhub.client.{driver}.CLEAN_UP_SECONDS", MAX_SECONDS)


def route(visit: Visit) -> None:
    if visit.path.endswith("/progress"):
        visit.stream('data: {"progress": 1}\n\n')
        visit.hold(LONG)
    elif visit.path.endswith("/hang"):
        visit.hold(LONG)
    else:
        visit.json({})


PAUSE = 0.2
"""Seconds from the start of a step to its interruption."""


def noted(plan: Operation[Any], begun: list[bool]) -> Flow[Any]:
    begun.append(True)
    return (yield from plan)


def interrupt_sync(site: Site, plan: Operation[Any], calls: int = 0) -> None:
    """Interrupt a flow once it has started and has sent this many requests."""
    begun: list[bool] = []
    with (
        Hub(site.root, "SECRET", timeout=LONG * 2) as hub,
        pytest.raises(KeyboardInterrupt),
        alarm(PAUSE, lambda: begun and len(site.calls) >= calls),
    ):
        hub.run(noted(plan, begun))


def interrupt_async(site: Site, plan: Operation[Any], calls: int = 0) -> None:
    """Interrupt a flow of `AsyncHub`, as `interrupt_sync` does on `Hub`."""
    begun: list[bool] = []

    async def go() -> None:
        async with AsyncHub(site.root, "SECRET", timeout=LONG * 2) as hub:
            task = asyncio.create_task(hub.run(noted(plan, begun)))
            while not (begun and len(site.calls) >= calls):
                await asyncio.sleep(0.01)
            await asyncio.sleep(PAUSE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(go())


BOTH = pytest.mark.parametrize("interrupt", [interrupt_sync, interrupt_async], ids=["Hub", "AsyncHub"])
Interrupt = Callable[..., None]


def working(step: Step, *clean_up: Step) -> Flow[None]:
    try:
        yield step
    finally:
        for each in clean_up:  # noqa: UP028 - each is sent an answer, which a tuple would not take
            yield each


@BOTH
@pytest.mark.parametrize(
    ("step", "before"),
    [
        (Sleep(LONG), []),
        (send("POST", "/hang"), ["POST /hub/api/hang"]),
        (listen("ana", "lab", LONG), ["GET /hub/api/users/ana/servers/lab/progress"]),
    ],
    ids=["Sleep", "Request", "Listen"],
)
def test_a_flow_cleans_up_wherever_it_is_interrupted(interrupt: Interrupt, step: Step, before: list[str]) -> None:
    began = time.monotonic()
    with serving(route) as site:
        flow = working(step, send("DELETE", "/one"), Emit("dropped"), Sleep(0.01), send("DELETE", "/two"))
        interrupt(site, flow, calls=len(before))
        assert site.calls == [*before, "DELETE /hub/api/one", "DELETE /hub/api/two"]
        assert time.monotonic() - began < MAX_SECONDS


@BOTH
def test_a_flow_can_catch_interrupted(interrupt: Interrupt) -> None:
    caught: list[BaseException] = []

    def flow() -> Flow[None]:
        try:
            yield Sleep(LONG)
        except BaseException as error:
            caught.append(error)
            raise

    with serving(route) as site:
        interrupt(site, flow())
    assert [type(error) for error in caught] == [Interrupted]


@BOTH
def test_a_flow_cannot_swallow_the_interruption_of_its_caller(interrupt: Interrupt) -> None:
    def flow() -> Flow[str]:
        try:
            yield Sleep(LONG)
        except Interrupted:
            yield send("DELETE", "/clean")
        return "as if nothing had happened"

    with serving(route) as site:
        interrupt(site, flow())
        assert site.calls == ["DELETE /hub/api/clean"]


@BOTH
def test_a_failed_clean_up_step_is_raised_in_the_flow_only(interrupt: Interrupt) -> None:
    failed: list[Unavailable] = []

    def broken(visit: Visit) -> None:
        visit.page(503)

    def flow() -> Flow[None]:
        try:
            yield Sleep(LONG)
        finally:
            try:
                yield send("DELETE", "/clean")
            except Unavailable as error:
                failed.append(error)
                yield send("DELETE", "/again")

    with serving(broken) as site:
        interrupt(site, flow())
        assert site.calls == ["DELETE /hub/api/clean", "DELETE /hub/api/again"]
    assert len(failed) == 1


@BOTH
@pytest.mark.parametrize("step", [Sleep(LONG), send("DELETE", "/hang")], ids=["Sleep", "Request"])
def test_cleaning_up_is_bounded_in_time(interrupt: Interrupt, step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    for driver in ("sync_driver", "async_driver"):
        monkeypatch.setattr(f"jhub.client.{driver}.CLEAN_UP_SECONDS", 0.2)
    began = time.monotonic()
    with serving(route) as site:
        interrupt(site, working(Sleep(LONG), step, send("DELETE", "/too-late")))
        assert time.monotonic() - began < MAX_SECONDS
        assert "DELETE /hub/api/too-late" not in site.calls


@BOTH
def test_a_flow_cleans_up_while_a_request_runs_alongside(interrupt: Interrupt) -> None:
    def get(path: str) -> Request[Any]:
        return call("GET", path, dict[str, Any])

    def flow() -> Flow[None]:
        try:
            yield from alongside(get("/quick"), working(Sleep(LONG), send("DELETE", "/one")))
        finally:
            yield from alongside(get("/last"), send("DELETE", "/two"))

    with serving(route) as site:
        interrupt(site, flow(), calls=1)
        assert sorted(site.calls) == [
            "DELETE /hub/api/one",
            "DELETE /hub/api/two",
            "GET /hub/api/last",
            "GET /hub/api/quick",
        ]


def test_a_second_ctrl_c_ends_the_step_of_the_clean_up_and_no_other() -> None:
    def flow() -> Flow[None]:
        try:
            yield from working(Emit("first"), send("DELETE", "/hang"), send("DELETE", "/left-out"))
        finally:
            yield send("DELETE", "/clean")

    with serving(route) as site, Hub(site.root, "SECRET", timeout=LONG * 2) as hub:
        events = hub.events(flow())
        next(events)
        with pytest.raises(KeyboardInterrupt), alarm(PAUSE, lambda: site.calls):
            events.throw(KeyboardInterrupt())
        assert site.calls == ["DELETE /hub/api/hang", "DELETE /hub/api/clean"]


@BOTH
def test_a_clean_up_that_takes_too_long_is_given_up_in_silence(
    interrupt: Interrupt, monkeypatch: pytest.MonkeyPatch
) -> None:
    for driver in ("sync_driver", "async_driver"):
        monkeypatch.setattr(f"jhub.client.{driver}.CLEAN_UP_SECONDS", 0.2)

    def flow() -> Flow[None]:
        try:
            yield from working(Sleep(LONG), Sleep(LONG))
        finally:
            yield Sleep(LONG)

    with serving(route) as site:
        interrupt(site, flow())
    gc.collect()  # pytest reports a flow that ignores its end


def test_closing_the_iterator_lets_the_flow_clean_up() -> None:
    with serving(route) as site, Hub(site.root, "SECRET") as hub:
        events = hub.events(working(Emit("first"), send("DELETE", "/clean")))
        assert next(events) == "first"
        events.close()
        assert site.calls == ["DELETE /hub/api/clean"]


def test_an_error_thrown_into_the_iterator_is_raised_after_the_clean_up() -> None:
    with serving(route) as site, Hub(site.root, "SECRET") as hub:
        events = hub.events(working(Emit("first"), send("DELETE", "/clean")))
        next(events)
        with pytest.raises(KeyboardInterrupt):
            events.throw(KeyboardInterrupt())
        assert site.calls == ["DELETE /hub/api/clean"]


def test_closing_the_async_iterator_lets_the_flow_clean_up() -> None:
    async def go(site: Site) -> None:
        async with AsyncHub(site.root, "SECRET") as hub:
            events = hub.events(working(Emit("first"), send("DELETE", "/clean")))
            assert await anext(events) == "first"
            await events.aclose()

    with serving(route) as site:
        asyncio.run(go(site))
        assert site.calls == ["DELETE /hub/api/clean"]


def note_each(events: Iterable[object], begun: list[object]) -> None:
    for event in events:
        begun.append(event)  # noqa: PERF402 - the alarm looks at it meanwhile


def test_ctrl_c_during_iteration_ends_the_fleet() -> None:
    began = time.monotonic()
    with serving(route) as site, Hub(site.root, "SECRET") as hub:
        begun: list[object] = []
        with pytest.raises(KeyboardInterrupt), hub.fleet(endless()) as fleet, alarm(PAUSE, lambda: begun):
            note_each(fleet, begun)
        assert site.calls == ["DELETE /hub/api/x"]
        assert time.monotonic() - began < MAX_SECONDS


def test_a_timeout_around_a_call_is_an_interruption() -> None:
    async def go(site: Site) -> bool:
        async with AsyncHub(site.root, "SECRET") as hub:
            with anyio.move_on_after(0.2) as scope:
                await hub.run(working(Sleep(LONG), send("DELETE", "/clean")))
        return scope.cancelled_caught

    with serving(route) as site:
        assert asyncio.run(go(site))
        assert site.calls == ["DELETE /hub/api/clean"]
