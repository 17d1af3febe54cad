"""A relay on loopback between a client and a hub, which cuts and silences connections as bad networks do."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit


class Relay:
    """A relay to one address. Each connection has two threads, which end with it."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._silent = set[socket.socket]()
        self._refuses = False
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def cut(self) -> None:
        """Close all connections."""
        for pair in self._pairs:
            for end in pair:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
        self._pairs.clear()

    def silence(self) -> None:
        """Let nothing more through the connections that are open, and leave them open."""
        for pair in self._pairs:
            self._silent.update(pair)

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Cut all connections, and close new ones at once."""
        self._refuses = True
        self.cut()
        yield
        self._refuses = False

    def close(self) -> None:
        self._refuses = True
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._refuses:
                    client.close()
                    continue
                self.connections += 1
                server = socket.create_connection(self._target)
                self._pairs.append((client, server))
                for source, sink in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                if source not in self._silent:
                    sink.sendall(data)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()


@contextmanager
def relayed(url: str) -> Iterator[tuple[Relay, str]]:
    """Run a relay to a URL's host, and yield it with the URL at its own address."""
    parts = urlsplit(url)
    relay = Relay((parts.hostname or "", parts.port or 80))
    try:
        yield relay, parts._replace(netloc=f"127.0.0.1:{relay.port}").geturl()
    finally:
        relay.close()
