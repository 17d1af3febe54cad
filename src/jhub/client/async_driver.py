"""The asynchronous driver: it carries out the steps of operations in an event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any, Self, TypeVar, cast

import anyio
import httpx2

from jhub.client.deadline import AsyncClient, Deadline
from jhub.client.forks import Forks
from jhub.client.network import Network
from jhub.client.response_body import Content, Events
from jhub.client.wire import CLEAN_UP, LEAST, SILENCE, Person, Wire, ask_person, is_url, pause
from jhub.discovery import API_PATH, find_root
from jhub.errors import HubError, Unavailable
from jhub.handles import AsyncFleet
from jhub.interpreter import Interpreter
from jhub.operations.hub import HubOps
from jhub.steps import (
    Answer,
    Ask,
    Cancel,
    Emit,
    Fork,
    HubVersion,
    Interrupted,
    Listen,
    Next,
    Now,
    Operation,
    Request,
    Sleep,
    Step,
)

T = TypeVar("T")


class AsyncDriver(Wire):
    """A hub's connections, and how steps are carried out on them in an event loop."""

    def __init__(self, url: str | None, token: str | None, network: Network) -> None:
        super().__init__(url, token, network)
        self._http = self.client(AsyncClient)
        self._finding: anyio.Lock | None = None

    async def find_api_url(self) -> str:
        """The API root, `https://hub.example.org/hub/api`; found by asking, the first time."""
        if self._root is None:
            # Made here, in the event loop that uses it. The first of many calls side by side asks, the others wait.
            self._finding = self._finding or anyio.Lock()
            async with self._finding:
                if self._root is None:
                    self._root = await self.run(find_root(self._given))
        return self._root

    async def find_url(self) -> str:
        """Where the hub's site begins, with a closing slash."""
        return (await self.find_api_url()).removesuffix(API_PATH) + "/"

    async def run(
        self, operation: Operation[T], emit: Callable[[Any], object] = lambda event: None, ask: Person | None = None
    ) -> T:
        """Carry a request or a flow out. What it emits goes to `emit`."""
        end: list[T] = []
        async with Forks(self, emit) as forks, aclosing(self._events(operation, end, forks, ask)) as events:
            async for event in events:
                emit(event)
        return end[0]

    async def events(self, operation: Operation[Any], ask: Person | None = None) -> AsyncGenerator[Any, None]:
        """Carry a flow out while iterating over what it emits."""
        heard = deque[Any]()
        async with Forks(self, heard.append) as forks, aclosing(self._events(operation, [], forks, ask)) as events:
            async for event in events:
                heard.append(event)
                while heard:
                    yield heard.popleft()
        while heard:
            yield heard.popleft()

    def fleet(self, operation: Operation[T]) -> AsyncFleet[Any, T]:
        """Carry out a flow that runs others side by side: `async with hub.fleet(operation) as fleet: …`."""
        return AsyncFleet(self.run, operation)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def _events(
        self, operation: Operation[T], end: list[T], forks: Forks, ask: Person | None
    ) -> AsyncGenerator[Any, None]:
        if ask is not None:
            self.beware()  # what people are asked for are secrets, mostly
        running = Interpreter(operation)
        while (step := running.step) is not None:
            answer: Any = None
            try:
                match step:
                    case Emit():
                        yield step.event
                    case Listen():
                        async with aclosing(self._listen(step)) as events:
                            async for event, answer in events:  # noqa: B007 - the last one is the answer
                                if event is not None:
                                    yield event
                    case Ask():
                        answer = await _asked(ask, step.question)
                    case _:
                        answer = await self._do(step, forks)
            except HubError as error:
                running.fail(error)
            except BaseException:
                forks.cancel_all()
                with anyio.move_on_after(CLEAN_UP, shield=True):
                    await self._clean_up(running, forks)
                raise
            else:
                running.answer(answer)
        end.append(running.result)

    async def _do(self, step: Step, forks: Forks) -> Any:
        match step:
            case Request():
                if self._root is None and not is_url(step.path):
                    await self.find_api_url()
                deadline = Deadline(self._network.timeouts.total)
                async with self._exchange(step, deadline) as response:
                    answer = await self._answer(step, response, deadline)
                return self.read(step, answer)
            case Sleep():
                await anyio.sleep(pause(step))
                return None
            case Now():
                return time.monotonic()
            case HubVersion():
                return self._version or self.learn(await self.run(HubOps.version()))
            case Fork() | Next() | Cancel():
                return await forks.do(step)
            case _:
                raise TypeError(f"{step!r} is not a step")

    @asynccontextmanager
    async def _exchange(
        self, step: Request[Any] | Listen[Any], deadline: Deadline, read: float | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        """Send a step; its answer is there up to its headers."""
        timeout = deadline.limit(self._network.httpx_timeout(read))
        with self.errors(deadline):
            async with self._http.stream(**self.call(step), timeout=timeout) as response:
                yield response

    async def _listen(self, step: Listen[T]) -> AsyncGenerator[tuple[object, T | None], None]:
        """Pairs of what to emit and the answer so far."""
        await self.find_api_url()
        end = Deadline(max(LEAST, step.timeout))
        deadline = Deadline(min(end.seconds, self._network.timeouts.total))
        heard = False
        try:
            async with self._exchange(step, deadline, SILENCE) as response:
                if response.status_code != 200:
                    raise self.refusal(step, await self._answer(step, response, deadline))
                size = Events(response, self.host)
                heard = True
                deadline.end = end.end
                response.encoding = "utf-8"  # a stream of events is, whatever its header says
                events = cast(AsyncGenerator[httpx2.ServerSentEvent], aiter(httpx2.EventSource(response)))
                async with aclosing(events):
                    async for sent in events:
                        if sent.data:
                            size.add(sent.data)
                            event = step.take(sent.data, self.site)
                            last = step.last(event)
                            yield step.event(event), event if last else None
                            if last:
                                return
        except Unavailable:
            if not (heard or end.over):
                raise

    async def _answer(self, step: Request[Any] | Listen[Any], response: httpx2.Response, deadline: Deadline) -> Answer:
        if response.is_stream_consumed:  # a transport for tests had it ready
            return self.answer(step, response, response.content)
        content = Content(response, self.host, deadline)
        async for part in response.aiter_raw():
            content.add(part)
        return self.answer(step, response, bytes(content))

    async def _clean_up(self, running: Interpreter[Any], forks: Forks) -> None:
        try:
            running.fail(Interrupted())
            while (step := running.step) is not None:
                try:
                    answer = None if isinstance(step, Emit | Listen) else await self._do(step, forks)
                except HubError as error:
                    running.fail(error)
                else:
                    running.answer(answer)
        except (Interrupted, HubError):
            return


async def _asked(person: Person | None, question: object) -> str:
    """The answer of a person, who takes their time: in a thread, and one that does not keep the program from ending
    when nobody waits for it any more.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def settle(given: str | None, error: BaseException | None) -> None:
        if not answer.done():
            answer.set_result(given or "") if error is None else answer.set_exception(error)

    def ask() -> None:
        given, failure = None, None
        try:
            given = ask_person(person, question)
        except BaseException as error:  # noqa: BLE001 - it is raised in who waits for this
            failure = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            loop.call_soon_threadsafe(settle, given, failure)

    threading.Thread(target=ask, name="jhub asks", daemon=True).start()
    return await answer
