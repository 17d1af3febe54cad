"""All that a flow may ask for.

A *flow* is a generator that yields steps and is sent their answers; a *driver* (client/, testing.play) carries the
steps out. Steps are frozen values: no clock, no randomness, no input or output. A step that fails is raised inside
the flow, as one of `jhub.errors`.

`yield from request` repeats a request that can be repeated safely; the rule is in `Request.__iter__`. `yield from
request.once()` makes one attempt. No flow yields a bare request.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Generator, Hashable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import partial
from typing import Any, Generic, Literal, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import quote, urlencode

import msgspec

from jhub.errors import HubError, InvalidInput, NotAHub, NotFound, Redirected, Throttled, Unavailable
from jhub.messages import GATEWAY_STATUSES, from_answer
from jhub.models import SECRET_FIELDS, resolve_urls

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

CONTROL_CATEGORIES = {"Cc", "Zl", "Zp"}
"""Unicode categories of what breaks lines and steers terminals."""
SECRET_KEYS = {
    "_xsrf",
    "2fa",
    "api_token",
    "auth_token",
    "client_secret",
    "code_verifier",
    "otp",
    "password",
} | SECRET_FIELDS
"""Keys of bodies and queries whose values are not shown."""
REPEATABLE_METHODS = {"GET", "HEAD", "PUT", "DELETE"}
MAX_RETRIES = 3
MAX_RETRIES_REFUSED = 1
FIRST_PAUSE_SECONDS = 0.3
MAX_RETRY_AFTER_SECONDS = 60.0
"""Seconds that `Retry-After` may ask for, all in all; more is an error at once, for the caller to operation with."""


class Interrupted(BaseException):
    """Thrown into a flow whose driver was interrupted. A flow may still yield steps to clean up, then lets it pass."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A raw HTTP answer. Header names are lower-case; cookies are set one on a line."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    content: bytes = field(default=b"", repr=False)  # may hold a token
    site: str = ""
    """The hub's origin, for the URLs in it; empty leaves them the paths that they are."""


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One REST call, and how to read its answer.

    Parameters
    ----------
    path
        Below the API root (`{base}/hub/api`), quoted; see `at`.
    decode
        Turns the content of a successful answer into the result.
    about
        What the call concerns ("user ana"); errors begin with it.
    root
        "site": `path` is a path of the hub's site, such as `Server.url`, or a full URL of the same origin.
    anonymous
        Send no token.
    form
        Send the body, a mapping of texts, as a form instead of as JSON.
    repeatable
        Whether sending it twice does what sending it once does. None: by the method.
    gone_is_done
        Whether a 404 is success after an attempt whose answer got lost: that attempt may have deleted it.
    headers
        Sent beside the usual ones; to the hub's own origin only.
    page
        Hand every answer of the hub to `decode`, redirects and refusals too: it is a page for people.
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
        """The request in a line, without its secrets."""
        query = f"?{urlencode([(key, _mask_secrets(value, key)) for key, value in self.query])}" if self.query else ""
        body = (
            ""
            if self.body is None
            else f" {msgspec.json.encode(_mask_secrets(msgspec.to_builtins(self.body))).decode()}"
        )
        return f"{self.method} {self.path}{query}{body}"

    def read(self, answer: Answer) -> T:
        """The result, or the error that the answer means."""
        if self.page and answer.status not in GATEWAY_STATUSES:
            return self.decode(answer)
        if 200 <= answer.status < 300:
            if self.root == "api" and _content_type(answer) == "text/html":
                # The login page of a gateway, mostly; the API has no pages.
                raise _not_json(self.about, answer)
            return _with_absolute_urls(self.decode(answer), answer.site)
        if answer.status < 400:
            raise Redirected(answer.headers.get("location", ""))
        raise from_answer(self.method, self.path, answer.status, answer.headers, answer.content, self.about)

    def __iter__(self) -> Generator[Step, Any, T]:
        """Carry the call out; where repeating it is harmless, again when no answer came, or "later" did."""
        repeatable = self.method in REPEATABLE_METHODS if self.repeatable is None else self.repeatable
        arrived = False
        waited = 0.0
        failure: Unavailable | Throttled
        for attempt in range(MAX_RETRIES + 1):
            try:
                answer: T = yield self
                return answer
            except Unavailable as error:
                # A 503 comes from a proxy that has nobody behind it.
                arrived = arrived or (error.sent and error.status in (None, 502, 504))
                # What never left may be sent again; a POST that may have arrived is for its flow to reconcile.
                # Behind most hubs is a proxy that answers while they restart; where nothing does, nothing will soon.
                if (error.sent and not repeatable) or attempt >= (MAX_RETRIES if error.sent else MAX_RETRIES_REFUSED):
                    raise
                retry_after, failure = error.retry_after, error
            except Throttled as error:
                # A start is repeated by its flow, which knows how long its caller waits.
                if not repeatable or attempt >= MAX_RETRIES:
                    raise
                retry_after, failure = error.retry_after, error
            except NotFound:
                if not (arrived and self.gone_is_done):
                    raise
                return self.decode(Answer(204))
            pause = FIRST_PAUSE_SECONDS * 3**attempt
            if waited + retry_after > MAX_RETRY_AFTER_SECONDS:
                raise failure
            waited += retry_after
            yield Sleep(retry_after, jitter=0.1) if retry_after > pause else Sleep(pause, jitter=0.5)
        raise AssertionError("the last attempt answers or raises")

    def once(self) -> Generator[Step, Any, T]:
        """Carry the call out in one attempt."""
        answer: T = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Listen(Generic[T]):
    """Read a server-sent-event stream until `last` holds for an event; its answer is that event.

    None when the stream ended first, or when `timeout` seconds passed. Each event goes through `event` and is
    emitted, unless that gives None.
    """

    path: str
    read: Callable[[str], T]
    last: Callable[[T], bool]
    timeout: float
    event: Callable[[T], object] = lambda event: event
    about: str = ""

    def take(self, data: str, site: str = "") -> T:
        """One event, read; `NotAHub` for what no hub sends."""
        try:
            return _with_absolute_urls(self.read(data), site)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise NotAHub(f"{self.about}: the progress stream is not what JupyterHub sends: {error}") from error

    def __iter__(self) -> Generator[Step, Any, T | None]:
        answer: T | None = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait. The driver adds a random share, up to `jitter` times `seconds`."""

    seconds: float
    jitter: float = 0.0


@dataclass(frozen=True, slots=True)
class Now:
    """Seconds on a clock that only goes forward."""

    def __iter__(self) -> Generator[Step, Any, float]:
        answer: float = yield self
        return answer


@dataclass(frozen=True, slots=True)
class HubVersion:
    """The hub's version as numbers, (6, 1, 1): from the header of the last answer, else one `GET /`."""

    def __iter__(self) -> Generator[Step, Any, tuple[int, ...]]:
        answer: tuple[int, ...] = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand a value to whoever iterates over this flow."""

    event: object


@dataclass(frozen=True, slots=True)
class Ask:
    """Something that only a person can answer, or do: see `jhub.login.prompts`."""

    question: object

    def __iter__(self) -> Generator[Step, Any, Any]:
        answer: Any = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Fork:
    """Run a flow beside this one. Its end arrives by `Next`; what it emits is emitted."""

    flow: Operation[Any]
    tag: Hashable


@dataclass(frozen=True, slots=True)
class Next:
    """Wait for the next forked flow to end, or for `timeout` seconds (then None: a tick)."""

    timeout: float

    def __iter__(self) -> Generator[Step, Any, Done | None]:
        answer: Done | None = yield self
        return answer


@dataclass(frozen=True, slots=True)
class Cancel:
    """End a forked flow; its `Done` carries an error."""

    tag: Hashable


@dataclass(frozen=True, slots=True)
class Done:
    """How a forked flow ended, and after how many seconds."""

    tag: Hashable
    answer: Any
    error: HubError | None
    seconds: float


class Operation(Protocol[T_co]):
    """What can be run: a `Request`, another step with an answer, or a flow."""

    def __iter__(self) -> Generator[Step, Any, T_co]: ...


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
    """A request whose answer is JSON of the given type."""
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
    """A request whose answer says nothing beyond its status."""
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
    """Return a value whose URLs are absolute."""
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
        hint="is the URL that of a JupyterHub, and does its proxy let API calls through?",
    )
    error.status = answer.status
    return error


def _decode_nothing(answer: Answer) -> None:
    return None


def decode_status(answer: Answer) -> int:
    """For a request whose answer says something by its status alone."""
    return answer.status


def _mask_secrets(value: object, key: object = "") -> object:
    """Return a value without its secrets, or without itself where its key says that it is one."""
    if str(key).lower() in SECRET_KEYS:
        return "***"
    match value:
        case dict():
            return {name: _mask_secrets(each, name) for name, each in cast("dict[object, object]", value).items()}
        case list() | tuple():
            return [_mask_secrets(each) for each in cast("list[object]", value)]
        case _:
            return value


def segment(value: str, noun: str) -> str:
    """One quoted path segment. Refuses what could not stay in its place in the path.

    Raises
    ------
    InvalidInput
        For an empty name, one made only of dots (clients and proxies resolve those as `.` and `..`, even quoted),
        or one with a slash, a backslash or a control character.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # not everybody runs a type checker
        raise TypeError(f"a {noun} name is a str, not {type(value).__name__}")
    if not value:
        raise InvalidInput(f"a {noun} name is missing")
    if not value.strip("."):
        raise InvalidInput(f"{value!r} is not a {noun} name: it is made only of dots")
    if any(c in "/\\" or unicodedata.category(c) in CONTROL_CATEGORIES for c in value):
        raise InvalidInput(f"{value!r} is not a {noun} name: no slashes or control characters")
    try:
        return quote(value, safe="@~")
    except UnicodeEncodeError:
        raise InvalidInput(f"{value!r} is not a {noun} name: it is not valid text") from None


def check_token(token: str) -> None:
    """`InvalidInput`, which does not show it, for what no token can be."""
    if not re.fullmatch(r"[!-~]+", token):
        raise InvalidInput("the token holds spaces or other characters that no token has")
