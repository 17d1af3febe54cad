"""A real HTTP server on loopback with the answers of a test, and one interface to both clients."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import FrameType
from typing import Any, Protocol, TypeVar

import pytest

from jhub import AsyncHub, Hub, Timeouts
from jhub.errors import HubError
from jhub.steps import Emit, Flow, Fork, Interrupted, Next, Operation, Sleep, Step, send

T = TypeVar("T")

MAX_SECONDS = 60.0
"""Maximum seconds for anything that a test waits for, on a slow and busy machine."""

VERSION = {"X-JupyterHub-Version": "6.1.1"}


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it arrived. Header names are lower-case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def call(self) -> str:
        return f"{self.method} {self.path}"


class Visit(BaseHTTPRequestHandler):
    """One request, with methods to answer it."""

    protocol_version = "HTTP/1.1"
    timeout = MAX_SECONDS * 2
    disable_nagle_algorithm = True  # headers and content are written separately
    server: Site

    def go(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if not headers.get("user-agent", "").startswith("jhub/"):
            self.page(404)  # another program, which expects a different server on this port
            return
        self.server.requests.append(ReceivedRequest(self.command, self.path, headers, body))
        self.server.answer(self)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = go

    def json(self, value: object, status: int = 200, headers: dict[str, str] | None = None) -> None:
        self.send(status, "application/json", json.dumps(value).encode(), VERSION if headers is None else headers)

    def page(self, status: int = 200) -> None:
        self.send(status, "text/html", b"<html>Sign in</html>", {})

    def moved(self, to: str) -> None:
        self.send(302, "text/html", b"", {"Location": to})

    def send(self, status: int, kind: str, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def stream(self, *parts: str) -> None:
        """Begin an event stream; it ends when the route returns."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for part in parts:
            self.more(part)

    def more(self, part: str) -> None:
        self.wfile.write(part.encode())
        self.wfile.flush()

    def hold(self, seconds: float) -> None:
        """Wait `seconds`, or until the test is over."""
        self.server.over.wait(seconds)

    def drop(self, sent: bytes = b"") -> None:
        """Drop the connection, in the middle of an answer or before it."""
        self.wfile.write(sent)
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


class Site(ThreadingHTTPServer):
    """An HTTP server that answers with a function of the test and records the requests."""

    daemon_threads = False  # so that closing it waits for all

    def __init__(self, answer: Callable[[Visit], None], tls: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Visit)
        self.scheme = "http"
        if tls is not None:
            # The thread of the request does the handshake.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
            self.scheme = "https"
        self.answer = answer
        self.requests: list[ReceivedRequest] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_port}"

    @property
    def root(self) -> str:
        return f"{self.url}/hub/api"

    @property
    def calls(self) -> list[str]:
        return [request.call for request in self.requests]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: in some tests the client closes the connection."""


def answer_as_ana(visit: Visit) -> None:
    """Answer every request with a user and a version."""
    visit.json({"name": "ana", "version": "6.1.1"})


@contextmanager
def serving(answer: Callable[[Visit], None], tls: ssl.SSLContext | None = None) -> Iterator[Site]:
    """Run a site for the duration of the block."""
    with Site(answer, tls) as site:
        thread = threading.Thread(target=site.serve_forever, args=(0.01,), name="loopback")
        thread.start()
        try:
            yield site
        finally:
            site.over.set()
            site.shutdown()
            thread.join()


@contextmanager
def hub_at(route: Callable[[Visit], None]) -> Iterator[tuple[Site, Hub]]:
    with serving(route) as site, Hub(site.root, "SECRET") as hub:
        yield site, hub


@asynccontextmanager
async def async_hub_at(route: Callable[[Visit], None]) -> AsyncIterator[tuple[Site, AsyncHub]]:
    with serving(route) as site:
        async with AsyncHub(site.root, "SECRET") as hub:
            yield site, hub


class Peer:
    """The server's end of a TCP connection, which sends and reads bytes."""

    def __init__(self, connection: socket.socket, over: threading.Event) -> None:
        self.connection = connection
        self.over = over

    def request(self) -> bytes:
        """Read a request up to the end of its headers."""
        read = b""
        while b"\r\n\r\n" not in read and (part := self.connection.recv(2**16)):
            read += part
        return read

    def send(self, content: bytes) -> None:
        """Send all bytes."""
        self.connection.sendall(content)

    def endless(self, content: bytes, pause: float = 0.0) -> None:
        """Send the same bytes repeatedly, until the client disconnects or the test is over."""
        while not self.over.wait(pause):
            self.send(content)

    def drip(self, content: bytes, pause: float = 0.02) -> None:
        """Send the content byte by byte, and then nothing until the test is over."""
        for number in content:
            if self.over.wait(pause):
                return
            self.send(bytes([number]))
        self.over.wait()


@contextmanager
def tcp_peer(talk: Callable[[Peer], None]) -> Iterator[str]:
    """Listen on a port and run `talk` for each connection; yield the address."""
    over = threading.Event()
    connections: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def visit(connection: socket.socket) -> None:
        with suppress(OSError), connection:  # the client may disconnect
            talk(Peer(connection, over))

    def accept() -> None:
        with suppress(OSError):  # the end of the test
            while True:
                connection, _ = listening.accept()
                connections.append(connection)
                threads.append(threading.Thread(target=visit, args=(connection,)))
                threads[-1].start()

    def hang_up(open_one: socket.socket) -> None:
        with suppress(OSError):  # it is closed already
            open_one.shutdown(socket.SHUT_RDWR)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        first = threading.Thread(target=accept, name="talking")
        first.start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            hang_up(listening)
            first.join()
            for connection in connections:
                hang_up(connection)
            for thread in threads:
                thread.join()


@contextmanager
def refusing_port() -> Iterator[str]:
    """Yield the URL of a port that is bound but does not accept connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def once(step: Step) -> Flow[Any]:
    """Run a step without its retries."""
    return (yield step)


@contextmanager
def recording_error(emitted: list[Any]) -> Iterator[None]:
    """Add the error that ends the block, if any."""
    try:
        yield
    except HubError as error:
        emitted.append(error)


class Driver(Protocol):
    """An interface to a client that is opened, used and closed in one call."""

    def run(
        self, url: str | None, plan: Operation[T], token: str | None = "SECRET", timeout: float | Timeouts = MAX_SECONDS
    ) -> T: ...

    def events(
        self,
        url: str | None,
        plan: Operation[Any],
        token: str | None = "SECRET",
        timeout: float | Timeouts = MAX_SECONDS,
    ) -> list[Any]: ...


class Sync:
    """`Hub`"""

    def run(
        self, url: str | None, plan: Operation[T], token: str | None = "SECRET", timeout: float | Timeouts = MAX_SECONDS
    ) -> T:
        with Hub(url, token, timeout=timeout) as hub:
            return hub.run(plan)

    def events(
        self,
        url: str | None,
        plan: Operation[Any],
        token: str | None = "SECRET",
        timeout: float | Timeouts = MAX_SECONDS,
    ) -> list[Any]:
        """Return what a plan emits and, last, the error that it ended with, if any."""
        emitted: list[Any] = []
        with Hub(url, token, timeout=timeout) as hub, recording_error(emitted):
            emitted.extend(hub.events(plan))
        return emitted


class Async:
    """`AsyncHub`"""

    def run(
        self, url: str | None, plan: Operation[T], token: str | None = "SECRET", timeout: float | Timeouts = MAX_SECONDS
    ) -> T:
        async def go() -> T:
            async with AsyncHub(url, token, timeout=timeout) as hub:
                return await hub.run(plan)

        return asyncio.run(go())

    def events(
        self,
        url: str | None,
        plan: Operation[Any],
        token: str | None = "SECRET",
        timeout: float | Timeouts = MAX_SECONDS,
    ) -> list[Any]:
        """Return what a plan emits and, last, the error that it ended with, if any."""

        async def go() -> list[Any]:
            emitted: list[Any] = []
            async with AsyncHub(url, token, timeout=timeout) as hub:
                with recording_error(emitted):
                    async for event in hub.events(plan):
                        emitted.append(event)  # noqa: PERF401 - what came before an error counts
            return emitted

        return asyncio.run(go())


BOTH = pytest.mark.parametrize("driver", [Sync(), Async()], ids=["Hub", "AsyncHub"])


def within(work: Callable[[], T]) -> T:
    """Return the result of `work`; fail if it does not end within MAX_SECONDS."""
    end: list[Any] = []

    def go() -> None:
        try:
            end.append(work())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            end.append(error)

    thread = threading.Thread(target=go, daemon=True)
    thread.start()
    thread.join(MAX_SECONDS)
    assert end, f"not finished after {MAX_SECONDS} s"
    if isinstance(end[0], BaseException):
        raise end[0]
    result: T = end[0]
    return result


@contextmanager
def alarm(seconds: float, once: Callable[[], object] = lambda: True) -> Iterator[None]:
    """Press Ctrl-C `seconds` after a condition holds, as a signal that can interrupt the main thread anywhere."""
    over = threading.Event()

    def ring(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def wait() -> None:
        while not once():
            if over.wait(0.01):
                return
        if not over.wait(seconds):
            os.kill(os.getpid(), signal.SIGALRM)

    before = signal.signal(signal.SIGALRM, ring)
    waiting = threading.Thread(target=wait, name="alarm")
    waiting.start()
    try:
        yield
    finally:
        over.set()
        waiting.join()
        signal.signal(signal.SIGALRM, before)


def stable_count(count: Callable[[], int]) -> int:
    """Return the count as soon as it no longer changes."""
    before = -1
    while before != (before := count()):
        time.sleep(0.3)
    return before


def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset all proxy variables."""
    for name in ("no_proxy", "all_proxy", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def endless(tag: str = "x") -> Flow[str]:
    """Fork a flow that lasts longer than any test, and emit that it has begun."""

    def child() -> Flow[None]:
        try:
            yield Emit("begun")
            yield Sleep(MAX_SECONDS * 3)
        except Interrupted:
            yield send("DELETE", f"/{tag}")
            raise

    yield Fork(child(), tag)
    while (yield from Next(3600)) is None:
        pass
    return "never"
