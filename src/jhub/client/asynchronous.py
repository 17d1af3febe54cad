"""`AsyncHub`: the asynchronous driver."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import aclosing, asynccontextmanager, closing, suppress
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

import anyio
import httpx2

from jhub.binding import AsyncBound
from jhub.client.content import Content, Events
from jhub.client.deadline import AsyncClient, Deadline
from jhub.client.forks import Forks
from jhub.client.network import DEFAULT, Network, Timeouts, Verify
from jhub.client.wire import CLEAN_UP, LEAST, SILENCE, Person, Wire, is_url, pause
from jhub.discovery import API, find_root
from jhub.errors import HubError, Unavailable
from jhub.fleet.groups import AsyncGroups
from jhub.fleet.servers import AsyncServers
from jhub.fleet.users import AsyncUsers
from jhub.handles import AsyncFleet
from jhub.operations.hub import HubOps
from jhub.operations.profiles import AsyncProfiles
from jhub.operations.proxy import AsyncProxy
from jhub.operations.services import AsyncServices
from jhub.operations.shares import AsyncShareCodes, AsyncShares
from jhub.operations.tokens import TOKEN_LIFE, AsyncTokens
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
    Plan,
    Request,
    Sleep,
    Step,
)

if TYPE_CHECKING:
    from jhub.login.wish import Way

T = TypeVar("T")


class AsyncHub(Wire, HubOps, AsyncBound):
    """A JupyterHub, asynchronous (asyncio). Parameters as for `Hub`."""

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float | Timeouts = DEFAULT,
        verify: Verify = True,
        proxy: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.set_up(url, token, Network.of(timeout, verify, proxy, transport))

    def set_up(self, url: str | None, token: str | None, network: Network) -> Self:
        """What the constructor does, for a network that was chosen before."""
        Wire.__init__(self, url, token, network)
        AsyncBound.__init__(self, self)
        self._http = self.client(AsyncClient)
        self._finding: anyio.Lock | None = None
        self.users = AsyncUsers(self)
        self.groups = AsyncGroups(self)
        self.servers = AsyncServers(self)
        self.profiles = AsyncProfiles(self)
        self.tokens = AsyncTokens(self)
        self.shares = AsyncShares(self)
        self.share_codes = AsyncShareCodes(self)
        self.services = AsyncServices(self)
        self.proxy = AsyncProxy(self)
        return self

    @classmethod
    async def login(
        cls,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        second_factor: str | None = None,
        way: Way | None = None,
        note: str | None = None,
        expires_in: int | None = TOKEN_LIFE,
        scopes: Iterable[str] | None = None,
        ask: Person | None = None,
        timeout: float | Timeouts = DEFAULT,
        verify: Verify = True,
        proxy: str | None = None,
    ) -> Self:
        """Sign in to the hub, for a token that expires; as `Hub.login`. What is asked is asked in a thread."""
        from jhub.login.find import sign_in  # more than who has a token needs
        from jhub.login.wish import Wish, this_machine
        from jhub.person.console import Console

        network = Network.of(timeout, verify, proxy, None)
        async with cls.__new__(cls).set_up(url, None, network) as door:
            with closing(Console()) as console:
                door.person = ask or console
                wish = Wish(
                    api_url=await door.find_api_url(),
                    username=username,
                    password=password,
                    second_factor=second_factor,
                    note=note or this_machine(),
                    expires_in=expires_in,
                    scopes=scopes,
                )
                door.beware()
                signed = await door.run(sign_in(wish, way))
                return cls.__new__(cls).set_up(wish.api_url, signed.token, network).knowing(door)

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
        return (await self.find_api_url()).removesuffix(API) + "/"

    async def run(self, plan: Plan[T], emit: Callable[[Any], object] = lambda event: None) -> T:
        """Carry a request or a flow out. What it emits goes to `emit`."""
        end: list[T] = []
        async with Forks(self, emit) as forks, aclosing(self._events(plan, end, forks)) as events:
            async for event in events:
                emit(event)
        return end[0]

    async def events(self, plan: Plan[Any]) -> AsyncGenerator[Any, None]:
        """Carry a flow out while iterating over what it emits."""
        heard = deque[Any]()
        async with Forks(self, heard.append) as forks, aclosing(self._events(plan, [], forks)) as events:
            async for event in events:
                heard.append(event)
                while heard:
                    yield heard.popleft()
        while heard:
            yield heard.popleft()

    def fleet(self, plan: Plan[T]) -> AsyncFleet[Any, T]:
        """Carry out a flow that runs others side by side: `async with hub.fleet(plan) as fleet: …`."""
        return AsyncFleet(self.run, plan)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def _events(self, plan: Plan[T], end: list[T], forks: Forks) -> AsyncGenerator[Any, None]:
        steps = plan.__iter__()
        answer: Any = None
        failure: HubError | None = None
        while True:
            try:
                step = steps.send(answer) if failure is None else steps.throw(failure)
            except StopIteration as stop:
                end.append(stop.value)
                return
            answer = failure = None
            try:
                match step:
                    case Emit():
                        yield step.event
                    case Listen():
                        async with aclosing(self._listen(step)) as events:
                            async for event, last in events:
                                answer = last
                                if event is not None:
                                    yield event
                    case _:
                        answer = await self._do(step, forks)
            except HubError as error:
                failure = error
            except BaseException:
                forks.cancel_all()
                with anyio.move_on_after(CLEAN_UP, shield=True):
                    await self._clean_up(steps, forks)
                raise

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
            case Ask():
                return await self._asked(step.question)
            case Fork() | Next() | Cancel():
                return await forks.do(step)
            case _:
                raise TypeError(f"{step!r} is not a step")

    async def _asked(self, question: object) -> str:
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
                given = self.answer_of_person(question)
            except BaseException as error:  # noqa: BLE001 - it is raised in who waits for this
                failure = error
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                loop.call_soon_threadsafe(settle, given, failure)

        threading.Thread(target=ask, name="jhub asks", daemon=True).start()
        return await answer

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
                            event = step.take(sent.data)
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

    async def _clean_up(self, steps: Generator[Step, Any, Any], forks: Forks) -> None:
        try:
            step = steps.throw(Interrupted())
            while True:
                try:
                    answer = None if isinstance(step, Emit | Listen) else await self._do(step, forks)
                except HubError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except (Interrupted, StopIteration, HubError):
            return
