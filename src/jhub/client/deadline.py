"""A deadline for a whole exchange, where the HTTP library has a time-out for each read and each write only.

A time-out is a float that has the deadline with it. The library hands it on to the connection as it is, and the
connections below cut it down to what is left.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
import httpcore2
import httpx2

if TYPE_CHECKING:
    from collections.abc import Generator

T = TypeVar("T")

CHUNK_BYTES = 2**16
"""Bytes that are read at a time where one connection runs inside another."""


class Deadline:
    """The end of an exchange, which may be put off."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    @property
    def over(self) -> bool:
        """Whether it has passed."""
        return time.monotonic() >= self.end

    def limit(self, timeout: httpx2.Timeout) -> httpx2.Timeout:
        """The same time-outs, none of which lasts beyond the deadline."""
        connect, read, write = (
            None if seconds is None else BoundedTimeout(seconds, self)
            for seconds in (timeout.connect, timeout.read, timeout.write)
        )
        return httpx2.Timeout(connect=connect, read=read, write=write, pool=timeout.pool)


class BoundedTimeout(float):
    """Seconds for one read or write, and the deadline of the exchange that it is a part of."""

    deadline: Deadline

    def __new__(cls, seconds: float, deadline: Deadline) -> BoundedTimeout:
        limit = super().__new__(cls, seconds)
        limit.deadline = deadline
        return limit


def remaining(timeout: float | None) -> float | None:
    """The seconds that a read or write may take now. `TimeoutError` when the exchange is over its deadline."""
    if not isinstance(timeout, BoundedTimeout):
        return timeout
    seconds = timeout.deadline.end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return min(float(timeout), seconds)


class Client(httpx2.Client):
    """The HTTP library's client, with connections that keep to deadlines."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for pool in _pools(self._transport, *self._mounts.values()):
            pool._network_backend = Backend()


class AsyncClient(httpx2.AsyncClient):
    """The same, asynchronous."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for pool in _pools(self._transport, *self._mounts.values()):
            pool._network_backend = AsyncBackend(pool._network_backend)


def _pools(*transports: object) -> Iterator[Any]:
    """Where the transports have their connections from: the library has no setting for it. One for tests has none."""
    return (pool for each in transports if (pool := getattr(each, "_pool", None)) is not None)


class Backend(httpcore2.SyncBackend):
    """Opens connections within a time-out, however long it takes to look the host up, and however many addresses it
    has.
    """

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """A connection to the first address of the host that takes one."""
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        with _errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            for address in _addresses(host, port, remaining(timeout)):
                try:
                    return Plain(super().connect_tcp(address, port, remaining(timeout), local_address, socket_options))
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    failure = error
        raise failure


class Plain(httpcore2.NetworkStream):
    """A connection over TCP."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, at least a byte; nothing at the end."""
        with _errors(httpcore2.ReadTimeout, httpcore2.ReadError):
            self._socket.settimeout(remaining(timeout))
            return self._socket.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        rest = memoryview(buffer)
        with _errors(httpcore2.WriteTimeout, httpcore2.WriteError):
            while rest:
                self._socket.settimeout(remaining(timeout))
                rest = rest[self._socket.send(rest) :]

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same connection, encrypted."""
        return Encrypted(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        """What the HTTP library looks at."""
        return self._stream.get_extra_info(info)


class Encrypted(httpcore2.NetworkStream):
    """TLS on another connection, which may be encrypted itself: the one to a proxy may."""

    def __init__(
        self, inner: httpcore2.NetworkStream, context: ssl.SSLContext, host: str | None, timeout: float | None
    ) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        if isinstance(timeout, BoundedTimeout):  # for all of the handshake, not for each part of it
            timeout = BoundedTimeout(timeout, Deadline(remaining(timeout) or timeout))
        try:
            with _errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
                self._do(self._tls.do_handshake, timeout)
        except BaseException:
            inner.close()
            raise

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, at least a byte; nothing at the end."""
        with _errors(httpcore2.ReadTimeout, httpcore2.ReadError):
            try:
                return self._do(partial(self._tls.read, max_bytes), timeout)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        rest = memoryview(buffer)
        with _errors(httpcore2.WriteTimeout, httpcore2.WriteError):
            while rest:
                rest = rest[self._do(partial(self._tls.write, rest[:CHUNK_BYTES]), timeout) :]

    def _do(self, action: Callable[[], T], timeout: float | None) -> T:
        while True:
            done: list[T] = []
            try:
                done.append(action())
            except ssl.SSLWantReadError:
                pass
            finally:
                if self._outgoing.pending:
                    self._inner.write(self._outgoing.read(), timeout)
            if done:
                return done[0]
            if part := self._inner.read(CHUNK_BYTES, timeout):
                self._incoming.write(part)
            else:
                self._incoming.write_eof()

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """The same connection, encrypted once more."""
        return Encrypted(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        """What the HTTP library looks at."""
        return self._tls if info == "ssl_object" else self._inner.get_extra_info(info)


class AsyncBackend(httpcore2.AsyncNetworkBackend):
    """Opens asynchronous connections."""

    def __init__(self, backend: httpcore2.AsyncNetworkBackend) -> None:
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """A connection to the first address of the host that takes one."""
        with _errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            seconds = remaining(timeout)
        return AsyncStream(await self._backend.connect_tcp(host, port, seconds, local_address, socket_options))


class AsyncStream(httpcore2.AsyncNetworkStream):
    """A connection, encrypted or not. Below it a time-out is one for all of a write or a handshake."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What has arrived, at least a byte; nothing at the end."""
        with _errors(httpcore2.ReadTimeout, httpcore2.ReadError):
            return await self._stream.read(max_bytes, remaining(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        with _errors(httpcore2.WriteTimeout, httpcore2.WriteError):
            await self._stream.write(buffer, remaining(timeout))

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """The same connection, encrypted."""
        try:
            with _errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                return AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, remaining(timeout)))
        except BaseException:
            with anyio.CancelScope(shield=True):  # the library leaves it open where a handshake is cancelled
                await self.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        """What the HTTP library looks at."""
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """The addresses of a host. In a thread, because looking one up takes as long as it takes."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [host]
    found: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.put([str(address[0]) for *_, address in entries])
        except Exception as error:  # noqa: BLE001 - it is raised in who waits for this
            found.put(error)

    threading.Thread(target=look_up, name=f"jhub looks up {host}", daemon=True).start()
    try:
        answer = found.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError(f"looking up {host} took too long") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextmanager
def _errors(late: type[Exception], failed: type[Exception]) -> Generator[None]:
    """Turns errors of sockets and of TLS into those of the HTTP library, as its own connections do."""
    try:
        yield
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise late(str(error)) from None
    except (OSError, httpcore2.NetworkError) as error:
        raise failed(str(error)) from None
