"""The process of a light hub: `python -m bench.light_hub_process FOLDER SERVER`. Prints its URL and a token.

It loads jhub.extension if there is a `profiles.yaml` in the folder, which is where its log is. Its database is in
memory: what a disk takes for the same start differs by more than what is to be seen.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from jhub.local.quick import skip_slow_imports

skip_slow_imports()

from jupyterhub.app import JupyterHub  # noqa: E402
from jupyterhub.proxy import Proxy  # noqa: E402
from jupyterhub.roles import get_default_roles  # noqa: E402
from jupyterhub.spawner import Spawner  # noqa: E402
from tornado.log import app_log  # noqa: E402
from traitlets import Unicode  # noqa: E402
from traitlets.config import Config  # noqa: E402

import jhub.extension  # noqa: E402
from bench.child import announce  # noqa: E402
from bench.light_hub import OWNER  # noqa: E402
from bench.many_profiles import groups  # noqa: E402
from jhub.local.ports import free_ports  # noqa: E402

SECONDS_AT_MOST = 120
OPERATOR = secrets.token_hex(16)
(ADMIN_SCOPES,) = (role["scopes"] for role in get_default_roles() if role["name"] == "admin")


class Remembering(Proxy):  # type: ignore[misc]  # JupyterHub has no types
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


class NoProcess(Spawner):  # type: ignore[misc]  # JupyterHub has no types
    """Its servers have been there before."""

    url = Unicode(config=True)

    async def start(self) -> tuple[str, int]:
        at = urlsplit(self.url)
        return str(at.hostname), at.port or 80

    async def stop(self, now: bool = False) -> None:
        """There is nothing to stop."""

    async def poll(self) -> None:
        """It runs."""


class LightHub(JupyterHub):  # type: ignore[misc]  # JupyterHub has no types
    """Says when it is up."""

    async def start(self) -> None:
        await super().start()
        announce(f"{self.hub.api_url} {OPERATOR}")


def configuration(server: str) -> Any:
    """What the two kinds of hubs have in common."""
    (port,) = free_ports(1)
    c: Any = Config()
    c.JupyterHub.bind_url = c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{port}"
    c.JupyterHub.db_url = "sqlite:///:memory:"
    c.JupyterHub.proxy_class = Remembering
    c.JupyterHub.authenticator_class = "null"
    c.Authenticator.allow_all = True
    c.JupyterHub.load_groups = {group: {"users": [OWNER]} for group in groups()}
    c.JupyterHub.services = [{"name": "operator", "api_token": OPERATOR}]
    c.JupyterHub.load_roles = [{"name": "operator", "services": ["operator"], "scopes": ADMIN_SCOPES}]
    c.JupyterHub.spawner_class = NoProcess
    c.NoProcess.url = server
    # Without it, JupyterHub warns at each start that has options, and the one with the extension would save that line.
    c.Spawner.apply_user_options = lambda spawner, options: None
    return c


def time_listings() -> None:
    """Log how long it takes to make each list. JupyterHub's part of the same handler, to find the user and to send the
    answer, is left out here, and is in what JupyterHub logs for the whole request.
    """
    from jhub.extension.listing import OfUser

    spent: dict[str, float] = {}

    def timed(name: str) -> None:
        original = getattr(OfUser, name)

        def method(self: Any, *arguments: Any) -> Any:
            began = time.perf_counter()
            try:
                return original(self, *arguments)
            finally:
                spent[name] = time.perf_counter() - began

        setattr(OfUser, name, method)

    for name in ("find_user", "finish"):
        timed(name)
    whole = OfUser.get

    async def get(self: Any, user_name: str) -> None:
        spent.clear()
        began = time.perf_counter()
        await whole(self, user_name)  # this hub's authenticator is not asked, so nothing else comes in between
        own = time.perf_counter() - began - spent.get("find_user", 0) - spent["finish"]
        app_log.info("listing: %.2fms", own * 1000)

    OfUser.get = get  # type: ignore[method-assign]


def log_to_file() -> None:
    """All that is said here goes into a file, as it does where hubs run for long."""
    with open("hub.log", "wb") as log:
        os.dup2(log.fileno(), 2)


def main(folder: str, server: str) -> None:
    """Run the hub."""
    signal.alarm(SECONDS_AT_MOST)  # whatever hangs, here or where this hub is asked
    os.chdir(folder)
    terminal = os.dup(2)
    log_to_file()
    config = configuration(server)
    try:
        if Path("profiles.yaml").exists():
            jhub.extension.enable(config, profiles="profiles.yaml")
            time_listings()
        LightHub.instance(config=config)
        LightHub.launch_instance([])
    except BaseException:
        os.write(terminal, Path("hub.log").read_bytes())
        raise


if __name__ == "__main__":
    main(*sys.argv[1:])
