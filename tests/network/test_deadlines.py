"""Both drivers and an endless peer: one deadline for each exchange, one maximum size for each body."""

from __future__ import annotations

import gzip
import socket
import ssl
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpcore2
import pytest
import trustme
from loopback import BOTH, MAX_SECONDS, Driver, Peer, Visit, alarm, no_proxies, once, serving, tcp_peer, within

from jhub import Hub, Timeouts
from jhub.client import deadline as deadlines
from jhub.errors import NotAHub, Unavailable
from jhub.local.probe import hub_version
from jhub.operations.server_status import listen
from jhub.steps import Operation, Step, call

HEAD = b"HTTP/1.1 200 OK\r\nX-JupyterHub-Version: 6.1.1\r\n"
CHUNKED = HEAD + b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
STREAM = HEAD + b"Content-Type: text/event-stream\r\n\r\n"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/html\r\n\r\n"

SHORT = Timeouts(total=0.5)
"""Timeouts whose `read` is 60 s, so that only the deadline can end an exchange."""

GET = call("GET", "/users/ana", dict[str, Any])
POST = call("POST", "/users/ana", dict[str, Any], body={"text": "x" * 2**24})
LISTEN = listen("ana", "lab", 3600.0)

Talk = Callable[[Peer], None]


def after(head: bytes, more: Callable[[Peer], None]) -> Talk:
    """Return a peer that reads the request, sends the beginning of an answer, and goes on with `more`."""

    def talk(peer: Peer) -> None:
        peer.request()
        peer.send(head)
        more(peer)

    return talk


def empty_blocks() -> bytes:
    """Return compressed data that decompresses to nothing and can go on without end."""
    packer = zlib.compressobj(wbits=31)
    return packer.compress(b"") + packer.flush(zlib.Z_SYNC_FLUSH)


SLOW: dict[str, Talk] = {
    "nothing": lambda peer: peer.drip(b""),
    "the status line": after(b"", lambda peer: peer.drip(b"HTTP/1.1 200 " + b"O" * 90_000)),
    "one header": after(HEAD, lambda peer: peer.drip(b"X: " + b"x" * 90_000)),
    "many headers": after(HEAD, lambda peer: peer.endless(b"X: y\r\n", 0.02)),
    "100 without end": after(b"", lambda peer: peer.endless(b"HTTP/1.1 100 Continue\r\n\r\n")),
    "103 without end": after(b"", lambda peer: peer.endless(b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n" * 100)),
    "103 now and then": after(b"", lambda peer: peer.endless(b"HTTP/1.1 103 Early\r\n\r\n", 0.02)),
    "content": after(HEAD + b"Content-Length: 9999\r\n\r\n", lambda peer: peer.endless(b" ", 0.02)),
    "small chunks": after(CHUNKED, lambda peer: peer.endless(b"1\r\n \r\n", 0.02)),
    "the length of a chunk": after(CHUNKED, lambda peer: peer.drip(b"1;" + b"x" * 90_000)),
    "trailers": after(CHUNKED + b"0\r\n", lambda peer: peer.endless(b"X: y\r\n", 0.02)),
    "compressed nothing": after(
        HEAD + b"Content-Encoding: gzip\r\n\r\n" + empty_blocks(),
        lambda peer: peer.endless(b"\0\0\0\xff\xff" * 1000, 0.02),
    ),
    "the content of a refusal": after(REFUSED, lambda peer: peer.endless(b" ", 0.02)),
}

CONTENT = {"content", "small chunks", "the length of a chunk", "trailers", "compressed nothing"}
"""Kinds that are not a progress stream, or are one that may last as long as a start."""


def single(step: Step) -> Operation[Any]:
    """Return an operation that makes one attempt."""
    return once(step)


def ends(driver: Driver, peer: str, step: Operation[Any], timeouts: Timeouts = SHORT, scheme: str = "http") -> Any:
    return within(lambda: driver.run(f"{scheme}://{peer}/hub/api", step, timeout=timeouts))


@BOTH
@pytest.mark.parametrize(
    ("step", "kind"),
    [(GET, kind) for kind in SLOW] + [(LISTEN, kind) for kind in SLOW if kind not in CONTENT],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_an_endless_answer_times_out(driver: Driver, step: Step, kind: str) -> None:
    with tcp_peer(SLOW[kind]) as peer, pytest.raises(Unavailable):
        ends(driver, peer, once(step))


@BOTH
def test_a_stream_may_last_longer_than_a_call(driver: Driver) -> None:
    def slow(visit: Visit) -> None:
        visit.stream(": one moment\n\n")
        visit.hold(2.2)
        visit.more('data: {"ready": true}\n\n')

    with serving(slow) as site:
        last = within(lambda: driver.run(site.root, LISTEN, timeout=Timeouts(total=2)))
    assert last is not None
    assert last.ready


@BOTH
@pytest.mark.parametrize("content", [b": on\n\n", b"\n\n", b"x", b"event: x\n\n", b'data: {"progress": 1}\n\n'])
@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_an_endless_stream_ends_at_its_timeout(driver: Driver, content: bytes, pause: float) -> None:
    with tcp_peer(after(STREAM, lambda peer: peer.endless(content, pause))) as peer:
        assert ends(driver, peer, listen("ana", "lab", 0.3), Timeouts()) is None


@BOTH
def test_a_stream_that_never_starts_has_no_events(driver: Driver) -> None:
    with tcp_peer(lambda peer: peer.drip(b"HTTP/1.1 200 " + b"O" * 90_000)) as peer:
        assert ends(driver, peer, listen("ana", "lab", 0.3), Timeouts()) is None


@BOTH
@pytest.mark.parametrize("rate", [0, 10_000], ids=["stops", "creeps"])
def test_a_peer_that_does_not_read_times_out(driver: Driver, rate: int) -> None:
    def talk(peer: Peer) -> None:
        peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        while not peer.over.wait(0.02):
            if rate:
                peer.connection.recv(rate)

    with tcp_peer(talk) as peer, pytest.raises(Unavailable):
        ends(driver, peer, once(POST))


HELLO = b"\x16\x03\x03\x40\x00\x02" + b"\0" * 90_000
"""The beginning of a long handshake."""


@BOTH
@pytest.mark.parametrize("timeouts", [SHORT, Timeouts(connect=0.5)], ids=["total", "connect"])
def test_an_endless_handshake_times_out(driver: Driver, timeouts: Timeouts) -> None:
    with tcp_peer(lambda peer: peer.drip(HELLO)) as peer, pytest.raises(Unavailable):
        ends(driver, peer, once(GET), timeouts, scheme="https")


@contextmanager
def proxy(monkeypatch: pytest.MonkeyPatch, peer: str) -> Iterator[None]:
    """Set the peer as the proxy in the environment."""
    with monkeypatch.context() as environment:
        no_proxies(environment)
        environment.setenv("HTTPS_PROXY", f"http://{peer}")
        yield


@BOTH
@pytest.mark.parametrize("kind", ["nothing", "the status line", "many headers", "100 without end"])
def test_a_proxy_that_never_connects_times_out(driver: Driver, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with tcp_peer(SLOW[kind]) as peer, proxy(monkeypatch, peer), pytest.raises(Unavailable):
        ends(driver, "hub.invalid", once(GET), scheme="https")


@BOTH
def test_an_endless_handshake_behind_a_proxy_times_out(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = after(b"HTTP/1.1 200 OK\r\n\r\n", lambda peer: peer.drip(HELLO))
    with tcp_peer(opened) as peer, proxy(monkeypatch, peer), pytest.raises(Unavailable):
        ends(driver, "hub.invalid", once(GET), scheme="https")


@pytest.fixture
def no_answer_of_names(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make DNS lookups hang."""
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: over.wait(60) and [])
    yield
    over.set()


@pytest.mark.usefixtures("no_answer_of_names")
def test_a_dns_lookup_without_an_answer_times_out() -> None:
    with Hub("https://hub.invalid/hub/api", timeout=SHORT) as hub, pytest.raises(Unavailable, match="looking up") as no:
        within(lambda: hub.run(once(GET)))
    assert not no.value.sent


@pytest.mark.usefixtures("no_answer_of_names")
def test_ctrl_c_ends_a_dns_lookup() -> None:
    with Hub("https://hub.invalid/hub/api") as hub, alarm(0.3), pytest.raises(KeyboardInterrupt):
        hub.run(once(GET))


@pytest.mark.parametrize("kind", ["the status line", "100 without end", "small chunks", "content"])
def test_ctrl_c_ends_an_endless_exchange(kind: str) -> None:
    began = time.monotonic()
    with (
        tcp_peer(SLOW[kind]) as peer,
        Hub(f"http://{peer}/hub/api") as hub,
        alarm(0.3),
        pytest.raises(KeyboardInterrupt),
    ):
        hub.run(once(GET))
    assert time.monotonic() - began < Timeouts().read


def contexts(authority: trustme.CA, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS contexts of a server and its client."""
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert(name).configure_cert(theirs)
    return theirs, ours


class Inside:
    """The server side of TLS inside an encrypted connection."""

    def __init__(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        self._connection = connection
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    def do(self, action: Callable[[], Any]) -> Any:
        while True:
            wants = False
            try:
                done = action()
            except ssl.SSLWantReadError:
                wants = True
            self._connection.sendall(self._outgoing.read())
            if not wants:
                return done
            if part := self._connection.recv(2**16):
                self._incoming.write(part)
            else:
                self._incoming.write_eof()

    def echo(self) -> None:
        self.do(self._tls.do_handshake)
        while content := self.do(partial(self._tls.read, 2**16)):
            self.do(partial(self._tls.write, content))


def test_tls_runs_inside_tls() -> None:
    authority = trustme.CA()
    theirs, ours = contexts(authority, "127.0.0.1")
    inner_theirs, inner_ours = contexts(authority, "hub.invalid")

    def talk(peer: Peer) -> None:
        with theirs.wrap_socket(peer.connection, server_side=True) as outer:
            Inside(outer, inner_theirs).echo()

    content = bytes(range(256)) * 2000
    limit = deadlines.BoundedTimeout(MAX_SECONDS, deadlines.Deadline(MAX_SECONDS))
    with tcp_peer(talk) as peer:
        host, port = peer.split(":")
        stream = deadlines.Backend().connect_tcp(host, int(port), limit).start_tls(ours, "127.0.0.1", limit)
        stream = stream.start_tls(inner_ours, "hub.invalid", limit)
        for start in range(0, len(content), 10_000):
            part = content[start : start + 10_000]
            stream.write(part, limit)
            back = b""
            while len(back) < len(part):
                back += stream.read(2**16, limit)
            assert back == part
        stream.close()


def test_an_endless_handshake_inside_tls_times_out() -> None:
    theirs, ours = contexts(trustme.CA(), "127.0.0.1")

    def talk(peer: Peer) -> None:
        with theirs.wrap_socket(peer.connection, server_side=True) as outer:
            Peer(outer, peer.over).drip(HELLO)

    limit = deadlines.BoundedTimeout(MAX_SECONDS, deadlines.Deadline(MAX_SECONDS))
    short = deadlines.BoundedTimeout(0.5, deadlines.Deadline(MAX_SECONDS))
    with tcp_peer(talk) as peer:
        host, port = peer.split(":")
        stream = deadlines.Backend().connect_tcp(host, int(port), limit).start_tls(ours, "127.0.0.1", limit)
        with pytest.raises(httpcore2.ConnectTimeout):
            stream.start_tls(ours, "hub.invalid", short)


PAGE = HEAD + b"Content-Type: application/json\r\n"


def bomb(packed: int) -> bytes:
    """Return zeros that were compressed this many times."""
    content = bytes(2**26 + 1)
    for _ in range(packed):
        content = gzip.compress(content)
    return content


def packed(head: bytes, how: bytes, content: Callable[[], bytes]) -> Talk:
    """Return a peer that sends compressed content without end."""
    return after(head[:-2] + b"Content-Encoding: " + how + b"\r\n\r\n", lambda peer: peer.endless(content()))


LARGE: dict[str, tuple[Step, Talk]] = {
    "content": (GET, after(PAGE + b"\r\n", lambda peer: peer.endless(b" " * 2**16))),
    "chunks": (GET, after(CHUNKED, lambda peer: peer.endless(b"10000\r\n" + b" " * 2**16 + b"\r\n"))),
    "a refusal": (GET, after(REFUSED, lambda peer: peer.endless(b" " * 2**16))),
    "compressed": (GET, packed(PAGE + b"\r\n", b"gzip", lambda: bomb(1))),
    "after the end of what is packed": (
        GET,
        packed(PAGE + b"\r\n", b"gzip", lambda: gzip.compress(b"{}") + bytes(2**16)),
    ),
    "twice": (GET, packed(PAGE + b"\r\n", b"gzip, gzip", lambda: bomb(2))),
    "a packed refusal": (GET, packed(REFUSED, b"gzip", lambda: bomb(1))),
    "no stream": (LISTEN, after(REFUSED, lambda peer: peer.endless(b" " * 2**16))),
    "a page": (LISTEN, after(PAGE + b"\r\n", lambda peer: peer.endless(b" " * 2**16))),
    "a line": (LISTEN, after(STREAM, lambda peer: peer.endless(b"x" * 2**16))),
    "an event": (LISTEN, after(STREAM, lambda peer: peer.endless(b"data: x\n" * 1000))),
    "events": (LISTEN, after(STREAM, lambda peer: peer.endless(b'data: {"progress": 1}\n\n' * 1000))),
    "a compressed event": (LISTEN, packed(STREAM, b"gzip", lambda: bomb(1))),
}


@BOTH
@pytest.mark.parametrize("kind", LARGE)
def test_an_endless_answer_raises_not_a_hub(driver: Driver, kind: str) -> None:
    step, talk = LARGE[kind]
    with tcp_peer(talk) as peer, pytest.raises(NotAHub):
        ends(driver, peer, once(step), Timeouts())


CHILD = """
import asyncio, sys
from pathlib import Path

sys.path[:0] = sys.argv[1:3]
from loopback import once
from test_deadlines import LARGE

from jhub import AsyncHub, Hub
from jhub.errors import NotAHub
def most():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM"))

def synchronous(url, plan):
    with Hub(url) as hub:
        hub.run(plan)

async def asynchronous(url, plan):
    async with AsyncHub(url) as hub:
        await hub.run(plan)

before = most()
for kind, peer in zip(sys.argv[3::2], sys.argv[4::2], strict=True):
    step = LARGE[kind][0]
    for go in (synchronous, lambda *of: asyncio.run(asynchronous(*of))):
        try:
            go(f"http://{peer}/hub/api", once(step))
        except NotAHub:
            print(kind, most() - before, flush=True)
"""

MEMORY = 400
"""Maximum growth in MiB: a few copies of the largest answer, and the interpreter's own memory."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads a process's memory from /proc")
def test_an_endless_answer_takes_bounded_memory() -> None:
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "support")]
    with ExitStack() as stack:
        peers = [part for kind, (_, talk) in LARGE.items() for part in (kind, stack.enter_context(tcp_peer(talk)))]
        command = [sys.executable, "-c", CHILD, *folders, *peers]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)
    found = [line.rsplit(maxsplit=1) for line in ran.stdout.splitlines()]
    assert [kind for kind, _ in found] == [kind for kind in LARGE for _ in range(2)]
    assert not [(kind, most) for kind, most in found if int(most) > MEMORY]


@pytest.mark.parametrize("kind", SLOW)
def test_another_program_on_the_local_hubs_port_times_out(kind: str) -> None:
    with tcp_peer(SLOW[kind]) as peer:
        assert within(lambda: hub_version(f"http://{peer}/hub/api", seconds=0.3)) is None


def test_a_local_hub_is_recognised_by_its_version() -> None:
    content = b'{"version": "6.1.1"}'
    with tcp_peer(after(HEAD + b"\r\n" + content, lambda peer: None)) as peer:
        assert hub_version(f"http://{peer}/hub/api", seconds=60) == "6.1.1"
