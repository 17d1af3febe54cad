"""`FakeHub`: a JupyterHub in memory, for tests of programs that use `Hub` or `AsyncHub`."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import msgspec

from jhub.errors import HubError, InvalidInput, Unavailable
from jhub.steps import Answer, Listen, Request
from jhub.testing.fake_call import PAGED, Call, FakeReply, Refused
from jhub.testing.fake_objects import FakeGroup, FakeServer, FakeState, FakeUser
from jhub.testing.fake_routes import answer
from jhub.testing.virtual_clock import Events, refusal

if TYPE_CHECKING:
    import httpx2

API_URL = "https://fake.example.org{base_url}hub/api"
FIRST_MOMENT = datetime(2026, 1, 1, 12, tzinfo=UTC)
"""The time on a fake hub's clock, which stands still until a test changes it."""
GATEWAY_STATUSES = {502, 503, 504}
"""Statuses of a proxy in front of the hub."""


@dataclass(slots=True)
class _Failure:
    """A failure of the next requests that match a pattern."""

    pattern: str
    times: int
    answer: Answer | None
    """The error answer; None: no answer arrives."""
    carried_out: bool = False


class FakeHub:
    """A JupyterHub in memory.

        fake = FakeHub(users=["ana"], groups={"geo": ["ana", "bo"]})
        hub = Hub(fake.api_url, fake.token, transport=fake.transport)

    It has users, groups, tokens, and servers that start, stop and fail, and answers as JupyterHub 6.1 without
    jhub.extension. It opens no socket, starts no thread and reads no clock. A token has all rights of its owner,
    whatever its scopes. Requests for anything else, such as shares, raise `NotImplementedError`.

    Parameters
    ----------
    users
        The names of users.
    groups
        The members of each group.
    properties
        The properties of groups.
    servers
        Servers that are ready: "ana" is the default server of ana, and "ana/lab" a named one. Members of groups and
        owners of servers need not be in `users`.
    admin
        The name of the administrator, to whom `token` belongs.
    pending_reads
        The number of reads of a server during which its start or stop is pending. 0: it ends with the request.
    base_url
        The path of the hub, with slashes at both ends.
    """

    def __init__(
        self,
        users: Iterable[str] = (),
        *,
        groups: Mapping[str, Iterable[str]] | None = None,
        properties: Mapping[str, Mapping[str, Any]] | None = None,
        servers: Iterable[str] = (),
        admin: str = "admin",
        pending_reads: int = 0,
        base_url: str = "/",
    ) -> None:
        self._state = state = FakeState(base_url, FIRST_MOMENT, pending_reads)
        self._failures: list[_Failure] = []
        self._lock = threading.Lock()
        self._transport: httpx2.MockTransport | None = None
        self._admin = state.add_user(admin, admin=True)
        self.api_url = API_URL.format(base_url=base_url)
        """The address to pass to `Hub` or `AsyncHub`."""
        self.token = state.add_token(self._admin, "administrator").secret
        """A token of the administrator."""
        self.calls: list[str] = []
        """The requests so far, such as "POST /users/ana/servers/lab"."""
        for name in users:
            state.add_user(name)
        for name, members in (groups or {}).items():
            names = list(dict.fromkeys(state.add_user(member).name for member in members))
            state.groups[name] = FakeGroup(name, names, dict((properties or {}).get(name, {})))
        if unknown := (properties or {}).keys() - state.groups.keys():
            raise InvalidInput(f"properties of groups that do not exist: {', '.join(sorted(unknown))}")
        for target in servers:
            owner, _, name = target.partition("/")
            server = state.add_user(owner).servers.setdefault(name, FakeServer(name, name))
            server.options = {}
            server.start(state.now, 0, None)
            server.finish(state.now)

    def __repr__(self) -> str:
        """Return the numbers of users and groups."""
        return f"<FakeHub with {len(self._state.users)} users and {len(self._state.groups)} groups>"

    @property
    def time(self) -> datetime:
        """The time on the hub's clock, which stands still until you change it."""
        return self._state.now

    @time.setter
    def time(self, time: datetime) -> None:
        """Change the time."""
        self._state.now = time

    @property
    def transport(self) -> httpx2.MockTransport:
        """The transport to pass to `Hub` or `AsyncHub`."""
        if self._transport is None:
            import httpx2  # not needed by `play`

            self._transport = httpx2.MockTransport(self._respond)
        return self._transport

    def token_of(self, user: str) -> str:
        """Create a token for a user, and return its secret."""
        return self._state.add_token(self._existing(user), "created by a test").secret

    def fail(self, call: str, status: int, message: str | None = None, *, times: int = 1) -> None:
        """Answer the next requests with an error, without carrying them out.

        502, 503 and 504 are the answers of a proxy that does not reach the hub.

        Parameters
        ----------
        call
            The requests: "POST /users/ana/server", in which `*` stands for any text.
        status, message
            The error.
        times
            The number of requests.
        """
        error = Answer(status, {"content-type": "text/html"}, b"<html>") if status in GATEWAY_STATUSES else None
        self._failures.append(_Failure(call, times, error or refusal(status, message)))

    def throttle(self, call: str, *, retry_after: float, times: int = 1) -> None:
        """Answer the next requests with 429 and `Retry-After`, in seconds. `call` and `times` are as for `fail`."""
        headers = {"retry-after": f"{retry_after:g}"}
        throttled = refusal(429, "Too many servers are starting. Try again later.", headers=headers)
        self._failures.append(_Failure(call, times, throttled))

    def time_out(self, call: str, *, times: int = 1, carried_out: bool = False) -> None:
        """Let the next requests time out. `call` and `times` are as for `fail`.

        With `carried_out` the hub carries them out, and only its answer is lost.
        """
        self._failures.append(_Failure(call, times, None, carried_out))

    def fail_start(self, user: str, server: str = "", *, reason: str) -> None:
        """Let the next start of a server fail with this reason."""
        self._state.failing_starts[self._existing(user).name, server] = reason

    def __call__(self, step: Request[Any] | Listen[Any]) -> FakeReply | HubError:
        """Return the reply to a step of a flow, sent by the administrator: `play(flow, fake)`."""
        query, body, paged, method = dict[str, str](), None, False, "GET"
        if isinstance(step, Request):
            method, query, paged = step.method, dict(step.query), step.accept == PAGED
            body = None if step.body is None else msgspec.json.decode(msgspec.json.encode(step.body))
        call = Call(self._state, self._admin, None, query, body, paged)
        found = self._answer(method, step.path, lambda: call)
        return Unavailable("the hub did not answer in time") if found is None else found

    def _existing(self, user: str) -> FakeUser:
        if user not in self._state.users:
            raise InvalidInput(f"the fake hub has no user {user!r}", hint=f"create it: FakeHub(users=[{user!r}])")
        return self._state.users[user]

    def _answer(self, method: str, path: str, call: Callable[[], Call]) -> FakeReply | None:
        """Return the answer to a request, with the hub's time; None if it times out."""
        with self._lock:  # the fleets of `Hub` send their requests from another thread
            found = self._carry_out(method, path, call)
        if isinstance(found, Answer):
            date = format_datetime(self.time.astimezone(UTC), usegmt=True)
            return replace(found, headers={"date": date, **found.headers})
        return found

    def _carry_out(self, method: str, path: str, call: Callable[[], Call]) -> FakeReply | None:
        self.calls.append(request := f"{method} {path}")
        failure = next((each for each in self._failures if each.times and fnmatchcase(request, each.pattern)), None)
        if failure is not None:
            failure.times -= 1
            if not failure.carried_out:
                return failure.answer
        try:
            found = answer(call(), method, path)
        except Refused as error:
            found = refusal(error.status, error.message)
        return found if failure is None else None

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        """Return the response to a request of the HTTP library."""
        import httpx2

        path = request.url.raw_path.decode().partition("?")[0]
        root = f"{self._state.base_url}hub/api"
        if not path.startswith(f"{root}/") and path != root:
            raise NotImplementedError(f"FakeHub does not have {request.method} {path}: use a local hub")
        path = path.removeprefix(root) or "/"
        found = self._answer(request.method, path, lambda: self._call(request, path))
        if found is None:
            raise httpx2.ReadTimeout("the fake hub does not answer", request=request)
        if isinstance(found, Events):
            content = "".join(f"data: {data}\n\n" for data in found.data)
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)
        return httpx2.Response(found.status, headers=dict(found.headers), content=found.content)

    def _call(self, request: httpx2.Request, path: str) -> Call:
        """Return a request of the HTTP library with the owner of its token."""
        state = self._state
        query = dict(parse_qsl(request.url.query.decode()))
        body = msgspec.json.decode(request.content) if request.content else None
        call = Call(state, self._admin, None, query, body, request.headers.get("accept") == PAGED)
        if path == "/":
            return call
        state.remove_expired_tokens()
        secret = request.headers.get("authorization", "").removeprefix("token ")
        call.token = next((token for token in state.tokens if token.secret == secret), None)
        if call.token is None:
            raise Refused(403, None if path == "/user" else "Missing or invalid credentials.")
        call.user = call.token.user
        call.token.last_activity = call.user.last_activity = state.now
        return call
