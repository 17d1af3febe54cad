"""Access to one user's server: its address, and a token that opens nothing else."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from datetime import datetime
from functools import partial
from hashlib import sha256
from typing import Any, Protocol, TypeVar

from jhub.errors import (
    HubBroken,
    HubError,
    InvalidScope,
    MissingScope,
    NotAHub,
    NotAuthorized,
    NotFound,
    NotStarted,
    Redirected,
    Unavailable,
    is_outage,
)
from jhub.interpreter import alongside, with_clean_up
from jhub.models import Identity, Server, Token, User, as_utc, target
from jhub.operations.hub import caller_request, read_caller
from jhub.operations.server_names import server_label
from jhub.operations.server_pending import state_text
from jhub.operations.server_status import read_owner, read_server
from jhub.operations.tokens import TokenOps
from jhub.singleuser.refusals import refusal
from jhub.steps import (
    Answer,
    Flow,
    Interrupted,
    Now,
    OpenSocket,
    Operation,
    Request,
    Sleep,
    Socket,
    decode_nothing,
)

T = TypeVar("T")

TOKEN_SECONDS = 600
"""Lifetime of the token for one server, in seconds."""
RENEW_SECONDS = 180.0
"""Remaining seconds at which the token is replaced."""
POSTPONE_SECONDS = 15.0
"""Seconds until a renewal that failed is tried again, while the token is valid."""
OPENING_SECONDS = 0.1
"""Pause in seconds before the next look at whether another job has made the token."""
NO_ACTIVITY = (("no_track_activity", "1"),)
"""Query with which a request does not count as activity, so that an idle server stays idle."""
NOT_READ_ONLY = "it cannot be read-only: it also lets its holder run code as the server's owner"
"""Warning to administrators who grant access to a server."""


class _Caller(Identity, frozen=True, kw_only=True):
    """The owner of the token in use, with the servers that run."""

    servers: dict[str, Server] | None = None


class ServerAccess:
    """Access to one user's server.

    The first request reads the server's address and makes a token for this server alone. Long work replaces the token
    before it ends. `close` revokes all of them; a server accepts a token for up to five minutes longer, which its
    answer from the hub is kept for.

    Parameters
    ----------
    user
        The owner of the server; None for the owner of the token in use.
    name
        The server's name; "" for the default server.
    """

    def __init__(self, user: str | None, name: str) -> None:
        self._user = user
        self._name = name
        self._url = ""
        self._token = ""
        self.renew_at = 0.0
        """Time of `Now` from which `prepare` renews the token; 0 before the first token."""
        self._expires = 0.0
        self.created_at: datetime | None = None
        """The time by the hub's clock at which the token in use was made."""
        self.ends_at: datetime | None = None
        """The end of the token in use, by the hub's clock."""
        self._opening = False
        self._made: list[tuple[str, str]] = []
        """The owner and the id of each token."""

    def __repr__(self) -> str:
        """Return the server's name."""
        return f"<{type(self).__name__} to {target(self._user or 'my', self._name)}>"

    def request(
        self,
        method: str,
        path: str,
        decode: Callable[[Answer], T],
        *,
        about: str = "",
        query: tuple[tuple[str, str], ...] = (),
        body: object = None,
        headers: tuple[tuple[str, str], ...] = (),
        repeatable: bool | None = None,
        gone_is_done: bool = False,
        accept: str = "application/json",
    ) -> Flow[T]:
        """Send a request to the server, and return its decoded answer. `path` is relative to the server's address."""
        yield from self.prepare()
        request = self.bare_request(
            method,
            path,
            decode,
            about=about,
            query=query,
            body=body,
            headers=headers,
            repeatable=repeatable,
            gone_is_done=gone_is_done,
            accept=accept,
        )
        return (yield from self.send(request))

    def bare_request(
        self, method: str, path: str, decode: Callable[[Answer], T], *, about: str = "", **options: Any
    ) -> Request[T]:
        """Return a request to the server, after `prepare`."""
        about = f"{self.label}: {about}" if about else self.label
        url = self._url + path
        return Request(method, url, decode, root="site", token=self._token, refusal=refusal, about=about, **options)

    def open_socket(self, path: str, *, about: str = "", subprotocols: tuple[str, ...] = ()) -> Flow[Socket]:
        """Open a websocket to the server. `path` is relative to the server's address."""
        yield from self.prepare()
        return (
            yield from self.send(OpenSocket(self.bare_request("GET", path, decode_nothing, about=about), subprotocols))
        )

    def send(self, operation: Operation[T]) -> Flow[T]:
        """Send a request or a handshake to the server, and return its answer."""
        try:
            return (yield from operation)
        except (Redirected, NotAuthorized) as error:
            # The proxy sends what is meant for a stopped server to the hub, which redirects, or refuses a change.
            raise (yield from self._refused(error)) from None

    @property
    def tag(self) -> str:
        """A short name for what is made in the server with the token in use. It does not tell the token."""
        return sha256(self._token.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """The beginning of messages about the server."""
        return server_label(self._user or "", self._name)

    def close(self) -> Flow[None]:
        """Revoke the tokens. They end by themselves where the hub does not answer."""
        self._token = ""
        while self._made:
            owner, token_id = self._made.pop()
            try:
                yield from TokenOps.revoke(owner, token_id, missing_ok=True)
            except HubError:
                continue
            except Interrupted:
                self._made.append((owner, token_id))
                yield from self.close()
                raise

    def prepare(self) -> Flow[None]:
        """Make sure that there is an address, and a token that does not end soon. Concurrent jobs make one token."""
        while self._opening:
            yield Sleep(OPENING_SECONDS)
        if self._token and (yield from Now()) < self.renew_at:
            return
        self._opening = True
        try:
            yield from self._renew()
        except (Unavailable, NotAHub, HubBroken) as error:
            # While the hub is restarted, the old token goes on to open the server.
            soon = (yield from Now()) + POSTPONE_SECONDS
            if not (is_outage(error) or isinstance(error, HubBroken)) or not self._token or soon > self._expires:
                raise
            self.renew_at = soon
        finally:
            self._opening = False

    def _renew(self) -> Flow[None]:
        caller, owner = yield from self._read_users()
        self._user = self._user or caller.name
        if not self._url:
            server = owner.servers.get(self._name) if owner.servers else None
            server = server or (yield from self._read())
            if not server.ready:
                raise _stopped(self.label, server)
            self._url = server.url
        # A service has no tokens of its own: the server's owner gets the token.
        holder = caller.name if caller.kind == "user" else self._user
        token = yield from self._make_token(holder)
        self._made.append((holder, token.id))
        self._token = token.token or ""
        self.created_at, self.ends_at = (as_utc(at) if at else None for at in (token.created, token.expires_at))
        self._expires = (yield from Now()) + TOKEN_SECONDS
        self.renew_at = self._expires - RENEW_SECONDS

    def _read_users(self) -> Flow[tuple[_Caller, _Caller | User]]:
        """Return the owner of the token in use, and the owner of the server, in the time of one request."""
        if self._url or self._user is None:
            caller = yield from read_caller(_Caller)
            return caller, caller
        try:
            first, owner = yield from alongside(caller_request(_Caller), read_owner(self._user))
        except NotFound:
            yield from self._read()  # which says what to do
            raise
        if isinstance(first, HubError):
            first = yield from read_caller(_Caller)
        return first, owner

    def _read(self) -> Flow[Server]:
        try:
            return (yield from read_server(self._user or "", self._name))
        except NotFound as error:
            # Not a `NotFound`: for a job, that is a file that does not exist.
            hint = f"start it with: jhub server start {target(self._user or '', self._name)}"
            raise NotStarted(str(error), hint=error.hint or hint) from None

    def _make_token(self, owner: str) -> Flow[Token]:
        scope = f"access:servers!server={self._user}/{self._name}"
        note = f"jhub: work in {target(self._user or '', self._name)}"
        try:
            return (yield from TokenOps.create(owner, note=note, expires_in=TOKEN_SECONDS, scopes=[scope]))
        except InvalidScope as error:
            raise _missing(f"{owner} lacks the scope {scope}", (scope,), self.label, error) from None
        except NotAuthorized as error:
            needed = f"tokens!user={owner}"
            raise _missing(f"the token in use lacks the scope {needed}", (needed,), self.label, error) from None

    def _refused(self, error: HubError) -> Flow[HubError]:
        """Return the error for a server that runs no more, or else does not accept the token."""
        server = yield from self._read()
        if not server.ready:
            return _stopped(self.label, server)
        if isinstance(error, NotAuthorized):
            return error
        return NotAuthorized("the server does not accept the token", about=self.label, status=403)


class Closable(Protocol):
    """A thing in the server that ends with a `with` block."""

    def close(self) -> Flow[None]:
        """End it."""
        ...


class Handle:
    """A server that a namespace works in. Each job makes a token of its own, except in a `with` block."""

    def __init__(self, user: str | None, name: str) -> None:
        self._user = user
        self._name = name
        self._kept: ServerAccess | None = None
        self.kernels: dict[Hashable, Closable] = {}
        """The kernels of a `with` block."""
        self.started = 0
        """Number of kernels that were started."""

    def __str__(self) -> str:
        """Return the server's name."""
        return target(self._user or "my", self._name)

    def run(self, job: Callable[[ServerAccess], Flow[T]]) -> Flow[T]:
        """Run a job in the server."""
        access = self._kept or ServerAccess(self._user, self._name)
        close = partial(self._close_unless_kept, access)
        result = yield from with_clean_up(partial(job, access), close)
        yield from close()
        return result

    def _close_unless_kept(self, access: ServerAccess) -> Flow[None]:
        # A job that outlives its `with` block may have made another token.
        if access is not self._kept:
            yield from access.close()

    def keep(self) -> None:
        """Use one token for all jobs from now on."""
        self._kept = self._kept or ServerAccess(self._user, self._name)

    def release(self) -> Flow[None]:
        """Revoke that token."""
        access, self._kept = self._kept, None
        if access is None:
            return
        try:
            while self.kernels:
                _, kernel = self.kernels.popitem()
                yield from kernel.close()
        finally:
            yield from access.close()

    @property
    def has_block(self) -> bool:
        """True in a `with` block."""
        return self._kept is not None

    def is_kept(self, access: ServerAccess) -> bool:
        """Return whether an access is that of a `with` block."""
        return access is self._kept


def _stopped(label: str, server: Server) -> NotStarted:
    return NotStarted(f"{label}: {state_text(server)}", hint=f"start it with: jhub server start {server.target}")


def _missing(text: str, scopes: tuple[str, ...], label: str, error: Any) -> MissingScope:
    missing = MissingScope(text, scopes, about=label, method=error.method, path=error.path)
    missing.hint += f"; work in a server needs access to it, and {NOT_READ_ONLY}"
    return missing
