"""What the processes of light hubs have in common: a JupyterHub whose database is in memory, whose servers are no
processes, and whose proxy carries nothing.

The database is in memory as what a disk takes for the same start differs by more than what is to be seen.
"""

from __future__ import annotations

import os
import secrets
import signal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jhub.local.fast_start import skip_slow_imports

skip_slow_imports()

from jupyterhub import orm  # noqa: E402
from jupyterhub.app import JupyterHub  # noqa: E402
from jupyterhub.proxy import Proxy  # noqa: E402
from jupyterhub.roles import get_default_roles  # noqa: E402
from jupyterhub.spawner import Spawner  # noqa: E402
from traitlets import Unicode  # noqa: E402
from traitlets.config import Config  # noqa: E402

from bench.child import announce  # noqa: E402
from jhub.local.ports import free_ports  # noqa: E402

OPERATOR_TOKEN = secrets.token_hex(16)
(ADMIN_SCOPES,) = (role["scopes"] for role in get_default_roles() if role["name"] == "admin")


class InMemoryProxy(Proxy):  # type: ignore[misc]  # JupyterHub has no types
    """Knows its routes, and carries nothing along them."""

    should_start = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.routes: dict[str, dict[str, Any]] = {}

    async def add_route(self, routespec: str, target: str, data: dict[str, Any]) -> None:
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec: str) -> None:
        self.routes.pop(routespec, None)

    async def get_all_routes(self) -> dict[str, dict[str, Any]]:
        return dict(self.routes)


class NoProcessSpawner(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """Its servers have been there before."""

    url = Unicode(config=True)

    async def start(self) -> tuple[str, int]:
        at = urlsplit(self.url)
        return str(at.hostname), at.port or 80

    async def stop(self, now: bool = False) -> None:
        """There is nothing to stop."""

    async def poll(self) -> None:
        """It runs."""


class BareHub(JupyterHub):  # type: ignore[misc]  # JupyterHub has no types
    """Says when it is up."""

    async def start(self) -> None:
        await super().start()
        announce(f"{self.hub.api_url} {OPERATOR_TOKEN}")

    def add_users(self, names: list[str]) -> list[Any]:
        """Rows of the database, which take the REST API much longer. Before the hub looks for servers that run."""
        role = orm.Role.find(self.db, "user")
        users = [orm.User(name=name, roles=[role]) for name in names]
        self.db.add_all(users)
        self.db.commit()
        return users


def configuration(server: str) -> Any:
    """What all of them are told; their servers are all at that URL."""
    (port,) = free_ports(1)
    c: Any = Config()
    c.JupyterHub.bind_url = c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
    c.JupyterHub.db_url = "sqlite:///:memory:"
    c.JupyterHub.proxy_class = InMemoryProxy
    c.JupyterHub.authenticator_class = "null"
    c.Authenticator.allow_all = True
    c.JupyterHub.services = [{"name": "operator", "api_token": OPERATOR_TOKEN}]
    c.JupyterHub.load_roles = [{"name": "operator", "services": ["operator"], "scopes": ADMIN_SCOPES}]
    c.JupyterHub.spawner_class = NoProcessSpawner
    c.NoProcessSpawner.url = server
    # Without it, JupyterHub warns at each start that has options, and one with jhub.extension would save that line.
    c.Spawner.apply_user_options = lambda spawner, options: None
    return c


def launch(hub_class: type[BareHub], config: Any, folder: str, max_seconds: int) -> None:
    """Run the hub, whose log is in the folder, as it is in a file where hubs run for long."""
    signal.alarm(max_seconds)  # whatever hangs, here or where this hub is asked
    os.chdir(folder)
    terminal = os.dup(2)
    with open("hub.log", "wb") as log:
        os.dup2(log.fileno(), 2)
    try:
        hub_class.instance(config=config)
        hub_class.launch_instance([])
    except BaseException:
        os.write(terminal, Path("hub.log").read_bytes())
        raise
