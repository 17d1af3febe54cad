"""`AsyncHub`: the public face of the asynchronous client."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

import httpx2

from jhub.binding import AsyncBound, Namespace
from jhub.client.async_driver import AsyncDriver
from jhub.client.certificates import Cert, Verify, files_to_save, with_defaults
from jhub.client.network import DEFAULT_TIMEOUTS, Network, Timeouts
from jhub.client.wire import Prompter, connection_of
from jhub.handles import AsyncFleet
from jhub.login import LoginMethod
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TOKEN_LIFE
from jhub.preview import Preview, preview, preview_many
from jhub.singleuser.access import Handle
from jhub.singleuser.server import AsyncSingleUser
from jhub.steps import Operation

if TYPE_CHECKING:
    from jhub.bulk.groups import AsyncGroups
    from jhub.bulk.tokens import AsyncTokens
    from jhub.bulk.users import AsyncUsers
    from jhub.fleet.servers import AsyncServers
    from jhub.operations.profiles import AsyncProfiles
    from jhub.operations.proxy import AsyncProxy
    from jhub.operations.services import AsyncServices
    from jhub.operations.shares import AsyncShareCodes, AsyncShares
    from jhub.state.operations import AsyncState


P = ParamSpec("P")
T = TypeVar("T")


class AsyncHub(HubOps, AsyncBound):
    """An asynchronous client of a JupyterHub (asyncio), with the parameters of `Hub`."""

    _wire: AsyncDriver

    users: Namespace[AsyncUsers] = Namespace("jhub.bulk.users", "AsyncUsers")
    groups: Namespace[AsyncGroups] = Namespace("jhub.bulk.groups", "AsyncGroups")
    servers: Namespace[AsyncServers] = Namespace("jhub.fleet.servers", "AsyncServers")
    profiles: Namespace[AsyncProfiles] = Namespace("jhub.operations.profiles", "AsyncProfiles")
    tokens: Namespace[AsyncTokens] = Namespace("jhub.bulk.tokens", "AsyncTokens")
    shares: Namespace[AsyncShares] = Namespace("jhub.operations.shares", "AsyncShares")
    share_codes: Namespace[AsyncShareCodes] = Namespace("jhub.operations.shares", "AsyncShareCodes")
    services: Namespace[AsyncServices] = Namespace("jhub.operations.services", "AsyncServices")
    state: Namespace[AsyncState] = Namespace("jhub.state.operations", "AsyncState")
    proxy: Namespace[AsyncProxy] = Namespace("jhub.operations.proxy", "AsyncProxy")

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float | Timeouts = DEFAULT_TIMEOUTS,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(AsyncDriver(url, token, Network.of(timeout, verify, cert, proxy, transport)))

    @classmethod
    def from_context(
        cls,
        name: str | None = None,
        *,
        timeout: float | Timeouts = DEFAULT_TIMEOUTS,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
    ) -> Self:
        """Connect to the hub of a context, as `Hub.from_context` does."""
        connection = connection_of(name)
        verify, cert = with_defaults(verify, cert, connection.verify, connection.cert)
        hub = cls(connection.url, connection.token, timeout=timeout, verify=verify, cert=cert, proxy=proxy)
        hub._wire.user = connection.user
        return hub

    @classmethod
    async def login(
        cls,
        url: str,
        *,
        username: str | None = None,
        password: str | None = None,
        second_factor: str | None = None,
        method: LoginMethod | None = None,
        note: str | None = None,
        expires_in: int | None = TOKEN_LIFE,
        scopes: Iterable[str] | None = None,
        ask: Prompter | None = None,
        context: str | None = None,
        timeout: float | Timeouts = DEFAULT_TIMEOUTS,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
    ) -> Self:
        """Sign in to the hub and return a client, as `Hub.login` does. Prompts run in a thread."""
        from jhub.config import contexts
        from jhub.login import SignInRequest, saved_files, sign_in_and_save  # not needed by a client that has a token
        from jhub.login.console import Console

        if context is not None:
            contexts.prepare(context)
            files = saved_files(url, context)
            verify, cert = with_defaults(verify, cert, files.verify, files.cert)
        hub = cls(url, timeout=timeout, verify=verify, cert=cert, proxy=proxy)
        try:
            with closing(Console()) as console:
                request = SignInRequest(
                    api_url=await hub.find_api_url(),
                    username=username,
                    password=password,
                    second_factor=second_factor,
                    note=note or "",
                    expires_in=expires_in,
                    scopes=scopes,
                )
                result, notes = await hub.run(
                    sign_in_and_save(request, method, context, files_to_save(verify, cert)), ask=ask or console
                )
            for text in notes:
                warnings.warn(text, UserWarning, stacklevel=2)
            hub._wire.set_token(result.token, result.who.name)
        except BaseException:
            await hub.aclose()
            raise
        return hub

    def __repr__(self) -> str:
        """Return the hub's address, and the user if known."""
        return f"<{type(self).__name__} {self._wire}>"

    async def find_api_url(self) -> str:
        """Return the API root, `https://hub.example.org/hub/api`; the first call discovers it."""
        return await self._wire.find_api_url()

    async def find_url(self) -> str:
        """Return the root of the hub's site, with a closing slash."""
        return await self._wire.find_url()

    async def run(
        self,
        operation: Operation[T],
        emit: Callable[[Any], object] = lambda event: None,
        *,
        ask: Prompter | None = None,
    ) -> T:
        """Run a request or a flow of your own, and return its answer. Events that it emits go to `emit`.

        `ask` answers the flow's questions to the user (`jhub.steps.Ask`), in a thread.
        """
        return await self._wire.run(operation, emit, ask)

    def events(self, operation: Operation[Any], *, ask: Prompter | None = None) -> AsyncGenerator[Any, None]:
        """Run a flow of your own, and iterate over the events that it emits. `ask` is as for `run`."""
        return self._wire.events(operation, ask)

    def fleet(self, operation: Operation[T]) -> AsyncFleet[Any, T]:
        """Run a flow that runs others concurrently: `async with hub.fleet(operation) as fleet: …`."""
        return self._wire.fleet(operation)

    def singleuser(self, user: str | None = None, name: str = "") -> AsyncSingleUser:
        """Return a user's server, to work in: files, and its status.

        No request is sent. `user` None is the owner of the token in use, and `name` "" the default server.
        """
        return AsyncSingleUser(self._wire, Handle(user, name))

    async def preview(self, call: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Preview:
        """Return the requests with which a call would change the hub, without sending them, as `Hub.preview` does."""
        return await self._wire.run(preview(call, *args, **kwargs))

    async def preview_many(self, calls: Iterable[Callable[[], object]]) -> Preview:
        """Return the requests of several calls, without sending them, as `Hub.preview_many` does."""
        return await self._wire.run(preview_many(calls))

    async def aclose(self) -> None:
        """Close the connections."""
        await self._wire.aclose()

    async def __aenter__(self) -> Self:
        """Return the client."""
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Close the connections."""
        await self.aclose()
