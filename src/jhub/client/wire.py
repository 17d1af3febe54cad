"""The common part of both drivers: turns steps into HTTP requests, and responses into answers, without any I/O."""

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
from urllib.parse import urlsplit

import httpx2

from jhub._version import __version__
from jhub.client.deadline import SOCKET_SITE, Deadline
from jhub.client.network import Network
from jhub.client.scope_hint import scope_hint
from jhub.discovery import API_PATH, SOCKET_SCHEME, as_api_root, is_loopback, join, normalize_url, origin, socket_path
from jhub.errors import HubError, InvalidInput, MissingScope, NotAHub, Unavailable
from jhub.interpreter import check_sending_allowed
from jhub.login.environment import is_inside
from jhub.messages import CERT_HINT, from_answer, proxy_password
from jhub.steps import Answer, Listen, OpenSocket, Request, Sleep, check_token

if TYPE_CHECKING:
    from jhub.config.contexts import Connection

C = TypeVar("C")
T = TypeVar("T")

Prompter: TypeAlias = Callable[[Any], Any]
"""A function that answers the questions of `jhub.login`."""

log = logging.getLogger("jhub")

API_URL = "JUPYTERHUB_API_URL"
API_TOKEN = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a variable's name
"""Environment variables that a hub sets for its servers and services."""

STREAM_READ_SECONDS = 30.0
"""Seconds without data that end a progress stream. A hub sends a blank event every 8 s."""
MIN_STREAM_SECONDS = 0.1
"""Minimum duration of a progress stream, so that its first event is read even if no time is left."""
STREAM_HEADERS = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
"""Headers of the request for a progress stream."""
ALERT = re.compile(r"(?i)alert.(certificate|bad.certificate|unknown.ca|handshake.failure|unsupported.certificate)")
"""Messages of TLS errors by which a server refuses a client's certificate, or misses one."""
CLEAN_UP_SECONDS = 5.0
"""Maximum time for the clean-up of an interrupted flow."""
MAX_IDLE_CONNECTIONS = 100
"""Maximum number of idle connections that stay open for later calls."""


class Wire:
    """The state of a connection to a hub, and the conversion of steps to HTTP and back. The drivers send it."""

    def __init__(self, url: str | None, token: str | None, network: Network) -> None:
        self.user = ""
        """The owner of the token, if known; else empty."""
        from_environment = url is None and any(map(os.environ.get, (API_URL, API_TOKEN)))
        # The address that a hub sets for its servers and services is inside its cluster.
        self._inside = from_environment and is_inside(os.environ)
        self._warned = False
        self._socket_numbers = 0
        self._own_token = from_environment and token is None
        if url is None:
            if from_environment or token is not None:
                url, token = _environment_connection(token)
            else:
                saved = _context_connection()
                url, token, self.user = saved.url, saved.token, saved.user
                network = network.with_defaults(saved.verify, saved.cert)
        if token is not None:
            check_token(token)
        self._address = normalize_url(url)
        self._root: str | None = as_api_root(self._address)
        self._token = token
        self._network = network.with_environment(os.environ) if _is_environments_hub(self._address) else network
        self._version: tuple[int, ...] | None = None
        self.checked_names: set[str] = set()
        """Paths of objects that a request has reached: see `Request.name_check`."""

    def __str__(self) -> str:
        """Return the hub's address, and the owner of the token if known."""
        site = self._address if self._root is None else self._root.removesuffix(API_PATH)
        return f"{site} as {self.user}" if self.user else site

    def set_token(self, token: str, user: str) -> None:
        """Use this token from now on."""
        check_token(token)
        self._token, self.user = token, user

    def http_client(self, kind: Callable[..., C]) -> C:
        """Return an HTTP client. `InvalidInput` if the settings in the environment do not work."""
        try:
            return kind(**self._settings())
        except (ValueError, ImportError, OSError, httpx2.InvalidURL) as error:
            if self._network.proxy is not None:
                # The library's message may hold the proxy's password.
                raise InvalidInput(
                    "invalid proxy URL", hint="use http://host:port, with any password percent-encoded"
                ) from None
            reason = f": {error}" if isinstance(error, OSError | ImportError) else ""
            raise InvalidInput(
                f"the network settings of this environment do not work{reason}",
                hint="check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE and SSL_CERT_DIR",
            ) from None

    def _settings(self) -> dict[str, Any]:
        # No cookies are stored: with a cookie beside the token, a call would be subject to the hub's XSRF check.
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=[]))
        return {
            "headers": {"User-Agent": f"jhub/{__version__}", "Accept-Encoding": "gzip"},
            "cookies": no_cookies,
            "timeout": self._network.httpx_timeout(),
            # A start holds its connection for up to `slow_spawn_timeout` (10 s). Fleets limit their requests in flight
            # themselves; a limit here would block their other calls.
            "limits": httpx2.Limits(max_connections=None, max_keepalive_connections=MAX_IDLE_CONNECTIONS),
            "follow_redirects": False,
            "trust_env": not is_loopback(self._address),  # an institution's proxy cannot reach this machine's ports
            "transport": self._network.transport,
            "uds": socket_path(self._address),
            "proxy": self._network.proxy,
            "verify": self._network.ssl_context(plain=self._is_plain()),
        }

    def _is_plain(self) -> bool:
        """Return whether requests are certain to reach the hub over plain http, or a unix socket."""
        return bool(socket_path(self._address)) or (
            self._address.startswith("http://") and (self._root is not None or is_loopback(self._address))
        )

    def arguments(self, step: Request[Any] | Listen[Any]) -> dict[str, Any]:
        """Return the arguments with which the HTTP client sends a step."""
        check_sending_allowed()
        root = self._root or self._address
        if not (_is_outside_api(step) or step.path.startswith("/")):
            raise InvalidInput(f"invalid path {step.path!r}", hint="use a path such as /users")
        try:
            url = join(f"{root}/", step.path) if _is_outside_api(step) else root + step.path
            same_origin = origin(url) == origin(root)
        except ValueError:
            raise InvalidInput(f"invalid path or URL {step.path!r}") from None
        if path := socket_path(url):
            if path != socket_path(root):
                raise InvalidInput(f"{step.path!r} is not an address of this hub")
            parts = urlsplit(url)
            url = f"{SOCKET_SITE}{parts.path}{'?' if parts.query else ''}{parts.query}"
        if isinstance(step, Listen):
            arguments: dict[str, Any] = {"method": "GET", "url": url, "headers": dict(STREAM_HEADERS)}
        else:
            arguments = {"method": step.method, "url": url, "headers": {"Accept": step.accept}}
            if step.query:
                arguments["params"] = step.query
            if step.body is not None:
                arguments["data" if step.form else "json"] = step.body
            if step.headers and not same_origin:
                raise InvalidInput(f"{step.path!r} is not an address of this hub: it must not get the hub's cookies")
            arguments["headers"].update(step.headers)
        token = self._token_for(step, same_origin)
        if token:
            arguments["headers"]["Authorization"] = f"token {token}"
        if "Authorization" in arguments["headers"] or arguments["method"] != "GET":
            self.warn_if_plain_http()
        return arguments

    def handshake(self, step: OpenSocket) -> dict[str, Any]:
        """Return the arguments with which the HTTP client opens a websocket."""
        from jhub.client.sockets import SETTINGS

        arguments = self.arguments(step.request)
        del arguments["method"], arguments["headers"]["Accept"]
        return {**arguments, "subprotocols": list(step.subprotocols) or None, **SETTINGS}

    def next_socket_number(self) -> int:
        """Return a number that no socket has had."""
        self._socket_numbers += 1
        return self._socket_numbers

    def handshake_error(self, step: OpenSocket, answer: Answer) -> HubError:
        """Return the error of a handshake that was refused."""
        try:
            self.read(step.request, answer)
        except HubError as error:
            return error
        return NotAHub(f"{step.request.about}: answered {answer.status} instead of a websocket")

    def _token_for(self, step: Request[Any] | Listen[Any], same_origin: bool) -> str | None:
        if isinstance(step, Request) and (step.token or step.anonymous):
            return step.token or None
        return self._token if same_origin else None

    def copy_state(self, other: Wire) -> Self:
        """Take over the version and the warnings of another connection to the same hub, and return self."""
        self._version, self.checked_names = other._version, other.checked_names
        self._inside, self._own_token, self._warned = other._inside, other._own_token, other._warned
        return self

    def warn_if_plain_http(self) -> None:
        """Warn, once, if secrets are sent by plain http to another machine."""
        root = self._root or self._address
        if root.startswith("http://") and not is_loopback(root) and not self._inside and not self._warned:
            self._warned = True
            warnings.warn(
                f"{root} uses plain http: others on the network path can read passwords and tokens",
                UserWarning,
                stacklevel=2,
            )

    @property
    def site(self) -> str:
        """The hub's origin, to which the paths in its answers are relative."""
        parts = urlsplit(self._root or self._address)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def known_url(self) -> str:
        """The root of the hub's site, with a closing slash; empty before it was discovered."""
        return "" if self._root is None else self._root.removesuffix(API_PATH) + "/"

    @property
    def host(self) -> str:
        """The hub's host and port, or the path of its unix socket, for messages."""
        return socket_path(self._address) or urlsplit(self._address).netloc

    def to_answer(self, step: Request[Any] | Listen[Any], response: httpx2.Response, content: bytes) -> Answer:
        """Return the answer in a response, and note the hub's version from its header."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        if "set-cookie" in headers:
            # Joined by commas like other headers, cookies could not be separated.
            headers["set-cookie"] = "\n".join(response.headers.get_list("set-cookie"))
        # A user's server sends the header too, with the version of JupyterHub in its own image.
        from_hub = not _is_outside_api(step)
        if from_hub and (version := headers.get("x-jupyterhub-version")):
            self._version = parse_version(version)
        log.debug("%s %s %s", response.request.method, response.request.url.path, response.status_code)
        return Answer(response.status_code, headers, content, self.site, self.known_url)

    def read(self, step: Request[T], answer: Answer) -> T:
        """Return the result in an answer, or raise its error."""
        try:
            result = step.read(answer)
        except MissingScope as error:
            if self._own_token:
                error.hint = scope_hint(error, os.environ)
            raise
        if step.name_check:
            self.checked_names.add(step.path)
        return result

    def note_version(self, version: str) -> tuple[int, ...]:
        """Note and return the hub's version, from the body if a proxy has stripped the header."""
        self._version = self._version or parse_version(version)
        return self._version

    def stream_error(self, step: Listen[Any], answer: Answer) -> HubError:
        """Return the error of a progress stream that was not opened."""
        if answer.status < 400:
            return NotAHub(f"{step.about}: answered {answer.status} instead of a stream")
        return from_answer("GET", step.path, answer.status, answer.headers, answer.content, step.about)

    @contextmanager
    def translated_errors(self, deadline: Deadline) -> Generator[None]:
        """Turn errors of the HTTP library and of deadlines into those of `jhub.errors`."""
        host = self.host
        try:
            yield
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            reason = " ".join(str(error).split()) or "no answer"
            if "CERTIFICATE_VERIFY_FAILED" in reason:
                hint = (
                    "this machine does not trust the hub's certificate; name your institution's CA file: "
                    "jhub login --ca-file FILE, in Python verify=FILE, or SSL_CERT_FILE"
                )
            elif isinstance(error, httpx2.ProxyError) and reason.startswith("407"):
                raise proxy_password(407) from None
            elif socket_path(self._address):
                hint = "check the path of the socket, whether the hub is up, and whether you may write to the socket"
            elif ALERT.search(reason):
                hint = CERT_HINT
            else:
                hint = "check the URL, and whether the hub is up and needs a proxy or VPN"
            raise Unavailable(f"cannot reach {host}: {reason}", sent=False, hint=hint) from None
        except (httpx2.TimeoutException, TimeoutError):
            if deadline.is_over:
                message = f"{host} did not complete its answer within {deadline.seconds:.0f} s"
                raise Unavailable(message) from None
            raise Unavailable(f"{host} did not answer within {self._network.timeouts.read:.0f} s") from None
        except httpx2.SSEError as error:
            raise NotAHub(f"{host} did not answer with a stream: {error}") from None
        except UnicodeEncodeError as error:
            if error.encoding == "utf-8":
                raise InvalidInput("cannot encode the request: a string contains a lone surrogate") from None
            raise InvalidInput(f"invalid host name {host!r}") from None
        except UnicodeError:
            raise InvalidInput(f"invalid host name {host!r}") from None
        except ValueError as error:
            raise InvalidInput(f"cannot encode the request: {error}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            reason = " ".join(str(error).split())
            if ALERT.search(reason):
                message = f"{host} did not accept this client's TLS certificate, or asks for one"
                raise Unavailable(message, sent=False, hint=CERT_HINT) from None
            raise Unavailable(f"lost the connection to {host}: {type(error).__name__}") from None


def ask_user(prompter: Prompter | None, question: object) -> str:
    """Return the user's answer to a question."""
    if prompter is None:
        raise TypeError("the flow asks a question: pass ask= to answer it")
    answer = prompter(question)
    if not isinstance(answer, str):
        raise TypeError(f"the answer to {type(question).__name__} must be a str, not {type(answer).__name__}")
    return answer


def connection_of(context: str | None) -> Connection:
    """Return the hub, token and user of a context, by default of the selected one; warn if the token expires soon."""
    from jhub.config import contexts

    name = contexts.chosen(context)
    if text := contexts.warning(name, datetime.now(UTC)):
        warnings.warn(text, UserWarning, stacklevel=3)
    return contexts.connection(name)


def _is_environments_hub(address: str) -> bool:
    """Return whether an address is on the host of `JUPYTERHUB_API_URL`."""
    try:
        return origin(address) == origin(normalize_url(os.environ.get(API_URL) or ""))
    except InvalidInput:
        return False


def _environment_connection(token: str | None) -> tuple[str, str]:
    """Return the URL and token that a hub puts into the environment of its servers and services."""
    url, token = os.environ.get(API_URL), os.environ.get(API_TOKEN) if token is None else token
    if token == "":
        raise InvalidInput("the token is empty")
    if url and token:
        return url, token
    # A token of one hub must not be sent to another.
    missing = API_TOKEN if url else API_URL
    raise InvalidInput(
        f"{missing} is not set",
        hint=f"pass a URL and a token, or set {API_URL} and {API_TOKEN}",
    )


def _context_connection() -> Connection:
    """Return the hub, the token and the user of the current context."""
    from jhub.config import contexts

    return contexts.connection(contexts.chosen())


def _drop_cookies(record: logging.LogRecord) -> bool:
    """Remove headers with cookies from the library's log at DEBUG level, because a hub's cookie is a credential."""
    if "set-cookie" in (message := record.getMessage()).lower():
        record.msg, record.args = f"{message.split()[0]} (headers with cookies are left out)", None
    return True


for _name in ("httpcore2.http11", "httpcore2.http2"):
    logging.getLogger(_name).addFilter(_drop_cookies)


def is_url(path: str) -> bool:
    """Return whether a step's path is a full URL."""
    return path.startswith(("http://", "https://", f"{SOCKET_SCHEME}://"))


def _is_outside_api(step: Request[Any] | Listen[Any]) -> bool:
    """Return whether a step's path is relative to the hub's site, or a full URL."""
    return isinstance(step, Request) and (step.root == "site" or is_url(step.path))


def parse_version(version: str) -> tuple[int, ...]:
    """Return a version as numbers, (6, 1, 0) for "6.1.0b2"."""
    return tuple(int(n) for n in re.findall(r"[0-9]{1,9}", version.partition("+")[0])[:3])


def sleep_seconds(step: Sleep) -> float:
    """Return the seconds to sleep, with a random share of the step's jitter."""
    return step.seconds * (1 + step.jitter * random.random())  # noqa: S311 - jitter, no secret
