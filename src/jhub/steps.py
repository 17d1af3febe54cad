"""Steps of a flow: REST requests, progress streams, websockets, pauses, events and forks, as frozen values.

A *flow* is a generator that yields steps and receives their answers. A *driver* (`jhub.client`, `jhub.testing.play`)
carries the steps out. Steps have no clock, no randomness, no input and no output. When a step fails, its error, one of
`jhub.errors`, is raised inside the flow.

`yield from request` retries a request that is safe to repeat; `jhub.retry` has the rule. `yield from
request.once()` makes one attempt. No flow yields a bare request.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import quote, unquote, urlencode

import msgspec

from jhub.errors import HubError, InvalidInput, MissingScope, NotAHub, NotFound, Redirected, Throttled, Unavailable
from jhub.masking import mask
from jhub.messages import GATEWAY_STATUSES, from_answer
from jhub.models import resolve_urls
from jhub.object_path import CHECK_REASON, DECODING_PROXY, check_name, named_objects
from jhub.object_path import CONTROL_CATEGORIES as CONTROL_CATEGORIES
from jhub.object_path import segment as segment
from jhub.retry import IDEMPOTENT_METHODS, Retries

__all__ = [
    "Answer",
    "Ask",
    "Cancel",
    "CloseSocket",
    "Done",
    "Emit",
    "Flow",
    "Fork",
    "HubVersion",
    "Interrupted",
    "Listen",
    "Next",
    "Now",
    "OpenSocket",
    "Operation",
    "ReceiveFrame",
    "Request",
    "SendFrame",
    "Sleep",
    "Socket",
    "SocketClosed",
    "Step",
    "call",
    "segment",
    "send",
]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


Refusal: TypeAlias = Callable[[str, str, int, Mapping[str, str], bytes, str], HubError]
"""A function of a request's method and path, of its answer's status, headers and content, and of `about`."""


class Interrupted(BaseException):
    """The exception in a flow whose driver was interrupted.

    The flow may yield steps to clean up, and must then let the exception pass.
    """


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw HTTP answer.

    Header names are lower-case. The value of `set-cookie` has one cookie per line.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    content: bytes = field(default=b"", repr=False)  # may hold a token
    site: str = ""
    """The hub's origin, which makes the URLs in the result absolute. Empty: they stay paths."""
    url: str = ""
    """The root of the hub's site, with a closing slash. Empty while it is not known."""


class _Named(msgspec.Struct):
    """An object of which only the name counts."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One REST call, and the function that decodes its answer.

    Parameters
    ----------
    path
        The quoted path below the API root (`{base}/hub/api`).
    decode
        The function that turns a successful answer into the result.
    about
        The object of the call ("user ana"). Error messages begin with it.
    root
        "api": `path` is below the API root. "site": it is a path of the hub's site, such as `Server.url`, or a full
        URL of the same origin.
    anonymous
        Send no token.
    form
        Send the body, a mapping of strings, as a form instead of JSON.
    repeatable
        True if the request is idempotent and so can be retried. None: the method decides.
    gone_is_done
        Treat a 404 as success after an attempt whose answer was lost: that attempt may have deleted the object.
    headers
        Additional headers, sent to the hub's own origin only.
    page
        Pass every answer of the hub to `decode`, including redirects and errors: the answer is an HTML page.
    raw
        The path is the caller's own: send it without a check of the names in it.
    name_check
        The request checks that the path reaches the object that it names. A client sends it once for each object.
    token
        The token of one user's server, which `path` reaches by its full URL. It is sent instead of the client's own.
    refusal
        The function that returns the error for an answer with an error status: `jhub.messages.from_answer`, for a hub.
    """

    method: str
    path: str
    decode: Callable[[Answer], T]
    _: KW_ONLY
    query: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # may hold a code
    body: object = field(default=None, repr=False)  # may hold a password
    about: str = ""
    accept: str = "application/json"
    root: Literal["api", "site"] = "api"
    anonymous: bool = False
    form: bool = False
    repeatable: bool | None = None
    gone_is_done: bool = False
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)  # may hold cookies
    page: bool = False
    raw: bool = False
    name_check: bool = False
    token: str = field(default="", repr=False)
    refusal: Refusal = field(default=from_answer, repr=False)

    def __str__(self) -> str:
        """Return the request on one line, without its secrets."""
        query = f"?{urlencode([(key, mask(value, key)) for key, value in self.query])}" if self.query else ""
        body = "" if self.body is None else f" {msgspec.json.encode(mask(msgspec.to_builtins(self.body))).decode()}"
        return f"{self.method} {self.path}{query}{body}"

    def read(self, answer: Answer) -> T:
        """Return the decoded result of an answer, or raise the `HubError` that the answer means."""
        if self.page and answer.status not in GATEWAY_STATUSES:
            return self.decode(answer)
        if 200 <= answer.status < 300:
            if self.root == "api" and _content_type(answer) == "text/html":
                # This is usually the login page of a gateway: the API has no HTML pages.
                raise _not_json(self.about, answer)
            result = _with_absolute_urls(self.decode(answer), answer.site)
            if self.method == "GET" and self.root == "api" and not self.raw:
                check_name(self.path, getattr(result, "name", None))
            return result
        if answer.status < 400:
            raise Redirected(answer.headers.get("location", ""))
        if self.method == "GET" and answer.status == 405:
            check_name(self.path, None)  # every object can be read
        raise self.refusal(self.method, self.path, answer.status, answer.headers, answer.content, self.about)

    def __iter__(self) -> Generator[Step, Any, T]:
        """Send the request, and retry it when that is safe: see `jhub.retry`.

        Before a change to an object with a slash or the like in its name, check that no proxy decodes the path.
        """
        yield from self._check_names()
        retries = Retries(self.method in IDEMPOTENT_METHODS if self.repeatable is None else self.repeatable)
        while True:
            try:
                answer: T = yield self
                return answer
            except (Unavailable, Throttled) as error:
                pause = Sleep(*retries.pause_after(error))
            except NotFound as error:
                if not (retries.may_have_arrived and self.gone_is_done):
                    yield from self._explain(error)
                    raise
                return self.decode(Answer(204))
            yield pause

    def once(self) -> Generator[Step, Any, T]:
        """Send the request once, without retries."""
        yield from self._check_names()
        try:
            answer: T = yield self
        except NotFound as error:
            yield from self._explain(error)
            raise
        return answer

    def _explain(self, error: NotFound) -> Generator[Step, Any, None]:
        """Add a hint to a "not found": the user exists in lower case, or a proxy may have changed the path."""
        if error.hint or self.root != "api" or self.raw:
            return
        name = yield from self._user_in_lower_case()
        if name:
            error.hint = f"the hub has a user {name!r}: it writes names in lower case"
        elif any(named_objects(self.path)):
            error.hint = f"{self._named_server()}or {DECODING_PROXY}"

    def _named_server(self) -> str:
        """Return how a named server is written, if its user and name may have been passed as the name of a user."""
        match = re.match("/users/([^/]+)", self.path)
        user, _, name = unquote(match[1]).partition("/") if match else ("", "", "")
        return f"the server {name!r} of {user!r} is two arguments, ({user!r}, {name!r}); " if user and name else ""

    def _user_in_lower_case(self) -> Generator[Step, Any, str]:
        """Return the user's name in lower case, in which most authenticators write names, if the hub has that user."""
        match = re.match("/users/([^/]+)", self.path)
        name = unquote(match[1]) if match else ""
        lower = name.lower()
        if name == lower:
            return ""
        try:
            found: _Named = yield Request(
                "GET", f"/users/{quote(lower, safe='@~')}", _decode_name, headers=self.headers
            )
        except HubError:
            return ""
        return lower if found.name == lower else ""

    def _check_names(self) -> Generator[Step, Any, None]:
        if self.method == "GET" or self.root != "api" or self.anonymous or self.raw:
            return
        for path, name in named_objects(self.path):
            noun = path.split("/")[1].removesuffix("s")
            check = Request("GET", path, _decode_name, about=f"{noun} {name}", headers=self.headers, name_check=True)
            try:
                yield from check
            except MissingScope as error:
                error.hint += f"; before a change, jhub reads an object with a name such as {name!r}: {CHECK_REASON}"
                raise


@dataclass(frozen=True, slots=True)
class Listen(Generic[T]):
    """A stream of server-sent events, read until `last` is true for an event; the answer is that event.

    The answer is None if the stream ends first, or after `timeout` seconds. `read` decodes the data of an event.
    `event` maps each event to the value that is emitted; None emits nothing.
    """

    path: str
    read: Callable[[str], T]
    last: Callable[[T], bool]
    timeout: float
    event: Callable[[T], object] = lambda event: event
    about: str = ""

    def take(self, data: str, site: str = "") -> T:
        """Return one decoded event.

        Raises
        ------
        NotAHub
            The data is not what JupyterHub sends.
        """
        try:
            return _with_absolute_urls(self.read(data), site)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise NotAHub(f"{self.about}: the progress stream is not valid: {error}") from error

    def __iter__(self) -> Generator[Step, Any, T | None]:
        """Yield the step, and return its answer."""
        answer: T | None = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Socket:
    """An open websocket of a driver."""

    number: int
    subprotocol: str | None = None
    """The subprotocol that the server chose; None for none."""


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """The end of a websocket: it is closed, or the connection is lost.

    `may_have_lost` is true if the server did not answer any more, so that frames may have gone nowhere.
    """

    may_have_lost: bool = False


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """The opening of a websocket; the answer is a `Socket`. The request is that of the handshake.

    The flow closes the socket itself; a driver closes what is left with its connections.
    """

    request: Request[None]
    subprotocols: tuple[str, ...] = ()

    def __iter__(self) -> Generator[Step, Any, Socket]:
        """Yield the step, and return its answer."""
        answer: Socket = yield self
        return answer


@dataclass(frozen=True, slots=True)
class SendFrame:
    """A message to a websocket. If the socket is closed, the next `ReceiveFrame` says so."""

    socket: Socket
    data: str | bytes = field(repr=False)  # may hold what a person typed

    def __iter__(self) -> Generator[Step, Any, None]:
        """Yield the step."""
        yield self


@dataclass(frozen=True, slots=True)
class ReceiveFrame:
    """The next message of a websocket. The answer is None after `seconds` of silence, and `SocketClosed` at the end."""

    socket: Socket
    seconds: float

    def __iter__(self) -> Generator[Step, Any, str | bytes | SocketClosed | None]:
        """Yield the step, and return its answer."""
        answer: str | bytes | SocketClosed | None = yield self
        return answer


@dataclass(frozen=True, slots=True)
class CloseSocket:
    """The closing of a websocket. One that is closed already may be closed again."""

    socket: Socket

    def __iter__(self) -> Generator[Step, Any, None]:
        """Yield the step."""
        yield self


SocketStep: TypeAlias = OpenSocket | SendFrame | ReceiveFrame | CloseSocket


@dataclass(frozen=True, slots=True)
class Sleep:
    """A pause. The driver adds a random time of up to `jitter` times `seconds`."""

    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class Now:
    """The current time, as seconds of a monotonic clock."""

    def __iter__(self) -> Generator[Step, Any, float]:
        """Yield the step, and return its answer."""
        answer: float = yield self
        return answer


@dataclass(frozen=True, slots=True)
class HubVersion:
    """The hub's version as numbers, (6, 1, 1): from the header of the last answer, else from `GET /`."""

    def __iter__(self) -> Generator[Step, Any, tuple[int, ...]]:
        """Yield the step, and return its answer."""
        answer: tuple[int, ...] = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Emit:
    """A value for the caller that iterates over the flow's events."""

    event: object


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to the person who signs in, or an action for them: see `jhub.login.questions`."""

    question: object

    def __iter__(self) -> Generator[Step, Any, Any]:
        """Yield the step, and return its answer."""
        answer: Any = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Fork:
    """The start of a concurrent flow. `Next` returns its end; the values that it emits are emitted by this flow."""

    flow: Operation[Any]
    tag: Hashable


@dataclass(frozen=True, slots=True)
class Next:
    """A wait for the end of a forked flow: its `Done`, or None after `timeout` seconds."""

    timeout: float

    def __iter__(self) -> Generator[Step, Any, Done | None]:
        """Yield the step, and return its answer."""
        answer: Done | None = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Cancel:
    """The cancellation of a forked flow; the flow's `Done` has an error."""

    tag: Hashable


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a forked flow: its answer or its error, and its duration in seconds."""

    tag: Hashable
    answer: Any
    error: HubError | None
    seconds: float


class Operation(Protocol[T_co]):
    """Anything that a client can run: a `Request`, another step with an answer, or a flow."""

    def __iter__(self) -> Generator[Step, Any, T_co]:
        """Yield the steps, and return the result."""
        ...


Step: TypeAlias = Request[Any] | Listen[Any] | SocketStep | Sleep | Now | HubVersion | Emit | Ask | Fork | Next | Cancel
"""A step of a flow: what it yields to its runner."""
Flow: TypeAlias = Generator[Step, Any, T]
"""A generator that yields steps, receives their results, and returns the result of an operation."""


def call(
    method: str,
    path: str,
    returns: type[T],
    *,
    body: object = None,
    query: tuple[tuple[str, str], ...] = (),
    about: str = "",
    accept: str = "application/json",
    root: Literal["api", "site"] = "api",
    anonymous: bool = False,
    form: bool = False,
    repeatable: bool | None = None,
) -> Request[T]:
    """Return a request whose answer is JSON of the type `returns`."""
    return Request(
        method,
        path,
        partial(_decode, returns, about),
        query=query,
        body=body,
        about=about,
        accept=accept,
        root=root,
        anonymous=anonymous,
        form=form,
        repeatable=repeatable,
    )


def send(
    method: str,
    path: str,
    *,
    body: object = None,
    query: tuple[tuple[str, str], ...] = (),
    about: str = "",
    repeatable: bool | None = None,
) -> Request[None]:
    """Return a request whose result is None: only the status of its answer counts."""
    gone_is_done = method == "DELETE"
    return Request(
        method,
        path,
        decode_nothing,
        query=query,
        body=body,
        about=about,
        repeatable=repeatable,
        gone_is_done=gone_is_done,
    )


def _with_absolute_urls(value: T, site: str) -> T:
    """Return the value, with absolute URLs."""
    if site:
        resolve_urls(value, site)
    return value


def _decode(returns: type[T], about: str, answer: Answer) -> T:
    try:
        return msgspec.json.decode(answer.content, type=returns)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if "json" in _content_type(answer):
            prefix = f"{about}: " if about else ""
            raise NotAHub(f"{prefix}the answer is not a valid JupyterHub response: {error}") from error
        raise _not_json(about, answer) from error


def _content_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _not_json(about: str, answer: Answer) -> NotAHub:
    error = NotAHub(
        f"{about or 'hub'}: the answer is {_content_type(answer) or 'something else'}, not JSON: "
        "this address is not a JupyterHub API",
        hint="check that the URL is that of a JupyterHub, and that its proxy forwards API requests",
    )
    error.status = answer.status
    return error


def decode_nothing(answer: Answer) -> None:
    """Return None: the `decode` of a request of which only the status counts."""


def _decode_name(answer: Answer) -> _Named:
    try:
        return msgspec.json.decode(answer.content, type=_Named)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Named()  # not the object that the path names


def decode_status(answer: Answer) -> int:
    """Return the status: the `decode` of a request whose answer has no other content."""
    return answer.status


def check_token(token: str) -> None:
    """Raise `InvalidInput`, which does not show the token, if it has characters that no token can have."""
    if not re.fullmatch(r"[!-~]+", token):
        raise InvalidInput("the token contains spaces or other invalid characters" if token else "the token is empty")
