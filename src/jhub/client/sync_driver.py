"""The synchronous driver: carries out the steps of operations."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2

from jhub.client.deadline import Client, Deadline
from jhub.client.network import Network
from jhub.client.response_body import BoundedContent, StreamSize
from jhub.client.threads import ForkedThreads
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
from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.handles import Fleet
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
    from jhub.client.async_driver import AsyncDriver
    from jhub.client.sockets import SyncSocket

T = TypeVar("T")


class Driver(Wire):
    """A driver with its connections to one hub; it carries out steps in the calling thread."""

    def __init__(self, url: str | None, token: str | None, network: Network) -> None:
        super().__init__(url, token, network)
        self._http = self.http_client(Client)
        self._is_closed = False
        self._sockets: dict[int, SyncSocket] = {}

    @property
    def api_url(self) -> str:
        """The API root, `https://hub.example.org/hub/api`; the first access discovers it."""
        if self._root is None:
            self._root = self.run(find_root(self._address))
        return self._root

    @property
    def url(self) -> str:
        """The root of the hub's site, with a closing slash."""
        _ = self.api_url
        return self.known_url

    def run(self, operation: Operation[T], ask: Prompter | None = None) -> T:
        """Carry out a request or a flow, and return its answer. Events that it emits are dropped."""
        events = self.events(operation, ask)
        while True:
            try:
                next(events)
            except StopIteration as end:
                answer: T = end.value
                return answer

    def events(self, operation: Operation[T], ask: Prompter | None = None) -> Generator[Any, None, T]:
        """Carry out a flow, iterate over the events that it emits, and return its answer."""
        if ask is not None:
            self.warn_if_plain_http()  # most answers to prompts are secrets
        interpreter = Interpreter(operation)
        threads = ForkedThreads(self)
        while interpreter.step is not None:
            try:
                answer = yield from self._carry_out(interpreter.step, threads, ask)
            except HubError as error:
                interpreter.fail(error)
            except BaseException:
                self._clean_up(interpreter, threads)
                raise
            else:
                interpreter.answer(answer)
        return interpreter.result

    def _carry_out(self, step: Step, threads: ForkedThreads, ask: Prompter | None) -> Generator[Any, None, Any]:
        match step:
            case Emit():
                yield step.event
                return None
            case Listen():
                return (yield from self._listen(step))
            case Fork() | Next() | Cancel():
                return threads.do(step)
            case Ask():
                return ask_user(ask, step.question)
            case _:
                return self.perform(step)

    def fleet(self, operation: Operation[T]) -> Fleet[Any, T]:
        """Prepare a flow that runs others concurrently."""
        return Fleet(self.async_driver, operation)

    def async_driver(self) -> AsyncDriver:
        """Return an asynchronous driver for the same hub, with the same token."""
        from jhub.client.async_driver import AsyncDriver

        transport = self._network.transport
        if transport is not None and not isinstance(transport, httpx2.AsyncBaseTransport):
            raise InvalidInput("a fleet needs an asynchronous transport")
        return AsyncDriver(self.api_url, self._token, self._network).copy_state(self)

    def close(self) -> None:
        """Close the connections."""
        self._is_closed = True
        for socket in self._sockets.values():
            socket.close()
        self._http.close()

    def perform(self, step: Step, within: float | None = None) -> Any:
        """Carry out one step other than a stream, a fork or a question; `within` limits its seconds."""
        match step:
            case Request():
                if step.name_check and step.path in self.checked_names:
                    return None
                if self._root is None and not is_url(step.path):
                    _ = self.api_url
                seconds = self._network.timeouts.total
                deadline = Deadline(seconds if within is None else min(within, seconds))
                with self._exchange(step, deadline) as response:
                    answer = self._answer(step, response, deadline)
                return self.read(step, answer)
            case OpenSocket():
                return self._open_socket(step)
            case SendFrame():
                return self._sockets[step.socket.number].send(step.data)
            case ReceiveFrame():
                return self._sockets[step.socket.number].receive(min(step.seconds, within or math.inf))
            case CloseSocket():
                return self._sockets.pop(step.socket.number).close() if step.socket.number in self._sockets else None
            case Sleep():
                time.sleep(min(sleep_seconds(step), within or math.inf))
                return None
            case Now():
                return time.monotonic()
            case HubVersion():
                return self._version or self.note_version(self.run(HubOps.version()))
            case _:
                raise TypeError(f"{type(step).__name__} works in a fleet only: hub.fleet(operation)")

    def _open_socket(self, step: OpenSocket) -> Socket:
        from jhub.client.sockets import HANDSHAKE_SECONDS, REFUSED, SyncSocket

        deadline = Deadline(HANDSHAKE_SECONDS)
        timeout = deadline.limit(self._network.httpx_timeout(HANDSHAKE_SECONDS))
        with self.translated_errors(deadline):
            opening = self._http.websocket(**self.handshake(step), timeout=timeout)
            try:
                socket = SyncSocket(opening)
            except REFUSED as error:
                answer = self.to_answer(step.request, error.response, b"")
            else:
                number = self.next_socket_number()
                self._sockets[number] = socket
                return Socket(number, socket.subprotocol)
        raise self.handshake_error(step, answer)

    @contextmanager
    def _exchange(
        self, step: Request[Any] | Listen[Any], deadline: Deadline, read: float | None = None
    ) -> Generator[httpx2.Response]:
        """Send a step, and yield the response once its headers have arrived."""
        timeout = deadline.limit(self._network.httpx_timeout(read))
        with self.translated_errors(deadline), self._http.stream(**self.arguments(step), timeout=timeout) as response:
            stream = response.extensions.get("network_stream")
            yield response
        # A connection that was opened while another thread closed the client is in no pool that could close it.
        if self._is_closed and stream is not None:
            stream.close()

    def _answer(self, step: Request[Any] | Listen[Any], response: httpx2.Response, deadline: Deadline) -> Answer:
        if response.is_stream_consumed:  # a transport for tests has read it already
            return self.to_answer(step, response, response.content)
        content = BoundedContent(response, self.host, deadline)
        for chunk in response.iter_raw():
            content.add(chunk)
        return self.to_answer(step, response, bytes(content))

    def _listen(self, step: Listen[T]) -> Generator[object, None, T | None]:
        _ = self.api_url
        end = Deadline(max(MIN_STREAM_SECONDS, step.timeout))
        deadline = Deadline(min(end.seconds, self._network.timeouts.total))
        opened = False
        try:
            with self._exchange(step, deadline, STREAM_READ_SECONDS) as response:
                if response.status_code != 200:
                    raise self.stream_error(step, self._answer(step, response, deadline))
                size = StreamSize(response, self.host)
                opened = True
                deadline.end = end.end
                response.encoding = "utf-8"  # event streams are UTF-8, whatever the header says
                for sse in httpx2.EventSource(response):
                    if sse.data:
                        size.add(sse.data)
                        event = step.take(sse.data, self.site)
                        if (emitted := step.event(event)) is not None:
                            yield emitted
                        if step.last(event):
                            return event
        except Unavailable:
            if not (opened or end.is_over):
                raise
        return None

    def _clean_up(self, interpreter: Interpreter[Any], threads: ForkedThreads) -> None:
        end = time.monotonic() + CLEAN_UP_SECONDS
        try:
            interpreter.fail(Interrupted())
            while (step := interpreter.step) is not None and (left := end - time.monotonic()) > 0:
                try:
                    answer = self._carry_out_last(step, threads, left)
                except HubError as error:
                    interpreter.fail(error)
                except KeyboardInterrupt:  # a second Ctrl-C ends this step, and the flow goes on with what is left
                    interpreter.fail(Interrupted())
                else:
                    interpreter.answer(answer)
        except (Interrupted, HubError):
            return
        finally:
            interpreter.close()

    def _carry_out_last(self, step: Step, threads: ForkedThreads, within: float) -> Any:
        """Carry out a step of the clean-up."""
        match step:
            case Emit() | Listen():
                return None
            case Next():
                return threads.do(Next(min(step.timeout, within)))
            case Fork() | Cancel():
                return threads.do(step)
            case _:
                return self.perform(step, within)
