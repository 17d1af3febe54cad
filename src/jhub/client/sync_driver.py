"""The synchronous driver: it carries out the steps of operations."""

from __future__ import annotations

import math
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import httpx2

from jhub.client.deadline import Client, Deadline
from jhub.client.network import Network
from jhub.client.response_body import Content, Events
from jhub.client.threads import Threads
from jhub.client.wire import CLEAN_UP, LEAST, SILENCE, Person, Wire, ask_person, is_url, pause
from jhub.discovery import API_PATH, find_root
from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.handles import Fleet
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

if TYPE_CHECKING:
    from jhub.client.async_driver import AsyncDriver

T = TypeVar("T")


class Driver(Wire):
    """A hub's connections, and how steps are carried out on them, here and now."""

    def __init__(self, url: str | None, token: str | None, network: Network) -> None:
        super().__init__(url, token, network)
        self._http = self.client(Client)

    @property
    def api_url(self) -> str:
        """The API root, `https://hub.example.org/hub/api`; found by asking, the first time."""
        if self._root is None:
            self._root = self.run(find_root(self._given))
        return self._root

    @property
    def url(self) -> str:
        """Where the hub's site begins, with a closing slash."""
        return self.api_url.removesuffix(API_PATH) + "/"

    def run(self, operation: Operation[T], ask: Person | None = None) -> T:
        """Carry a request or a flow out, here and now. What it emits is dropped."""
        events = self.events(operation, ask)
        while True:
            try:
                next(events)
            except StopIteration as end:
                answer: T = end.value
                return answer

    def events(self, operation: Operation[T], ask: Person | None = None) -> Generator[Any, None, T]:
        """Carry a flow out while iterating over what it emits."""
        if ask is not None:
            self.beware()  # what people are asked for are secrets, mostly
        running = Interpreter(operation)
        threads = Threads(self)
        while running.step is not None:
            try:
                answer = yield from self._carry_out(running.step, threads, ask)
            except HubError as error:
                running.fail(error)
            except BaseException:
                self._clean_up(running)
                raise
            else:
                running.answer(answer)
        return running.result

    def _carry_out(self, step: Step, threads: Threads, ask: Person | None) -> Generator[Any, None, Any]:
        match step:
            case Emit():
                yield step.event
                return None
            case Listen():
                return (yield from self._listen(step))
            case Fork() | Next() | Cancel():
                return threads.do(step)
            case Ask():
                return ask_person(ask, step.question)
            case _:
                return self.perform(step)

    def fleet(self, operation: Operation[T]) -> Fleet[Any, T]:
        """Prepare a flow that runs others side by side."""
        return Fleet(self.twin, operation)

    def twin(self) -> AsyncDriver:
        """Connect to the same hub with the same token, asynchronously."""
        from jhub.client.async_driver import AsyncDriver

        transport = self._network.transport
        if transport is not None and not isinstance(transport, httpx2.AsyncBaseTransport):
            raise InvalidInput("a fleet needs a transport that is asynchronous too")
        return AsyncDriver(self.api_url, self._token, self._network).knowing(self)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def perform(self, step: Step, within: float | None = None) -> Any:
        """Carry out one step that is neither a stream nor a fork; if need be, `within` so many seconds."""
        match step:
            case Request():
                if self._root is None and not is_url(step.path):
                    _ = self.api_url
                seconds = self._network.timeouts.total
                deadline = Deadline(seconds if within is None else min(within, seconds))
                with self._exchange(step, deadline) as response:
                    answer = self._answer(step, response, deadline)
                return self.read(step, answer)
            case Sleep():
                time.sleep(min(pause(step), within or math.inf))
                return None
            case Now():
                return time.monotonic()
            case HubVersion():
                return self._version or self.learn(self.run(HubOps.version()))
            case _:
                raise TypeError(f"{type(step).__name__} works in a fleet only: hub.fleet(operation)")

    @contextmanager
    def _exchange(
        self, step: Request[Any] | Listen[Any], deadline: Deadline, read: float | None = None
    ) -> Generator[httpx2.Response]:
        """Send a step; its answer is there up to its headers."""
        timeout = deadline.limit(self._network.httpx_timeout(read))
        with self.errors(deadline), self._http.stream(**self.call(step), timeout=timeout) as response:
            yield response

    def _answer(self, step: Request[Any] | Listen[Any], response: httpx2.Response, deadline: Deadline) -> Answer:
        if response.is_stream_consumed:  # a transport for tests had it ready
            return self.answer(step, response, response.content)
        content = Content(response, self.host, deadline)
        for part in response.iter_raw():
            content.add(part)
        return self.answer(step, response, bytes(content))

    def _listen(self, step: Listen[T]) -> Generator[object, None, T | None]:
        _ = self.api_url
        end = Deadline(max(LEAST, step.timeout))
        deadline = Deadline(min(end.seconds, self._network.timeouts.total))
        heard = False
        try:
            with self._exchange(step, deadline, SILENCE) as response:
                if response.status_code != 200:
                    raise self.refusal(step, self._answer(step, response, deadline))
                size = Events(response, self.host)
                heard = True
                deadline.end = end.end
                response.encoding = "utf-8"  # a stream of events is, whatever its header says
                for sent in httpx2.EventSource(response):
                    if sent.data:
                        size.add(sent.data)
                        event = step.take(sent.data, self.site)
                        if (news := step.event(event)) is not None:
                            yield news
                        if step.last(event):
                            return event
        except Unavailable:
            if not (heard or end.over):
                raise
        return None

    def _clean_up(self, running: Interpreter[Any]) -> None:
        end = time.monotonic() + CLEAN_UP
        try:
            running.fail(Interrupted())
            while (step := running.step) is not None and (left := end - time.monotonic()) > 0:
                try:
                    answer = None if isinstance(step, Emit | Listen) else self.perform(step, left)
                except HubError as error:
                    running.fail(error)
                else:
                    running.answer(answer)
        except (Interrupted, HubError):
            return
