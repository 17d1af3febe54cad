"""The local hub's spawner. Runs inside the hub."""

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
    """JupyterHub's spawner of local processes, which notices at once when they are up or gone."""

    listen_seconds = Float(
        20.0,
        config=True,
        help="""
        Seconds to look closely for the server to listen on its port; then JupyterHub's own waiting begins.

        That one looks ever more rarely, up to five seconds apart (6.1), and does not notice a process that has ended.
        0 leaves all waiting to JupyterHub.
        """,
    )

    async def start(self) -> Any:
        """Start the server's process, and wait a while for it to listen."""
        ip, port = await super().start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.listen_seconds
        while loop.time() < deadline and not await _is_listening(ip, port):
            process: Any = self.proc
            code = process.poll()
            if code is not None:
                raise HTTPError(500, f"the server's process ended with exit code {code}; the hub's log may tell why")
            await asyncio.sleep(0.05)
        return ip, port


def pass_instance_id() -> None:
    """Give all servers and services of this hub the mark by which a later start finds what a killed hub left behind.

    JupyterHub starts services with a spawner of its own that takes no configuration (6.1): mark them in its base.
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
