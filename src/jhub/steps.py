"""Steps of a flow: REST requests, progress streams, pauses, events and forks, as frozen values.

A *flow* is a generator that yields steps and receives their answers. A *driver* (`jhub.client`, `jhub.testing.play`)
carries the steps out. Steps have no clock, no randomness, no input and no output. When a step fails, its error, one of
`jhub.errors`, is raised inside the flow.

`yield from request` retries a request that is safe to repeat; `jhub.retry` has the rule. `yield from
request.once()` makes one attempt. No flow yields a bare request.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from jhub.errors import HubError, InvalidInput, NotAHub, NotFound, Redirected, Throttled, Unavailable
from jhub.masking import mask
from jhub.messages import GATEWAY_STATUSES, from_answer
from jhub.models import resolve_urls
from jhub.retry import IDEMPOTENT_METHODS, Retries

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

CONTROL_CATEGORIES = {"Cc", "Zl", "Zp"}
"""Unicode categories of characters that break lines or control terminals."""


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
        Whether the request is idempotent, so that it can be retried. None: decided by the method.
    gone_is_done
        Treat a 404 as success after an attempt whose answer was lost: that attempt may have deleted the object.
    headers
        Additional headers, sent to the hub's own origin only.
    page
        Pass every answer of the hub to `decode`, including redirects and errors: the answer is an HTML page.
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
            return _with_absolute_urls(self.decode(answer), answer.site)
        if answer.status < 400:
            raise Redirected(answer.headers.get("location", ""))
        raise from_answer(self.method, self.path, answer.status, answer.headers, answer.content, self.about)

    def __iter__(self) -> Generator[Step, Any, T]:
        """Send the request, and retry it when that is safe: see `jhub.retry`."""
        retries = Retries(self.method in IDEMPOTENT_METHODS if self.repeatable is None else self.repeatable)
        while True:
            try:
                answer: T = yield self
                return answer
            except (Unavailable, Throttled) as error:
                pause = Sleep(*retries.pause_after(error))
            except NotFound:
                if not (retries.may_have_arrived and self.gone_is_done):
                    raise
                return self.decode(Answer(204))
            yield pause

    def once(self) -> Generator[Step, Any, T]:
        """Send the request once, without retries."""
        answer: T = yield self
        return answer


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
            raise NotAHub(f"{self.about}: the progress stream is not what JupyterHub sends: {error}") from error

    def __iter__(self) -> Generator[Step, Any, T | None]:
        """Yield the step, and return its answer."""
        answer: T | None = yield self
        return answer


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


Step: TypeAlias = Request[Any] | Listen[Any] | Sleep | Now | HubVersion | Emit | Ask | Fork | Next | Cancel
Flow: TypeAlias = Generator[Step, Any, T]


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
        _decode_nothing,
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
            raise NotAHub(f"{prefix}the answer is not what JupyterHub sends: {error}") from error
        raise _not_json(about, answer) from error


def _content_type(answer: Answer) -> str:
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower()


def _not_json(about: str, answer: Answer) -> NotAHub:
    error = NotAHub(
        f"{about or 'hub'}: the answer is {_content_type(answer) or 'something else'}, not JSON: "
        "this address is not a JupyterHub API",
        hint="check that the URL is that of a JupyterHub, and that its proxy passes API requests",
    )
    error.status = answer.status
    return error


def _decode_nothing(answer: Answer) -> None:
    return None


def decode_status(answer: Answer) -> int:
    """Return the status: the `decode` of a request whose answer has no other content."""
    return answer.status


def segment(value: str, noun: str) -> str:
    """Return a name as one quoted path segment. `noun` is the kind of object ("user"), for the error message.

    Raises
    ------
    InvalidInput
        The name is empty; it consists of dots only (clients and proxies resolve `.` and `..`, even quoted); it has a
        slash, a backslash, a control character or a lone surrogate.
    TypeError
        The name is not a `str`.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers without a type checker
        raise TypeError(f"a {noun} name is a str, not {type(value).__name__}")
    if not value:
        raise InvalidInput(f"a {noun} name is missing")
    if not value.strip("."):
        raise InvalidInput(f"invalid {noun} name {value!r}: it is made only of dots")
    if any(c in "/\\" or unicodedata.category(c) in CONTROL_CATEGORIES for c in value):
        raise InvalidInput(f"invalid {noun} name {value!r}: it contains a slash or a control character")
    try:
        return quote(value, safe="@~")
    except UnicodeEncodeError:
        raise InvalidInput(f"invalid {noun} name {value!r}: it contains a lone surrogate") from None


def check_token(token: str) -> None:
    """Raise `InvalidInput`, which does not show the token, if it has characters that no token can have."""
    if not re.fullmatch(r"[!-~]+", token):
        raise InvalidInput("the token contains spaces or other invalid characters" if token else "the token is empty")
