"""Services of hubs with `internal_ssl` or on a unix socket: `jhub whoami` and `Hub()` with their environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jupyterhub
import pytest
from hub_api import MAX_SECONDS

from jhub.local.ports import free_ports

# The proxy is not part of these tests: services talk to the hub itself.
CONFIG = """
from jupyterhub.proxy import Proxy

class NoProxy(Proxy):
    should_start = False

    async def add_route(self, routespec, target, data):
        pass

    async def delete_route(self, routespec):
        pass

    async def get_all_routes(self):
        return {}

c = get_config()
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.authenticator_class = "dummy"
c.JupyterHub.bind_url = "http://127.0.0.1:%(port)s"
c.JupyterHub.services = [{"name": "robot", "admin": True, "command": %(command)r}]
"""

SERVICE = """
import asyncio, json, os, subprocess, sys
from pathlib import Path
from jhub import AsyncHub, Hub
command = subprocess.run([sys.executable, "-P", "-m", "jhub", "whoami", "-o", "name"], capture_output=True, text=True)
def from_python():
    with Hub() as hub:
        hub.users.create("ana", exist_ok=True)
        return [hub.whoami().name, str(hub.api_url), [user.name for user in hub.users.list()]]
async def from_asyncio():
    async with AsyncHub(os.environ["JUPYTERHUB_API_URL"], os.environ["JUPYTERHUB_API_TOKEN"]) as hub:
        return (await hub.whoami()).name
def tried(action):
    try:
        return action()
    except Exception as error:
        return repr(error)
result = {
    "command": [command.returncode, command.stdout, command.stderr],
    "python": tried(from_python),
    "asyncio": tried(lambda: asyncio.run(from_asyncio())),
}
Path(sys.argv[1] + ".new").write_text(json.dumps(result))
os.rename(sys.argv[1] + ".new", sys.argv[1])
"""


@contextmanager
def running(folder: Path, config: str) -> Iterator[Path]:
    """Run a hub with a managed service, and yield the file that the service writes at its end."""
    result, service = folder / "result.json", folder / "service.py"
    service.write_text(SERVICE)
    command = [sys.executable, "-P", str(service), str(result)]
    text = CONFIG % {"port": free_ports(1)[0], "command": command} + config
    folder.joinpath("jupyterhub_config.py").write_text(text)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTERHUB_", "JHUB_"))}
    environment = {**clean, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{clean['PATH']}"}
    with folder.joinpath("log").open("wb") as log:
        hub = subprocess.Popen(
            [sys.executable, "-P", "-m", "jupyterhub"], cwd=folder, env=environment, stdout=log, stderr=log
        )
    try:
        yield result
    finally:
        hub.terminate()
        hub.wait(MAX_SECONDS)


def read(result: Path) -> dict[str, Any]:
    """Return what the service found, as soon as it has ended."""
    end = time.monotonic() + MAX_SECONDS
    while not result.exists():
        assert time.monotonic() < end, result.with_name("log").read_text()
        time.sleep(0.1)
    found: dict[str, Any] = json.loads(result.read_text())
    return found


def test_a_service_of_a_hub_with_internal_ssl(tmp_path: Path) -> None:
    url = f"https://127.0.0.1:{free_ports(1)[0]}"
    config = f"c.JupyterHub.internal_ssl = True\nc.JupyterHub.hub_bind_url = {url!r}\n"
    with running(tmp_path, config) as result:
        found = read(result)
    assert found == {
        "command": [0, "robot\n", ""],
        "python": ["robot", f"{url}/hub/api", ["ana"]],
        "asyncio": "robot",
    }


@pytest.mark.skipif(
    int(jupyterhub.__version__.split(".")[0]) < 6, reason="JupyterHub gives its services no socket before 6.0"
)
def test_a_service_of_a_hub_on_a_unix_socket(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("S")  # the path of a socket has at most 107 bytes
    url = "http+unix://" + str(folder / "hub.sock").replace("/", "%2F")
    config = f"c.JupyterHub.hub_bind_url = {url!r}\nc.JupyterHub.hub_connect_url = {url!r}\n"
    with running(folder, config) as result:
        found = read(result)
    assert found == {
        "command": [0, "robot\n", ""],
        "python": ["robot", f"{url}/hub/api", ["ana"]],
        "asyncio": "robot",
    }
