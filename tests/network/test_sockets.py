"""Websockets of both clients, with servers that refuse, fail, lie or fall silent."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha1
from typing import Any

import pytest
from loopback import BOTH, Driver, Peer, refusing_port, serving, tcp_peer
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Ping, TextMessage

from jhub.client import sockets
from jhub.errors import HubError, NotAHub, NotAuthorized, NotFound, Redirected, Unavailable
from jhub.singleuser.refusals import refusal
from jhub.steps import (
    CloseSocket,
    Flow,
    OpenSocket,
    ReceiveFrame,
    Request,
    SendFrame,
    SocketClosed,
    decode_nothing,
)

PROTOCOL = "chosen.protocol"


class Socket:
    """The server's end of a websocket."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._connection = Connection(ConnectionType.SERVER)
        self.events: list[Event] = []

    def send(self, *events: Event) -> None:
        self._peer.send(b"".join(self._connection.send(event) for event in events))

    def raw(self, content: bytes) -> None:
        self._peer.send(content)

    def next(self, kind: type[Event]) -> Any:
        """Return the next event of a kind."""
        while True:
            for number, event in enumerate(self.events):
                if isinstance(event, kind):
                    del self.events[: number + 1]
                    return event
            data = self._peer.connection.recv(2**16)
            if not data:
                raise OSError("the client has gone")
            self._connection.receive_data(data)
            self.events += self._connection.events()

    def hold(self) -> None:
        """Send nothing more."""
        self._peer.over.wait()


def server(talk: Callable[[Socket], None], headers: str = "") -> Callable[[Peer], None]:
    """Return what a peer does that accepts a websocket."""

    def accept(peer: Peer) -> None:
        request = peer.request()
        key = re.search(rb"(?i)sec-websocket-key: (\S+)", request)
        assert key is not None
        assert b"authorization: token only-here\r\n" in request.lower()
        digest = b64encode(sha1(key[1] + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        peer.send("\r\n".join([*lines, f"Sec-WebSocket-Accept: {digest}", *headers.splitlines(), "", ""]).encode())
        talk(Socket(peer))

    return accept


def opening(address: str) -> OpenSocket:
    url = f"http://{address}/x/api"
    request = Request("GET", url, decode_nothing, root="site", token="only-here", refusal=refusal, about="kernel")
    return OpenSocket(request, (PROTOCOL,))


def received(address: str, *sent: str | bytes, seconds: float = 30.0, count: int = 1) -> Flow[list[Any]]:
    """Open a socket, send, and return what is received; the socket is closed at the end."""
    socket = yield from opening(address)
    frames: list[Any] = [socket.subprotocol]
    for data in sent:
        yield from SendFrame(socket, data)
    for _ in range(count):
        frames += [(yield from ReceiveFrame(socket, seconds))]
    yield from CloseSocket(socket)
    yield from CloseSocket(socket)
    return frames


@BOTH
def test_frames_go_both_ways(driver: Driver) -> None:
    large = b"x" * 3_000_000

    def talk(socket: Socket) -> None:
        text, data = socket.next(TextMessage), socket.next(BytesMessage)
        assert (text.data, bytes(data.data)) == ("hello", b"\x00\xff")
        socket.send(TextMessage("ä€😀"), BytesMessage(large), Ping(b"1"), TextMessage("end"))
        socket.hold()

    with tcp_peer(server(talk, f"Sec-WebSocket-Protocol: {PROTOCOL}")) as address:
        frames = driver.run(f"http://{address}/hub/api", received(address, "hello", b"\x00\xff", count=3))
    assert frames == [PROTOCOL, "ä€😀", large, "end"]


@BOTH
def test_messages_are_acknowledged(driver: Driver) -> None:
    """Without a pong, Jupyter Server would hold each message back for 40 ms."""
    from wsproto.events import Pong

    pongs: list[Any] = []

    def talk(socket: Socket) -> None:
        for _ in range(3):
            socket.send(TextMessage("x"))
            pongs.append(socket.next(Pong))

    with tcp_peer(server(talk)) as address:
        frames = driver.run(f"http://{address}/hub/api", received(address, count=3))
    assert frames == [None, "x", "x", "x"]
    assert len(pongs) == 3


@BOTH
def test_silence_and_the_end(driver: Driver) -> None:
    def talk(socket: Socket) -> None:
        socket.next(TextMessage)
        socket.send(CloseConnection(1001))

    def job(address: str) -> Flow[list[Any]]:
        socket = yield from opening(address)
        first = yield from ReceiveFrame(socket, 0.05)
        yield from SendFrame(socket, "go on")
        second = yield from ReceiveFrame(socket, 30)
        yield from SendFrame(socket, "into nothing")
        third = yield from ReceiveFrame(socket, 30)
        yield from CloseSocket(socket)
        return [first, second, third]

    with tcp_peer(server(talk)) as address:
        assert driver.run(f"http://{address}/hub/api", job(address)) == [None, SocketClosed(), SocketClosed()]


@BOTH
@pytest.mark.parametrize(
    "talk",
    [
        lambda socket: None,  # the connection ends
        lambda socket: socket.send(CloseConnection(1000)),
        lambda socket: socket.raw(b"\xff\xff\xff\xff" * 10),  # not a frame
        lambda socket: socket.raw(b"\x81\x02\xff\xff"),  # text that is not UTF-8
        lambda socket: socket.raw(b"\x81\x7d"),  # half a frame
    ],
)
def test_broken_ends(driver: Driver, talk: Callable[[Socket], None], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PING_SECONDS", 0.2)
    with tcp_peer(server(talk)) as address:
        _, frame = driver.run(f"http://{address}/hub/api", received(address))
    assert isinstance(frame, SocketClosed)


@BOTH
def test_a_message_that_is_too_large(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sockets.SETTINGS, "max_message_size_bytes", 100_000)

    def talk(socket: Socket) -> None:
        socket.send(BytesMessage(b"x" * 200_000))
        socket.hold()

    with tcp_peer(server(talk)) as address:
        assert driver.run(f"http://{address}/hub/api", received(address)) == [None, SocketClosed()]


@BOTH
def test_a_connection_that_falls_silent_is_lost(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PING_SECONDS", 0.2)
    with tcp_peer(server(Socket.hold)) as address:
        frames = driver.run(f"http://{address}/hub/api", received(address))
    assert frames == [None, SocketClosed(may_have_lost=True)]


@BOTH
def test_a_silent_connection_that_answers_pings_is_not_lost(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "PING_SECONDS", 0.1)

    def talk(socket: Socket) -> None:
        for _ in range(5):
            socket.send(socket.next(Ping).response())
        socket.send(TextMessage("at last"))
        socket.hold()

    with tcp_peer(server(talk)) as address:
        assert driver.run(f"http://{address}/hub/api", received(address)) == [None, "at last"]


@BOTH
@pytest.mark.parametrize(
    ("status", "error"),
    [(302, Redirected), (403, NotAuthorized), (404, NotFound), (503, Unavailable), (200, NotAHub), (204, NotAHub)],
)
def test_a_handshake_that_is_refused(driver: Driver, status: int, error: type[HubError]) -> None:
    with serving(lambda visit: visit.json({"message": "no"}, status)) as site:
        with pytest.raises(error) as caught:
            driver.run(site.root, received(site.url.removeprefix("http://")))
        (request,) = site.requests
    assert request.headers["authorization"] == "token only-here"
    assert "cookie" not in request.headers
    assert "only-here" not in str(caught.value) + repr(caught.value)


@BOTH
def test_no_server(driver: Driver) -> None:
    with refusing_port() as url, pytest.raises(Unavailable, match="cannot reach"):
        driver.run(f"{url}/hub/api", received(url.removeprefix("http://")))


@BOTH
def test_a_handshake_without_an_answer_ends(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets, "HANDSHAKE_SECONDS", 0.3)

    def silent(peer: Peer) -> None:
        peer.request()
        peer.over.wait()

    with tcp_peer(silent) as address, pytest.raises(Unavailable):
        driver.run(f"http://{address}/hub/api", received(address))


@BOTH
def test_sockets_that_a_flow_leaves_open_end_with_the_client(driver: Driver) -> None:
    ends: list[Any] = []

    def talk(socket: Socket) -> None:
        ends.append(socket.next(CloseConnection))

    def job(address: str) -> Flow[int]:
        return (yield from opening(address)).number

    with tcp_peer(server(talk)) as address:
        assert driver.run(f"http://{address}/hub/api", job(address)) == 1
    assert len(ends) == 1
