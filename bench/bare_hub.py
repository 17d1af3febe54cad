"""A minimal JupyterHub: its database is in memory, its servers are not processes, and its proxy forwards nothing.

The database is in memory because the disk's time for the same start varies by more than the effects to be measured.
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
    """A proxy that stores its routes and forwards nothing."""

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
    """A spawner whose servers already run elsewhere."""

    url = Unicode(config=True)

    async def start(self) -> tuple[str, int]:
        at = urlsplit(self.url)
        return str(at.hostname), at.port or 80

    async def stop(self, now: bool = False) -> None:
        """Do nothing."""

    async def poll(self) -> None:
        """Report that the server runs."""


class BareHub(JupyterHub):  # type: ignore[misc]  # JupyterHub has no types
    """A JupyterHub that announces its URL when it is up."""

    async def start(self) -> None:
        await super().start()
        announce(f"{self.hub.api_url} {OPERATOR_TOKEN}")

    def add_users(self, names: list[str]) -> list[Any]:
        """Add users to the database, much faster than the REST API does. Call it before the hub checks its servers."""
        role = orm.Role.find(self.db, "user")
        users = [orm.User(name=name, roles=[role]) for name in names]
        self.db.add_all(users)
        self.db.commit()
        return users


def configuration(server: str) -> Any:
    """Return the configuration of a minimal hub whose servers are all at the URL `server`."""
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
    # By default JupyterHub logs a warning for each start with options, except with jhub.extension.
    c.Spawner.apply_user_options = lambda spawner, options: None
    return c


def launch(hub_class: type[BareHub], config: Any, folder: str, max_seconds: int) -> None:
    """Run the hub with its log in a file in the folder, like a hub in production."""
    signal.alarm(max_seconds)  # in case this hub or its client hangs
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
