"""A pytest plugin for the tests of the idle culler: their hub gets free ports, and the extension if that is wanted.

Their conftest.py has a fixed address for the hub, copies the hub's configuration from its own folder, `here`, and gives
a hub 30 seconds to start, which is too short on a busy machine.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
START_SECONDS = 100


def pytest_plugin_registered(plugin: Any) -> None:
    """Replace the address, the configuration and the start in their conftest.py, before pytest reads it."""
    if Path(getattr(plugin, "__file__", None) or "").name != "conftest.py":
        return
    port, hub_port, proxy_port = free_ports(3)
    os.environ["UPSTREAM_PORTS"] = " ".join(map(str, (port, hub_port, proxy_port)))
    os.environ["UPSTREAM_CONFIG"] = str(plugin.here / "jupyterhub_config.py")
    plugin.here = HERE

    def start(command: list[str], cwd: str) -> subprocess.Popen[bytes]:
        hub = subprocess.Popen(command, cwd=cwd)
        wait_for_server(port, hub)
        return hub

    plugin.Popen = start
    plugin.hub_url = pytest.fixture(scope="session")(lambda: f"http://127.0.0.1:{port}")


def free_ports(number: int) -> list[int]:
    """Return ports that nobody listens to."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for_server(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when a process listens to a port, when it ends, and after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.5)
        else:
            return
