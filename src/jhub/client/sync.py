"""`Hub`: the synchronous driver."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterable
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx2

from jhub.binding import Bound
from jhub.client.content import Content, Events
from jhub.client.deadline import Client, Deadline
from jhub.client.network import DEFAULT, Network, Timeouts, Verify
from jhub.client.threads import Threads
from jhub.client.wire import CLEAN_UP, LEAST, SILENCE, Person, Wire, is_url, pause
from jhub.discovery import API, find_root
from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.fleet.groups import Groups
from jhub.fleet.servers import Servers
from jhub.fleet.users import Users
from jhub.handles import Fleet
from jhub.operations.hub import HubOps
from jhub.operations.profiles import Profiles
from jhub.operations.proxy import Proxy
from jhub.operations.services import Services
from jhub.operations.shares import ShareCodes, Shares
from jhub.operations.tokens import TOKEN_LIFE, Tokens
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
    from jhub.client.asynchronous import AsyncHub
    from jhub.login.wish import Way

T = TypeVar("T")


class Hub(Wire, HubOps, Bound):
    """A JupyterHub, synchronous.

    Parameters
    ----------
    url
        Any address of the hub that a person may have at hand: its API root, `https://hub.example.org`,
        `…/hub/home`, `…/user/ana/lab`, with or without a base path. None: `JUPYTERHUB_API_URL`, and the token
        `JUPYTERHUB_API_TOKEN`, as inside a server or service of the hub.
    token
        An API token. Without one only `version` and signing in work.
    timeout
        Seconds to wait for an answer, or `Timeouts` for more detail.
    verify
        Which certificates to trust: True for those of this machine, or of `SSL_CERT_FILE`; the path of a CA file or
        folder; an `ssl.SSLContext`; False for any, which is for trials only, and warns.
    proxy
        The URL of a proxy. None: as `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` say.
    transport
        A transport of the HTTP library, for tests.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float | Timeouts = DEFAULT,
        verify: Verify = True,
        proxy: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self.set_up(url, token, Network.of(timeout, verify, proxy, transport))

    def set_up(self, url: str | None, token: str | None, network: Network) -> Self:
        """What the constructor does, for a network that was chosen before."""
        Wire.__init__(self, url, token, network)
        Bound.__init__(self, self)
        self._http = self.client(Client)
        self.users = Users(self)
        self.groups = Groups(self)
        self.servers = Servers(self)
        self.profiles = Profiles(self)
        self.tokens = Tokens(self)
        self.shares = Shares(self)
        self.share_codes = ShareCodes(self)
        self.services = Services(self)
        self.proxy = Proxy(self)
        return self

    @classmethod
    def login(
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
        """Sign in to the hub, for a token that expires. `logout` revokes it.

        Parameters
        ----------
        url
            Any address of the hub, as for `Hub`.
        username, password, second_factor
            What is missing and needed is asked for.
        way
            "form": the hub's login form. "password": one call of the REST API, which refuses people who never signed
            in before. "browser": the hub's page in the browser, with any single sign-on. "paste": a token that you
            make on the hub's token page. None: the form where the hub has one, else the browser, else the token page.
        note
            What the hub's token page shows; names this machine by default.
        expires_in
            Seconds. A hub that allows less than the default gives what it allows. None: the hub's own default, which
            on most hubs is never.
        scopes
            Fewer than the user has (JupyterHub 3.0).
        ask
            Answers what only a person can, one of `jhub.login.questions` at a time. None: the terminal, or notebook.
        timeout, verify, proxy
            As for `Hub`.

        `POST /users/{username}/tokens` at the end (JupyterHub 2.0), no token needed. `NotAuthorized` where the hub
        refuses, `InvalidInput` where there is nobody to ask, `StillPending` where nobody comes back from the browser.
        """
        from jhub.login.find import sign_in  # more than who has a token needs
        from jhub.login.wish import Wish, this_machine
        from jhub.person.console import Console

        network = Network.of(timeout, verify, proxy, None)
        with cls.__new__(cls).set_up(url, None, network) as door, closing(Console()) as console:
            door.person = ask or console
            wish = Wish(
                api_url=door.api_url,
                username=username,
                password=password,
                second_factor=second_factor,
                note=note or this_machine(),
                expires_in=expires_in,
                scopes=scopes,
            )
            door.beware()
            signed = door.run(sign_in(wish, way))
            return cls.__new__(cls).set_up(door.api_url, signed.token, network).knowing(door)

    @property
    def api_url(self) -> str:
        """The API root, `https://hub.example.org/hub/api`; found by asking, the first time."""
        if self._root is None:
            self._root = self.run(find_root(self._given))
        return self._root

    @property
    def url(self) -> str:
        """Where the hub's site begins, with a closing slash."""
        return self.api_url.removesuffix(API) + "/"

    def run(self, plan: Plan[T]) -> T:
        """Carry a request or a flow out, here and now. What it emits is dropped."""
        events = self.events(plan)
        while True:
            try:
                next(events)
            except StopIteration as end:
                answer: T = end.value
                return answer

    def events(self, plan: Plan[T]) -> Generator[Any, None, T]:
        """Carry a flow out while iterating over what it emits."""
        steps = plan.__iter__()
        threads = Threads(self)
        answer: Any = None
        failure: HubError | None = None
        while True:
            try:
                step = steps.send(answer) if failure is None else steps.throw(failure)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            answer = failure = None
            try:
                match step:
                    case Emit():
                        yield step.event
                    case Listen():
                        answer = yield from self._listen(step)
                    case Fork() | Next() | Cancel():
                        answer = threads.do(step)
                    case _:
                        answer = self.perform(step)
            except HubError as error:
                failure = error
            except BaseException:
                self._clean_up(steps)
                raise

    def fleet(self, plan: Plan[T]) -> Fleet[Any, T]:
        """Carry out a flow that runs others side by side: `with hub.fleet(plan) as fleet: for event in fleet: …`."""
        return Fleet(self.twin, plan)

    def twin(self) -> AsyncHub:
        """The same hub and token, asynchronous."""
        from jhub.client.asynchronous import AsyncHub

        transport = self._network.transport
        if transport is not None and not isinstance(transport, httpx2.AsyncBaseTransport):
            raise InvalidInput("a fleet needs a transport that is asynchronous too")
        return AsyncHub.__new__(AsyncHub).set_up(self.api_url, self._token, self._network).knowing(self)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

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
            case Ask():
                return self.answer_of_person(step.question)
            case _:
                raise TypeError(f"{type(step).__name__} works in a fleet only: hub.fleet(plan)")

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
                        event = step.take(sent.data)
                        if (news := step.event(event)) is not None:
                            yield news
                        if step.last(event):
                            return event
        except Unavailable:
            if not (heard or end.over):
                raise
        return None

    def _clean_up(self, steps: Generator[Step, Any, Any]) -> None:
        end = time.monotonic() + CLEAN_UP
        try:
            step = steps.throw(Interrupted())
            while (left := end - time.monotonic()) > 0:
                try:
                    answer = None if isinstance(step, Emit | Listen) else self.perform(step, left)
                except HubError as error:
                    step = steps.throw(error)
                else:
                    step = steps.send(answer)
        except (Interrupted, StopIteration, HubError):
            return
