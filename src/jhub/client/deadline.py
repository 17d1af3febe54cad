"""Deadlines for whole exchanges: the HTTP library has timeouts for single reads and writes only.

A timeout is a float that carries the deadline. The library passes it on to the connection unchanged, and the
connections of this module shorten it to the time that is left.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import ssl
import sys
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
"""Number of bytes to read at a time from the connection below TLS."""
SOCKET_SITE = "http://socket.localhost"
"""Site that stands for the hub's unix socket in the HTTP library."""
READ_BYTES = 2**18
"""Maximum number of bytes to read at a time, whatever the HTTP library asks for.

It asks for 64 KiB, which makes a large download take two thirds more processor time; or for the largest message of a
websocket, which Python would allocate each time.
"""


class Deadline:
    """The time at which an exchange times out; it may be moved."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.end = time.monotonic() + seconds

    @property
    def is_over(self) -> bool:
        """True if the deadline has passed."""
        return time.monotonic() >= self.end

    def limit(self, timeout: httpx2.Timeout) -> httpx2.Timeout:
        """Return the timeouts, each cut off at the deadline."""
        connect, read, write = (
            None if seconds is None else BoundedTimeout(seconds, self)
            for seconds in (timeout.connect, timeout.read, timeout.write)
        )
        return httpx2.Timeout(connect=connect, read=read, write=write, pool=timeout.pool)


class BoundedTimeout(float):
    """Seconds for one read or write, with the deadline of the whole exchange."""

    deadline: Deadline

    def __new__(cls, seconds: float, deadline: Deadline) -> BoundedTimeout:
        """Return the seconds as a float, with the deadline attached."""
        timeout = super().__new__(cls, seconds)
        timeout.deadline = deadline
        return timeout


def remaining(timeout: float | None) -> float | None:
    """Return the seconds that a read or write may take now. `TimeoutError` if the deadline has passed."""
    if not isinstance(timeout, BoundedTimeout):
        return timeout
    seconds = timeout.deadline.end - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return min(float(timeout), seconds)


class Client(httpx2.Client):
    """The HTTP library's client, with connections that observe deadlines."""

    def __init__(self, uds: str = "", **settings: Any) -> None:
        """Keep the settings. `uds` is the path of the unix socket that `SOCKET_SITE` stands for."""
        if uds and settings.get("transport") is None:
            settings["mounts"] = {SOCKET_SITE: httpx2.HTTPTransport(verify=settings["verify"], uds=uds)}
        super().__init__(**settings)
        for pool in _pools(self._transport, *self._mounts.values()):
            pool._network_backend = Backend()


class AsyncClient(httpx2.AsyncClient):
    """The HTTP library's asynchronous client, with connections that observe deadlines."""

    def __init__(self, uds: str = "", **settings: Any) -> None:
        """Keep the settings. `uds` is the path of the unix socket that `SOCKET_SITE` stands for."""
        if uds and settings.get("transport") is None:
            settings["mounts"] = {SOCKET_SITE: httpx2.AsyncHTTPTransport(verify=settings["verify"], uds=uds)}
        super().__init__(**settings)
        for pool in _pools(self._transport, *self._mounts.values()):
            pool._network_backend = AsyncBackend(pool._network_backend)


def _pools(*transports: object) -> Iterator[Any]:
    """Yield the connection pools of the transports; there is no setting for them. Test transports have no pool."""
    return (pool for each in transports if (pool := getattr(each, "_pool", None)) is not None)


class Backend(httpcore2.SyncBackend):
    """A backend whose connections open within the timeout, DNS lookup and all addresses of the host included."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        """Return a connection to the first address of the host that accepts one."""
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        with _translated_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            for address in _addresses(host, port, remaining(timeout)):
                try:
                    return TcpStream(
                        super().connect_tcp(address, port, remaining(timeout), local_address, socket_options)
                    )
                except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                    failure = error
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None
    ) -> httpcore2.NetworkStream:
        """Return a connection to a unix socket."""
        with _translated_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            if sys.platform == "win32":
                raise httpcore2.ConnectError("this Python has no unix sockets")
            with socket.socket(socket.AF_UNIX) as trial:  # the library leaves its socket open if it cannot connect
                trial.settimeout(remaining(timeout))
                trial.connect(path)
            return TcpStream(super().connect_unix_socket(path, remaining(timeout), socket_options))


class TcpStream(httpcore2.NetworkStream):
    """A connection over TCP, or to a unix socket."""

    def __init__(self, stream: httpcore2.NetworkStream) -> None:
        self._stream = stream
        self._socket: socket.socket = stream.get_extra_info("socket")

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the bytes that have arrived, at least one and up to `READ_BYTES`; none at the end."""
        with _translated_errors(httpcore2.ReadTimeout, httpcore2.ReadError):
            self._socket.settimeout(remaining(timeout))
            return self._socket.recv(READ_BYTES)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all bytes."""
        unsent = memoryview(buffer)
        with _translated_errors(httpcore2.WriteTimeout, httpcore2.WriteError):
            while unsent:
                self._socket.settimeout(remaining(timeout))
                unsent = unsent[self._socket.send(unsent) :]

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Return this connection, encrypted."""
        return TlsStream(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        """Return a property of the connection that the HTTP library asks for."""
        return self._stream.get_extra_info(info)


class TlsStream(httpcore2.NetworkStream):
    """TLS on another connection, which may be encrypted itself, like one to a proxy."""

    def __init__(
        self, inner: httpcore2.NetworkStream, context: ssl.SSLContext, host: str | None, timeout: float | None
    ) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        if isinstance(timeout, BoundedTimeout):  # one timeout for the whole handshake, not for each part of it
            timeout = BoundedTimeout(timeout, Deadline(remaining(timeout) or timeout))
        try:
            with _translated_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)
                self._do(self._tls.do_handshake, timeout)
        except BaseException:
            inner.close()
            raise

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the bytes that have arrived, at least one; none at the end."""
        with _translated_errors(httpcore2.ReadTimeout, httpcore2.ReadError):
            try:
                return self._do(partial(self._tls.read, max_bytes), timeout)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all bytes."""
        unsent = memoryview(buffer)
        with _translated_errors(httpcore2.WriteTimeout, httpcore2.WriteError):
            while unsent:
                unsent = unsent[self._do(partial(self._tls.write, unsent[:CHUNK_BYTES]), timeout) :]

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
            if chunk := self._inner.read(CHUNK_BYTES, timeout):
                self._incoming.write(chunk)
            else:
                self._incoming.write_eof()

    def close(self) -> None:
        """Close the connection."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Return this connection, encrypted once more."""
        return TlsStream(self, ssl_context, server_hostname, timeout)

    def get_extra_info(self, info: str) -> Any:
        """Return a property of the connection that the HTTP library asks for."""
        return self._tls if info == "ssl_object" else self._inner.get_extra_info(info)


class AsyncBackend(httpcore2.AsyncNetworkBackend):
    """A backend that opens asynchronous connections with deadlines."""

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
        """Return a connection to the first address of the host that accepts one."""
        with _translated_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            seconds = remaining(timeout)
        return AsyncStream(await self._backend.connect_tcp(host, port, seconds, local_address, socket_options))

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Return a connection to a unix socket."""
        with _translated_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            seconds = remaining(timeout)
        return AsyncStream(await self._backend.connect_unix_socket(path, seconds, socket_options))


class AsyncStream(httpcore2.AsyncNetworkStream):
    """A connection, encrypted or not. The connection below it applies a timeout to a whole write or handshake."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return the bytes that have arrived, at least one; none at the end."""
        with _translated_errors(httpcore2.ReadTimeout, httpcore2.ReadError):
            return await self._stream.read(max_bytes, remaining(timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all bytes."""
        with _translated_errors(httpcore2.WriteTimeout, httpcore2.WriteError):
            await self._stream.write(buffer, remaining(timeout))

    async def aclose(self) -> None:
        """Close the connection."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        """Return this connection, encrypted."""
        try:
            with _translated_errors(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                return AsyncStream(await self._stream.start_tls(ssl_context, server_hostname, remaining(timeout)))
        except BaseException:
            with anyio.CancelScope(shield=True):  # the library leaves the connection open if a handshake is cancelled
                await self.aclose()
            raise

    def get_extra_info(self, info: str) -> Any:
        """Return a property of the connection that the HTTP library asks for."""
        return self._stream.get_extra_info(info)


def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """Return the addresses of a host. The lookup runs in a thread, because it cannot be interrupted."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        pass
    else:
        return [host]
    results: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def look_up() -> None:
        try:
            entries = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            results.put([str(address[0]) for *_, address in entries])
        except Exception as error:  # noqa: BLE001 - it is raised below
            results.put(error)

    threading.Thread(target=look_up, name=f"jhub looks up {host}", daemon=True).start()
    try:
        answer = results.get(timeout=timeout)
    except queue.Empty:
        raise TimeoutError(f"timed out looking up {host}") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextmanager
def _translated_errors(timeout_error: type[Exception], error_type: type[Exception]) -> Generator[None]:
    """Turn errors of sockets and of TLS into those of the HTTP library, as its own connections do."""
    try:
        yield
    except (TimeoutError, httpcore2.TimeoutException) as error:
        raise timeout_error(str(error)) from None
    except (OSError, httpcore2.NetworkError) as error:
        raise error_type(str(error)) from None
