"""`Hub`: the public face of the synchronous client."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

import httpx2

from jhub.binding import Bound, Namespace
from jhub.client.certificates import Cert, Verify, files_to_save, with_defaults
from jhub.client.network import DEFAULT_TIMEOUTS, Network, Timeouts
from jhub.client.sync_driver import Driver
from jhub.client.wire import Prompter, connection_of
from jhub.handles import Fleet
from jhub.login import LoginMethod
from jhub.operations.hub import HubOps
from jhub.operations.tokens import TOKEN_LIFE
from jhub.preview import Preview, preview, preview_many
from jhub.singleuser.access import Handle
from jhub.singleuser.server import SingleUser
from jhub.steps import Operation

if TYPE_CHECKING:
    from jhub.bulk.groups import Groups
    from jhub.bulk.tokens import Tokens
    from jhub.bulk.users import Users
    from jhub.fleet.servers import Servers
    from jhub.operations.profiles import Profiles
    from jhub.operations.proxy import Proxy
    from jhub.operations.services import Services
    from jhub.operations.shares import ShareCodes, Shares
    from jhub.state.operations import State


P = ParamSpec("P")
T = TypeVar("T")


class Hub(HubOps, Bound):
    """A synchronous client of a JupyterHub.

    Parameters
    ----------
    url
        Any address of the hub: its API root, `https://hub.example.org`, `…/hub/home`, `…/user/ana/lab`, with or
        without a base path. None: `JUPYTERHUB_API_URL`, with the token `JUPYTERHUB_API_TOKEN`, as inside a server or
        service of the hub; if neither is set, the context that `JHUB_CONTEXT` names, else the current one, as after
        `jhub login`.
    token
        An API token. Without one, only `version` and signing in work.
    timeout
        Seconds without data after which a call fails, or `Timeouts` for more detail.
    verify
        The certificates to trust: True for those of this machine, or of `SSL_CERT_FILE`; the path of a CA file or
        folder; an `ssl.SSLContext`; False for any certificate, which is for testing only and warns.
    cert
        The client certificate to present: the path of a PEM file with certificate and key, or a pair of paths. None:
        that of the context, if the hub is from one, and `JUPYTERHUB_SSL_CERTFILE` with `JUPYTERHUB_SSL_KEYFILE` for the
        hub in `JUPYTERHUB_API_URL`; then `JUPYTERHUB_SSL_CLIENT_CA` is trusted too (`internal_ssl`).
    proxy
        The URL of a proxy. None: the proxy in `HTTPS_PROXY`, `HTTP_PROXY` or `ALL_PROXY`, except for hosts in
        `NO_PROXY`.
    transport
        A transport of the HTTP library, for tests.
    """

    _wire: Driver

    users: Namespace[Users] = Namespace("jhub.bulk.users", "Users")
    groups: Namespace[Groups] = Namespace("jhub.bulk.groups", "Groups")
    servers: Namespace[Servers] = Namespace("jhub.fleet.servers", "Servers")
    profiles: Namespace[Profiles] = Namespace("jhub.operations.profiles", "Profiles")
    tokens: Namespace[Tokens] = Namespace("jhub.bulk.tokens", "Tokens")
    shares: Namespace[Shares] = Namespace("jhub.operations.shares", "Shares")
    share_codes: Namespace[ShareCodes] = Namespace("jhub.operations.shares", "ShareCodes")
    services: Namespace[Services] = Namespace("jhub.operations.services", "Services")
    state: Namespace[State] = Namespace("jhub.state.operations", "State")
    proxy: Namespace[Proxy] = Namespace("jhub.operations.proxy", "Proxy")

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout: float | Timeouts = DEFAULT_TIMEOUTS,
        verify: Verify = True,
        cert: Cert | None = None,
        proxy: str | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        super().__init__(Driver(url, token, Network.of(timeout, verify, cert, proxy, transport)))

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
        """Connect to the hub of a context, as saved by `jhub login`; warns if its token expires soon.

        Parameters
        ----------
        name
            The context; `jhub context list` lists them. None: the one that `JHUB_CONTEXT` names, else the current one.
        timeout, verify, cert, proxy
            As for `Hub`. The CA file and the client certificate are those of the context unless you name others.

        Raises
        ------
        InvalidInput
            There is no such context, or its token, its CA file or its client certificate cannot be read.
        """
        connection = connection_of(name)
        verify, cert = with_defaults(verify, cert, connection.verify, connection.cert)
        hub = cls(connection.url, connection.token, timeout=timeout, verify=verify, cert=cert, proxy=proxy)
        hub._wire.user = connection.user
        return hub

    @classmethod
    def login(
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
        """Sign in to the hub, and return a client with a token that expires. `logout` revokes the token.

        `POST /users/{username}/tokens` at the end (JupyterHub 2.0), no token needed.

        Parameters
        ----------
        url
            Any address of the hub, as for `Hub`.
        username, password, second_factor
            Credentials; `ask` supplies any that are missing and needed.
        method
            "form": the hub's login form. "password": one call of the REST API, which refuses users who never signed in
            before. "browser": the hub's page in the browser, with any single sign-on. "paste": a token that you create
            on the hub's token page. None: the form if the hub has one, else the browser, else the token page.
        note
            The text on the hub's token page; names this machine by default.
        expires_in
            Lifetime in seconds. If the hub's maximum is below the default, the maximum applies. None: the hub's own
            default; on most hubs such a token never expires.
        scopes
            Scopes of the token, if fewer than the user has (JupyterHub 3.0).
        ask
            A function that answers one question of `jhub.login` at a time. None: ask at the terminal or notebook.
        context
            Save the token as this context, as `jhub login` does, make that the current one, and revoke the token that
            it had; warns if that one stays valid. The paths of `verify` and `cert` are saved with it, and are used for
            the next sign-in to the hub too. None: nothing is saved.
        timeout, verify, cert, proxy
            As for `Hub`.

        Raises
        ------
        NotAuthorized
            The hub refuses the sign-in.
        InvalidInput
            A prompt is needed, and there is no terminal or notebook to show it.
        WaitTimeout
            The browser's redirect did not arrive in time.
        """
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
                    api_url=hub.api_url,
                    username=username,
                    password=password,
                    second_factor=second_factor,
                    note=note or "",
                    expires_in=expires_in,
                    scopes=scopes,
                )
                result, notes = hub.run(
                    sign_in_and_save(request, method, context, files_to_save(verify, cert)), ask=ask or console
                )
            for text in notes:
                warnings.warn(text, UserWarning, stacklevel=2)
            hub._wire.set_token(result.token, result.who.name)
        except BaseException:
            hub.close()
            raise
        return hub

    def __repr__(self) -> str:
        """Return the hub's address, and the user if known."""
        return f"<{type(self).__name__} {self._wire}>"

    @property
    def api_url(self) -> str:
        """The API root, `https://hub.example.org/hub/api`; the first access discovers it."""
        return self._wire.api_url

    @property
    def url(self) -> str:
        """The root of the hub's site, with a closing slash."""
        return self._wire.url

    def run(self, operation: Operation[T], *, ask: Prompter | None = None) -> T:
        """Run a request or a flow of your own, and return its answer. Events that it emits are dropped.

        `ask` answers the flow's questions to the user (`jhub.steps.Ask`).
        """
        return self._wire.run(operation, ask)

    def events(self, operation: Operation[T], *, ask: Prompter | None = None) -> Generator[Any, None, T]:
        """Run a flow of your own, and iterate over the events that it emits. `ask` is as for `run`."""
        return self._wire.events(operation, ask)

    def fleet(self, operation: Operation[T]) -> Fleet[Any, T]:
        """Run a flow that runs others concurrently: `with hub.fleet(…) as fleet: for event in fleet: …`."""
        return self._wire.fleet(operation)

    def singleuser(self, user: str | None = None, name: str = "") -> SingleUser:
        """Return a user's server, to work in: files, and its status.

        No request is sent. `user` None is the owner of the token in use, and `name` "" the default server.
        """
        return SingleUser(self._wire, Handle(user, name))

    def preview(self, call: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> Preview:
        """Return the requests with which a call would change the hub, without sending them.

            hub.preview(hub.groups.add_users, "geo", ["ana", "bo"])

        Reads are sent: those of the call itself, `GET /user` for the scopes of the token, and those that show whether
        the hub would accept a change. Requests that depend on the answer to a change are left out: see
        `Preview.complete`. What the token cannot read is in `Preview.unknown`.

        Parameters
        ----------
        call
            A method of this hub such as `hub.groups.add_users`, or a function that returns a flow.
        args, kwargs
            Its arguments.

        Raises the error with which the call would fail, if it would change nothing before. Later errors are in
        `Preview.failed`.
        """
        return self._wire.run(preview(call, *args, **kwargs))

    def preview_many(self, calls: Iterable[Callable[[], object]]) -> Preview:
        """Return the requests of several calls, without sending them, as one preview.

            hub.preview_many(partial(hub.groups.delete, name) for name in ["geo", "bio"])

        The errors of calls that would fail are in `failed` of the preview. What several calls need is read once.

        Parameters
        ----------
        calls
            As for `preview`, with their arguments. A call on many objects, such as `hub.servers.start_many`, is not
            one of several: preview it by itself.
        """
        return self._wire.run(preview_many(calls))

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close the connections."""
        self.close()
