"""Websockets of the drivers, on those of the HTTP library.

A socket acknowledges each message with a pong, which needs no answer. Jupyter Server 2.21 does not set TCP_NODELAY:
without the pong it holds each message back for 40 ms, until the one before it is acknowledged.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from typing import Any, Self, TypeAlias

import anyio
import httpx2
from httpx2.websockets import AsyncWebSocketSession, HTTPXWSException, WebSocketSession, WebSocketUpgradeError
from wsproto.events import Pong
from wsproto.utilities import ProtocolError

from jhub.steps import SocketClosed

HANDSHAKE_SECONDS = 75.0
"""Maximum duration of a handshake. Jupyter Server answers it once the kernel does, or after 60 s."""
MAX_MESSAGE_BYTES = 128 * 2**20
"""Maximum size of a message. The library's default, 64 KiB, is smaller than one plot."""
MAX_QUEUED_MESSAGES = 8
"""Maximum number of messages that have arrived and wait for the flow. The server waits when there are more."""
PING_SECONDS = 15.0
"""Seconds of silence after which a socket is pinged, and seconds in which the answer must arrive."""

# The library's own keep-alive is off: it would close a socket whose messages wait, as their pongs wait behind them.
SETTINGS: dict[str, Any] = {
    "max_message_size_bytes": MAX_MESSAGE_BYTES,
    "queue_size": MAX_QUEUED_MESSAGES,
    "keepalive_ping_interval_seconds": None,
    "keepalive_ping_timeout_seconds": None,
}
"""Settings of a websocket of the library."""

Frame: TypeAlias = str | bytes
REFUSED = WebSocketUpgradeError
"""The error of a handshake that was refused, with the `response`."""
CLOSED = (HTTPXWSException, ProtocolError, httpx2.HTTPError, OSError)
"""Errors of a websocket that is closed or lost."""


class _Silence:
    """The silence on a socket, and the ping that tells whether the connection is lost."""

    def __init__(self) -> None:
        self._pong_arrived: Callable[[], bool] | None = None
        self._since = time.monotonic()

    def end(self) -> None:
        """Note that a message has arrived."""
        self._pong_arrived, self._since = None, time.monotonic()

    @property
    def left(self) -> float:
        """Seconds until something is due."""
        return max(self._since + PING_SECONDS - time.monotonic(), 0.0)

    @property
    def connection_is_lost(self) -> bool:
        """True if a ping has had no answer in time."""
        return self._pong_arrived is not None and not self._pong_arrived()

    def pinged(self, pong_arrived: Callable[[], bool]) -> None:
        """Note a ping."""
        self._pong_arrived, self._since = pong_arrived, time.monotonic()


class SyncSocket:
    """A websocket of `Hub`."""

    def __init__(self, opening: AbstractContextManager[WebSocketSession]) -> None:
        self._opening = opening
        self._session = opening.__enter__()
        self._silence = _Silence()
        self._end: SocketClosed | None = None
        self.subprotocol = self._session.subprotocol

    def send(self, data: Frame) -> None:
        """Send a message, unless the socket is closed."""
        try:
            if self._end is None:
                self._session.send_text(data) if isinstance(data, str) else self._session.send_bytes(data)
        except CLOSED:
            self.close()

    def receive(self, seconds: float) -> Frame | SocketClosed | None:
        """Return the next message, None after `seconds` of silence, or the end of the socket."""
        end = time.monotonic() + seconds
        try:
            while self._end is None and (left := end - time.monotonic()) > 0:
                try:
                    event: Any = self._session.receive(timeout=min(left, self._silence.left))
                except TimeoutError:
                    if self._silence.left:
                        return None
                    if self._silence.connection_is_lost:
                        self.close(SocketClosed(may_have_lost=True))
                    else:
                        self._silence.pinged(self._session.ping().is_set)
                    continue
                self._silence.end()
                with suppress(*CLOSED):  # what has arrived counts all the same
                    self._session.send(Pong())
                return event.data if isinstance(event.data, str) else bytes(event.data)
        except CLOSED:
            self.close()
        return self._end

    def close(self, end: SocketClosed = SocketClosed()) -> None:  # noqa: B008 - frozen
        """Close the socket."""
        if self._end is None:
            self._end = end
            with suppress(*CLOSED):
                self._opening.__exit__(None, None, None)


class AsyncSocket:
    """A websocket of `AsyncHub`.

    A task of its own opens it and reads it: the library's task group must be left in the task that entered it, and a
    flow may close its sockets in another.
    """

    def __init__(self, opening: AbstractAsyncContextManager[AsyncWebSocketSession]) -> None:
        self._opening = opening
        self._opened: asyncio.Future[AsyncWebSocketSession] = asyncio.get_running_loop().create_future()
        self._frames: asyncio.Queue[Frame | SocketClosed] = asyncio.Queue(MAX_QUEUED_MESSAGES)
        self._silence = _Silence()
        self._end: SocketClosed | None = None
        self._task = asyncio.create_task(self._read())
        self.subprotocol: str | None = None

    async def open(self) -> Self:
        """Wait until the socket is open, and return it. Raise the error of the handshake."""
        try:
            self.subprotocol = (await self._opened).subprotocol
        except BaseException:
            await self.close()
            raise
        return self

    async def _read(self) -> None:
        try:
            async with self._opening as session:
                self._opened.set_result(session)
                with suppress(*CLOSED):
                    while True:
                        event: Any = await session.receive()
                        with suppress(*CLOSED):  # what has arrived counts all the same
                            await session.send(Pong())
                        await self._frames.put(event.data if isinstance(event.data, str) else bytes(event.data))
        except Exception as error:  # noqa: BLE001 - it is raised in `open`; later, it means that the socket is closed
            if not self._opened.done():
                self._opened.set_exception(error)
        await self._frames.put(SocketClosed())

    async def send(self, data: Frame) -> None:
        """Send a message, unless the socket is closed."""
        session = await self._opened
        with suppress(*CLOSED):  # the next `receive` returns the end
            await (session.send_text(data) if isinstance(data, str) else session.send_bytes(data))

    async def receive(self, seconds: float) -> Frame | SocketClosed | None:
        """Return the next message, None after `seconds` of silence, or the end of the socket."""
        session, end = await self._opened, time.monotonic() + seconds
        while self._end is None and (left := end - time.monotonic()) > 0:
            with anyio.move_on_after(min(left, self._silence.left)):
                frame = await self._frames.get()
                self._silence.end()
                if not isinstance(frame, SocketClosed):
                    return frame
                self._end = frame
                break
            if self._silence.left:
                return None
            if self._silence.connection_is_lost:
                await self.close()
                self._end = SocketClosed(may_have_lost=True)
            else:
                with suppress(*CLOSED):  # the reader has put the end into the queue
                    self._silence.pinged((await session.ping()).is_set)
        return self._end

    async def close(self) -> None:
        """Close the socket."""
        self._end = self._end or SocketClosed()
        self._task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([self._task])
