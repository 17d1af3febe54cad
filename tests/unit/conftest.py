"""Unit tests run without a network: a socket that connects or listens is an error."""

from __future__ import annotations

import socket
from typing import Any, NoReturn

import pytest


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse connections; a Unix socket as a special file in a folder is allowed."""

    def refuse(name: str, real: Any) -> Any:
        def refused(self: socket.socket, *args: object) -> Any:
            if self.family == socket.AF_UNIX:
                return real(self, *args)
            fail(name)

        return refused

    for name in ("bind", "connect", "connect_ex", "listen"):
        monkeypatch.setattr(socket.socket, name, refuse(name, getattr(socket.socket, name)))


def fail(name: str) -> NoReturn:
    """Fail a test that uses the network."""
    raise AssertionError(f"socket.{name} in a unit test: such tests belong in tests/network")
