"""The asynchronous driver: carries out the steps of operations in an event loop."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import anyio
import httpx2

from jhub.client.deadline import AsyncClient, Deadline
from jhub.client.forks import ForkedTasks
from jhub.client.network import Network
from jhub.client.response_body import BoundedContent, StreamSize
from jhub.client.wire import (
    CLEAN_UP_SECONDS,
    MIN_STREAM_SECONDS,
    STREAM_READ_SECONDS,
    Prompter,
    Wire,
    ask_user,
    is_url,
    sleep_seconds,
)
from jhub.discovery import find_root
from jhub.errors import HubError, Unavailable
from jhub.handles import AsyncFleet
from jhub.interpreter import Interpreter
from jhub.operations.hub import HubOps
from jhub.steps import (
    Answer,
    Ask,
    Cancel,
    CloseSocket,
    Emit,
    Fork,
    HubVersion,
    Interrupted,
    Listen,
    Next,
    Now,
    OpenSocket,
    Operation,
    ReceiveFrame,
    Request,
    SendFrame,
    Sleep,
    Socket,
    Step,
)

if TYPE_CHECKING:
    from jhub.client.sockets import AsyncSocket

T = TypeVar("T")


class AsyncDriver(Wire):
    """A driver with its connections to one hub; it carries out steps in an event loop."""

    def __init__(self, url: str | None, token: str | None, network: Network) -> None:
        super().__init__(url, token, network)
        self._http = self.http_client(AsyncClient)
        self._discovery: anyio.Lock | None = None
        self._sockets: dict[int, AsyncSocket] = {}

    async def find_api_url(self) -> str:
        """Return the API root, `https://hub.example.org/hub/api`; the first call discovers it."""
        if self._root is None:
            # Created here, in the event loop that uses it. Of several concurrent calls, the first runs the discovery
            # and the others wait.
            self._discovery = self._discovery or anyio.Lock()
            async with self._discovery:
                if self._root is None:
                    self._root = await self.run(find_root(self._address))
        return self._root

    async def find_url(self) -> str:
        """Return the root of the hub's site, with a closing slash."""
        await self.find_api_url()
        return self.known_url

    async def run(
        self, operation: Operation[T], emit: Callable[[Any], object] = lambda event: None, ask: Prompter | None = None
    ) -> T:
        """Carry out a request or a flow, and return its answer. Events that it emits go to `emit`."""
        end: list[T] = []
        async with ForkedTasks(self, emit) as forks, aclosing(self._events(operation, end, forks, ask)) as events:
            async for event in events:
                emit(event)
        return end[0]

    async def events(self, operation: Operation[Any], ask: Prompter | None = None) -> AsyncGenerator[Any, None]:
        """Carry out a flow, and iterate over the events that it emits."""
        emitted = deque[Any]()
        async with (
            ForkedTasks(self, emitted.append) as forks,
            aclosing(self._events(operation, [], forks, ask)) as events,
        ):
            async for event in events:
                emitted.append(event)
                while emitted:
                    yield emitted.popleft()
        while emitted:
            yield emitted.popleft()

    def fleet(self, operation: Operation[T]) -> AsyncFleet[Any, T]:
        """Prepare a flow that runs others concurrently: `async with hub.fleet(operation) as fleet: …`."""
        return AsyncFleet(self.run, operation)

    async def aclose(self) -> None:
        """Close the connections."""
        for socket in self._sockets.values():
            await socket.close()
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Return the driver."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        await self.aclose()

    async def _events(
        self, operation: Operation[T], end: list[T], forks: ForkedTasks, ask: Prompter | None
    ) -> AsyncGenerator[Any, None]:
        if ask is not None:
            self.warn_if_plain_http()  # most answers to prompts are secrets
        interpreter = Interpreter(operation)
        while (step := interpreter.step) is not None:
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
                        answer = await _ask_in_thread(ask, step.question)
                    case _:
                        answer = await self._do(step, forks)
            except HubError as error:
                interpreter.fail(error)
            except BaseException:
                forks.cancel_all()
                with anyio.move_on_after(CLEAN_UP_SECONDS, shield=True):
                    await self._clean_up(interpreter, forks)
                raise
            else:
                interpreter.answer(answer)
        end.append(interpreter.result)

    async def _do(self, step: Step, forks: ForkedTasks) -> Any:
        match step:
            case Request():
                if step.name_check and step.path in self.checked_names:
                    return None
                if self._root is None and not is_url(step.path):
                    await self.find_api_url()
                deadline = Deadline(self._network.timeouts.total)
                async with self._exchange(step, deadline) as response:
                    answer = await self._answer(step, response, deadline)
                return self.read(step, answer)
            case OpenSocket():
                return await self._open_socket(step)
            case SendFrame():
                return await self._sockets[step.socket.number].send(step.data)
            case ReceiveFrame():
                return await self._sockets[step.socket.number].receive(step.seconds)
            case CloseSocket():
                if socket := self._sockets.pop(step.socket.number, None):
                    await socket.close()
                return None
            case Sleep():
                await anyio.sleep(sleep_seconds(step))
                return None
            case Now():
                return time.monotonic()
            case HubVersion():
                return self._version or self.note_version(await self.run(HubOps.version()))
            case Fork() | Next() | Cancel():
                return await forks.do(step)
            case _:
                raise TypeError(f"{step!r} is not a step")

    async def _open_socket(self, step: OpenSocket) -> Socket:
        from jhub.client.sockets import HANDSHAKE_SECONDS, REFUSED, AsyncSocket

        deadline = Deadline(HANDSHAKE_SECONDS)
        timeout = deadline.limit(self._network.httpx_timeout(HANDSHAKE_SECONDS))
        with self.translated_errors(deadline):
            opening = self._http.websocket(**self.handshake(step), timeout=timeout)
            try:
                socket = await AsyncSocket(opening).open()
            except REFUSED as error:
                answer = self.to_answer(step.request, error.response, b"")
            else:
                number = self.next_socket_number()
                self._sockets[number] = socket
                return Socket(number, socket.subprotocol)
        raise self.handshake_error(step, answer)

    @asynccontextmanager
    async def _exchange(
        self, step: Request[Any] | Listen[Any], deadline: Deadline, read: float | None = None
    ) -> AsyncGenerator[httpx2.Response]:
        """Send a step, and yield the response once its headers have arrived."""
        timeout = deadline.limit(self._network.httpx_timeout(read))
        with self.translated_errors(deadline):
            async with self._http.stream(**self.arguments(step), timeout=timeout) as response:
                yield response

    async def _listen(self, step: Listen[T]) -> AsyncGenerator[tuple[object, T | None], None]:
        """Yield pairs: an event to emit, and the answer, None until the last event."""
        await self.find_api_url()
        end = Deadline(max(MIN_STREAM_SECONDS, step.timeout))
        deadline = Deadline(min(end.seconds, self._network.timeouts.total))
        opened = False
        try:
            async with self._exchange(step, deadline, STREAM_READ_SECONDS) as response:
                if response.status_code != 200:
                    raise self.stream_error(step, await self._answer(step, response, deadline))
                size = StreamSize(response, self.host)
                opened = True
                deadline.end = end.end
                response.encoding = "utf-8"  # event streams are UTF-8, whatever the header says
                events = cast(AsyncGenerator[httpx2.ServerSentEvent], aiter(httpx2.EventSource(response)))
                async with aclosing(events):
                    async for sse in events:
                        if sse.data:
                            size.add(sse.data)
                            event = step.take(sse.data, self.site)
                            last = step.last(event)
                            yield step.event(event), event if last else None
                            if last:
                                return
        except Unavailable:
            if not (opened or end.is_over):
                raise

    async def _answer(self, step: Request[Any] | Listen[Any], response: httpx2.Response, deadline: Deadline) -> Answer:
        if response.is_stream_consumed:  # a transport for tests has read it already
            return self.to_answer(step, response, response.content)
        content = BoundedContent(response, self.host, deadline)
        async for chunk in response.aiter_raw():
            content.add(chunk)
        return self.to_answer(step, response, bytes(content))

    async def _clean_up(self, interpreter: Interpreter[Any], forks: ForkedTasks) -> None:
        try:
            interpreter.fail(Interrupted())
            while (step := interpreter.step) is not None:
                try:
                    answer = None if isinstance(step, Emit | Listen) else await self._do(step, forks)
                except HubError as error:
                    interpreter.fail(error)
                else:
                    interpreter.answer(answer)
        except (Interrupted, HubError):
            return
        finally:
            interpreter.close()


async def _ask_in_thread(prompter: Prompter | None, question: object) -> str:
    """Ask the user in a thread, because the answer may take long, and return the answer.

    A daemon thread, so that the program can exit while a question is open.
    """
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def settle(text: str | None, error: BaseException | None) -> None:
        if not answer.done():
            answer.set_result(text or "") if error is None else answer.set_exception(error)

    def ask() -> None:
        text, failure = None, None
        try:
            text = ask_user(prompter, question)
        except BaseException as error:  # noqa: BLE001 - it is raised at the await below
            failure = error
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(settle, text, failure)

    threading.Thread(target=ask, name="jhub asks", daemon=True).start()
    return await answer
