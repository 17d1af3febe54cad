"""Questions of a flow to the user, on both drivers."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
from login_hub import form
from loopback import MAX_SECONDS, Site, Visit, alarm, serving

from jhub import AsyncHub, Hub
from jhub.errors import InvalidInput, WaitTimeout
from jhub.login.questions import Password
from jhub.steps import Ask, Emit, Flow, Interrupted, send

Run = Callable[..., Any]


def run_sync(site: Site, plan: Flow[Any], person: Any) -> Any:
    with Hub(site.root, "SECRET") as hub:
        return hub.run(plan, ask=person)


def run_async(site: Site, plan: Flow[Any], person: Any) -> Any:
    async def go() -> Any:
        async with AsyncHub(site.root, "SECRET") as hub:
            return await hub.run(plan, ask=person)

    return asyncio.run(go())


BOTH = pytest.mark.parametrize("run", [run_sync, run_async], ids=["Hub", "AsyncHub"])


def route(visit: Visit) -> None:
    if visit.path.endswith("/login"):
        visit.send(200, "text/html", form().encode(), {"X-JupyterHub-Version": "6.1.1"})
    else:
        visit.json({"version": "6.1.1"})


def asking() -> Flow[str]:
    try:
        name: str = yield from Ask("name?")
        number: str = yield from Ask("number?")
    except Interrupted:
        yield send("DELETE", "/clean")
        raise
    yield send("POST", f"/{name}/{number}")
    return name


@BOTH
def test_the_answer_is_sent_into_the_flow(run: Run) -> None:
    with serving(route) as site:
        assert run(site, asking(), {"name?": "ana", "number?": "7"}.get) == "ana"
        assert site.calls == ["POST /hub/api/ana/7"]


@BOTH
def test_a_hub_error_of_the_prompter_is_raised_in_the_flow(run: Run) -> None:
    def person(question: object) -> str:
        raise WaitTimeout("nobody came back")

    def flow() -> Flow[str]:
        try:
            yield from Ask("name?")
        except WaitTimeout as error:
            return f"so {error}"
        return ""

    with serving(route) as site:
        assert run(site, flow(), person) == "so nobody came back"
        with pytest.raises(WaitTimeout):
            run(site, asking(), person)
        assert site.calls == []


@BOTH
def test_another_error_of_the_prompter_ends_the_flow_after_its_clean_up(run: Run) -> None:
    def person(question: object) -> str:
        raise RuntimeError("no such terminal")

    with serving(route) as site:
        with pytest.raises(RuntimeError, match="no such terminal"):
            run(site, asking(), person)
        assert site.calls == ["DELETE /hub/api/clean"]


@BOTH
def test_a_question_without_a_prompter_is_a_type_error(run: Run) -> None:
    with serving(route) as site:
        with pytest.raises(TypeError, match="asks a question"):
            run(site, asking(), None)
        assert site.calls == ["DELETE /hub/api/clean"]


@BOTH
@pytest.mark.parametrize("answer", [None, 7, b"bytes"])
def test_an_answer_must_be_a_str(run: Run, answer: object) -> None:
    with serving(route) as site, pytest.raises(TypeError, match="the answer to str must be a str, not "):
        run(site, asking(), lambda question: answer)


def test_ctrl_c_at_a_question_ends_the_flow_after_its_clean_up() -> None:
    def person(question: object) -> str:
        raise KeyboardInterrupt

    with serving(route) as site:
        with pytest.raises(KeyboardInterrupt):
            run_sync(site, asking(), person)
        assert site.calls == ["DELETE /hub/api/clean"]


def test_a_signal_at_a_question_ends_it() -> None:
    began = time.monotonic()
    with serving(route) as site:
        asked: list[object] = []

        def person(question: object) -> str:
            asked.append(question)
            time.sleep(MAX_SECONDS)
            return "too late"

        with pytest.raises(KeyboardInterrupt), alarm(0.1, lambda: asked):
            run_sync(site, asking(), person)
        assert site.calls == ["DELETE /hub/api/clean"]
    assert time.monotonic() - began < MAX_SECONDS / 2


def test_hub_asks_in_the_callers_thread() -> None:
    with serving(route) as site:
        asked = run_sync(site, asking(), lambda question: str(threading.get_ident()))
    assert asked == str(threading.get_ident())


def test_asynchub_asks_in_a_thread_without_blocking_the_event_loop() -> None:
    ticks = 0

    async def go(site: Site) -> str:
        goes_on = threading.Event()

        def person(question: object) -> str:
            return str(goes_on.wait(MAX_SECONDS))

        async def tick() -> None:
            nonlocal ticks
            for _ in range(10):
                await anyio.sleep(0)
                ticks += 1
            goes_on.set()

        async with AsyncHub(site.root, "SECRET") as hub, anyio.create_task_group() as group:
            group.start_soon(tick)
            return await hub.run(asking(), ask=person)
        raise AssertionError("unreachable")

    with serving(route) as site:
        assert asyncio.run(go(site)) == "True"
    assert ticks == 10


def test_asynchub_is_cancelled_at_a_question_without_waiting_for_its_answer() -> None:
    answered = threading.Event()

    async def go(site: Site) -> None:
        asked = asyncio.Event()
        loop = asyncio.get_running_loop()

        def person(question: object) -> str:
            assert isinstance(question, Password)
            loop.call_soon_threadsafe(asked.set)
            answered.wait(MAX_SECONDS)
            return "too late"

        task = asyncio.create_task(AsyncHub.login(site.url, username="ana", ask=person))
        await asyncio.wait_for(asked.wait(), MAX_SECONDS)
        began = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < MAX_SECONDS / 2
        answered.set()

    with serving(route) as site:
        try:
            asyncio.run(go(site))
        finally:
            answered.set()
        assert site.calls == ["GET /hub/api/", "GET /hub/login"]


def test_asynchub_cleans_up_when_it_is_cancelled_at_a_question() -> None:
    answered = threading.Event()

    async def go(site: Site) -> None:
        async with AsyncHub(site.root, "SECRET") as hub:
            loop = asyncio.get_running_loop()
            began = time.monotonic()
            with anyio.CancelScope() as scope:

                def person(question: object) -> str:
                    loop.call_soon_threadsafe(scope.cancel)
                    return str(answered.wait(MAX_SECONDS))

                await hub.run(asking(), ask=person)
            assert time.monotonic() - began < MAX_SECONDS / 2
            answered.set()

    with serving(route) as site:
        asyncio.run(go(site))
        assert site.calls == ["DELETE /hub/api/clean"]


@pytest.mark.parametrize(
    "login", [Hub.login, lambda url, **known: asyncio.run(AsyncHub.login(url, **known))], ids=["Hub", "AsyncHub"]
)
def test_questions_of_a_sign_in_go_to_the_prompter(login: Run) -> None:
    asked: list[object] = []

    def person(question: object) -> str:
        asked.append(question)
        raise InvalidInput("not now")

    with serving(route) as site:
        with pytest.raises(InvalidInput, match="not now"):
            login(site.url, username="ana", ask=person)
        assert asked == [Password("ana")]
        assert site.calls == ["GET /hub/api/", "GET /hub/login"]


def test_events_between_questions_are_emitted() -> None:
    def flow() -> Flow[None]:
        first = yield from Ask("one")
        yield Emit(first)
        yield Emit((yield from Ask("two")))

    with serving(route) as site, Hub(site.root) as hub:
        assert list(hub.events(flow(), ask=str.upper)) == ["ONE", "TWO"]
