"""What both drivers share: how a step becomes HTTP and back. Nothing here waits for the network."""

from __future__ import annotations

import logging
import os
import random
import re
import warnings
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, Self, TypeAlias, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx2

from jhub._version import __version__
from jhub.client.deadline import Deadline
from jhub.client.network import Network
from jhub.client.own_token import widened
from jhub.discovery import API_PATH, as_api_root, is_loopback, normalize_url, origin
from jhub.errors import HubError, InvalidInput, MissingScope, NotAHub, Unavailable
from jhub.interpreter import check_sending_allowed
from jhub.login.environment import is_inside
from jhub.messages import from_answer
from jhub.steps import Answer, Listen, Request, Sleep, check_token

if TYPE_CHECKING:
    from jhub.config.contexts import Connection

C = TypeVar("C")
T = TypeVar("T")

Person: TypeAlias = Callable[[Any], Any]
"""Answers the questions of jhub.login."""

log = logging.getLogger("jhub")

API_URL = "JUPYTERHUB_API_URL"
API_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a variable's name
"""Variables that a hub sets for its servers and services."""

SILENCE = 30.0
"""Seconds of silence that end a progress stream. A hub sends a blank event every 8."""
LEAST = 0.1
"""Seconds that a progress stream has at least: one that is there already is heard even when no time is left."""
STREAM = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
"""Headers of a request for a progress stream."""
CLEAN_UP = 5.0
"""Seconds that an interrupted flow has for cleaning up."""
KEPT = 100
"""Connections that are kept for the next call."""


class Wire:
    """State that both drivers have of a hub, and the way from a step to HTTP and back. The drivers send it."""

    def __init__(self, url: str | None, token: str | None, network: Network) -> None:
        self.user = ""
        """Whose token it is, where that is known."""
        by_environment = url is None and any(map(os.environ.get, (API_URL, API_TOKEN)))
        # There the hub itself names its address, which is inside its cluster.
        self._inside = by_environment and is_inside(os.environ)
        self._warned = False
        self._own_token = by_environment and token is None
        if url is None:
            outside = by_environment or token is not None
            url, token, self.user = _of_the_environment(token) if outside else _of_the_context()
        if token is not None:
            check_token(token)
        self._given = normalize_url(url)
        self._root: str | None = as_api_root(self._given)
        self._token = token
        self._network = network
        self._version: tuple[int, ...] | None = None

    def __str__(self) -> str:
        """Return the hub's address, and whose token it is, as far as they are known."""
        site = self._given if self._root is None else self._root.removesuffix(API_PATH)
        return f"{site} as {self.user}" if self.user else site

    def use(self, token: str, user: str) -> None:
        """Send this token from now on."""
        check_token(token)
        self._token, self.user = token, user

    def client(self, kind: Callable[..., C]) -> C:
        """An HTTP client. `InvalidInput` for settings of the environment that it cannot take."""
        try:
            return kind(**self._settings())
        except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
            if self._network.proxy is not None:
                # The library's words may hold the password in it.
                raise InvalidInput(
                    "that proxy cannot be used", hint="give it as http://host:port, with any password percent-encoded"
                ) from None
            said = f": {error}" if isinstance(error, OSError | ImportError) else ""
            raise InvalidInput(
                f"the network settings of this environment do not work{said}",
                hint="look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
            ) from None

    def _settings(self) -> dict[str, Any]:
        # A cookie beside a token would put the call under the hub's XSRF check, so none is kept.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        return {
            "headers": {"User-Agent": f"jhub/{__version__}", "Accept-Encoding": "gzip"},
            "cookies": no_cookies,
            "timeout": self._network.httpx_timeout(),
            # A start holds its connection for up to `slow_spawn_timeout` (10 s). A fleet knows how many it has under
            # way; a limit here would keep its other calls from the hub.
            "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=KEPT),
            "follow_redirects": False,
            "trust_env": not is_loopback(self._given),  # a university's proxy does not know this machine's ports
            "transport": self._network.transport,
            "proxy": self._network.proxy,
            "verify": self._network.ssl_context(plain=self._is_plain()),
        }

    def _is_plain(self) -> bool:
        """Plain http, here to stay."""
        return self._given.startswith("http://") and (self._root is not None or is_loopback(self._given))

    def call(self, step: Request[Any] | Listen[Any]) -> dict[str, Any]:
        """A step as arguments of the HTTP client."""
        check_sending_allowed()
        root = self._root or self._given
        if not (_elsewhere(step) or step.path.startswith("/")):
            raise InvalidInput(f"{step.path!r} is not a path such as /users")
        try:
            url = urljoin(f"{root}/", step.path) if _elsewhere(step) else root + step.path
            ours = origin(url) == origin(root)
        except ValueError:
            raise InvalidInput(f"{step.path!r} is not a path or URL") from None
        if isinstance(step, Listen):
            call: dict[str, Any] = {"method": "GET", "url": url, "headers": dict(STREAM)}
        else:
            call = {"method": step.method, "url": url, "headers": {"Accept": step.accept}}
            if step.query:
                call["params"] = step.query
            if step.body is not None:
                call["data" if step.form else "json"] = step.body
            if step.headers and not ours:
                raise InvalidInput(f"{step.path!r} is not an address of this hub: its cookies are not for it")
            call["headers"].update(step.headers)
        if self._token and ours and not (isinstance(step, Request) and step.anonymous):
            call["headers"]["Authorization"] = f"token {self._token}"
        if "Authorization" in call["headers"] or call["method"] != "GET":
            self.beware()
        return call

    def knowing(self, other: Wire) -> Self:
        """With what the other one, of the same hub, has found out."""
        self._version = other._version
        self._inside, self._own_token, self._warned = other._inside, other._own_token, other._warned
        return self

    def beware(self) -> None:
        """Warn, once, that others can read what is sent: there is a token or a password in it."""
        root = self._root or self._given
        if root.startswith("http://") and not is_loopback(root) and not self._inside and not self._warned:
            self._warned = True
            warnings.warn(
                f"{root} is plain http: passwords and tokens can be read on the way", UserWarning, stacklevel=2
            )

    @property
    def site(self) -> str:
        """The hub's origin, which the paths in its answers begin at."""
        parts = urlsplit(self._root or self._given)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def host(self) -> str:
        """The hub's host and port, for messages."""
        return urlsplit(self._given).netloc

    def answer(self, step: Request[Any] | Listen[Any], response: httpx2.Response, content: bytes) -> Answer:
        """What came back; notes the version that every answer of a hub carries."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        if "set-cookie" in headers:
            # Joined with commas, as other headers are, they could not be told apart.
            headers["set-cookie"] = "\n".join(response.headers.get_list("set-cookie"))
        # A user's server sends the header too, with the version of JupyterHub that is installed in its image.
        from_hub = not _elsewhere(step)
        if from_hub and (version := headers.get("x-jupyterhub-version")):
            self._version = numbers(version)
        log.debug("%s %s %s", response.request.method, response.request.url.path, response.status_code)
        return Answer(response.status_code, headers, content, self.site)

    def read(self, step: Request[T], answer: Answer) -> T:
        """What an answer means."""
        try:
            return step.read(answer)
        except MissingScope as error:
            if self._own_token:
                error.hint = widened(error, os.environ)
            raise

    def learn(self, version: str) -> tuple[int, ...]:
        """Note the hub's version where the answer's header, which a proxy may strip, did not tell it."""
        self._version = self._version or numbers(version)
        return self._version

    def refusal(self, step: Listen[Any], answer: Answer) -> HubError:
        """What a progress stream that was not opened means."""
        if answer.status < 400:
            return NotAHub(f"{step.about}: answered {answer.status} instead of a stream")
        return from_answer("GET", step.path, answer.status, answer.headers, answer.content, step.about)

    @contextmanager
    def errors(self, deadline: Deadline) -> Generator[None]:
        """Turns the HTTP library's errors into ours, and those of a deadline."""
        host = self.host
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            said = " ".join(str(error).split()) or "no answer"
            if "CERTIFICATE_VERIFY_FAILED" in said:
                hint = "the hub's certificate is not trusted here; SSL_CERT_FILE can name your institution's CA file"
            else:
                hint = "is the URL right, the hub up, and is a proxy or VPN needed?"
            raise Unavailable(f"cannot reach {host}: {said}", sent=False, hint=hint) from None
        except (httpx2.TimeoutException, TimeoutError):
            if deadline.over:
                said = f"{host} did not come to the end of its answer within {deadline.seconds:.0f} s"
                raise Unavailable(said) from None
            raise Unavailable(f"{host} did not answer within {self._network.timeouts.read:.0f} s") from None
        except httpx2.SSEError as error:
            raise NotAHub(f"{host} did not answer with a stream: {error}") from None
        except UnicodeEncodeError as error:
            if error.encoding == "utf-8":
                raise InvalidInput("a text that was to be sent is not valid: it holds half a character") from None
            raise InvalidInput(f"{host!r} is not the name of a host") from None
        except UnicodeError:
            raise InvalidInput(f"{host!r} is not the name of a host") from None
        except ValueError as error:
            raise InvalidInput(f"a value that was to be sent cannot be: {error}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise Unavailable(f"lost the connection to {host}: {type(error).__name__}") from None


def ask_person(person: Person | None, question: object) -> str:
    """Ask what only a person can answer."""
    if person is None:
        raise TypeError("there is nobody to ask: hand in ask=")
    answer = person(question)
    if not isinstance(answer, str):
        raise TypeError(f"{type(question).__name__} is answered with a str, not {type(answer).__name__}")
    return answer


def connection_of(context: str | None) -> Connection:
    """Return the hub, token and user of a context, or of the one that is chosen; warn where the token ends soon."""
    from jhub.config import contexts

    name = contexts.chosen(context)
    if text := contexts.warning(name, datetime.now(UTC)):
        warnings.warn(text, UserWarning, stacklevel=3)
    return contexts.connection(name)


def _of_the_environment(token: str | None) -> tuple[str, str, str]:
    """Return the URL and token that a hub puts into the environment of its servers and services."""
    url, token = os.environ.get(API_URL), os.environ.get(API_TOKEN) if token is None else token
    if token == "":
        raise InvalidInput("the token is empty")
    if url and token:
        return url, token, ""
    # A token of one hub must not be sent to another.
    missing = API_TOKEN if url else API_URL
    raise InvalidInput(
        f"which hub, and as whom? {missing} is not set",
        hint=f"give a URL and a token, or set {API_URL} and {API_TOKEN}",
    )


def _of_the_context() -> tuple[str, str, str]:
    """Return the URL, the token and the user of the current context."""
    from jhub.config import contexts

    where = contexts.connection(contexts.chosen())
    return where.url, where.token, where.user


def _without_cookies(record: logging.LogRecord) -> bool:
    """For the log of the library below: at DEBUG it tells the headers of answers, and a hub's cookie is all that it
    takes to be somebody there.
    """
    if "set-cookie" in (said := record.getMessage()).lower():
        record.msg, record.args = f"{said.split()[0]} (headers with cookies are left out)", None
    return True


for _name in ("httpcore2.http11", "httpcore2.http2"):
    logging.getLogger(_name).addFilter(_without_cookies)


def is_url(path: str) -> bool:
    """Whether a step's path is a full URL."""
    return path.startswith(("http://", "https://"))


def _elsewhere(step: Request[Any] | Listen[Any]) -> bool:
    """Whether a step's path counts from the site, or is a URL."""
    return isinstance(step, Request) and (step.root == "site" or is_url(step.path))


def numbers(version: str) -> tuple[int, ...]:
    """(6, 1, 0) of "6.1.0b2"."""
    return tuple(int(n) for n in re.findall(r"[0-9]{1,9}", version.partition("+")[0])[:3])


def pause(step: Sleep) -> float:
    """How long to sleep, with a random share of the step's jitter."""
    return step.seconds * (1 + step.jitter * random.random())  # noqa: S311 - jitter, no secret
