"""Spawner of the local hub, which runs inside the hub."""

# JupyterHub carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedBaseClass=false

from __future__ import annotations

import asyncio
import os
from typing import Any

from jupyterhub.spawner import LocalProcessSpawner, SimpleLocalProcessSpawner
from tornado.web import HTTPError
from traitlets import Float

from jhub.local.processes import INSTANCE_VARIABLE


class LocalSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub carries no types
    """JupyterHub's spawner of local processes, with fast detection of a server that is up or has exited."""

    listen_seconds = Float(
        20.0,
        config=True,
        help="""
        Seconds to poll the server's port and process at short intervals, before JupyterHub polls by itself.

        JupyterHub 6.1 backs off to intervals of five seconds, and does not detect a process that has exited.
        0 leaves all polling to JupyterHub.
        """,
    )

    async def start(self) -> Any:
        """Start the server's process, and wait up to `listen_seconds` until it listens on its port."""
        ip, port = await super().start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.listen_seconds
        while loop.time() < deadline and not await _is_listening(ip, port):
            process: Any = self.proc
            code = process.poll()
            if code is not None:
                raise HTTPError(500, f"the server process exited with code {code}; see the hub's log")
            await asyncio.sleep(0.05)
        return ip, port


def pass_instance_id() -> None:
    """Pass the instance ID to all servers and services of this hub, so that a later start can end leftover processes.

    JupyterHub 6.1 starts services with a spawner that cannot be configured, so this patches its base class.
    """
    original = LocalProcessSpawner.get_env

    def get_env(self: Any) -> dict[str, str]:
        return {**original(self), INSTANCE_VARIABLE: os.environ[INSTANCE_VARIABLE]}

    LocalProcessSpawner.get_env = get_env


async def _is_listening(ip: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(ip, port)
    except OSError:
        return False
    writer.close()
    return True
