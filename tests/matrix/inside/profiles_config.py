"""The configuration of hubs that load jhub.extension. Runs inside the hub, on JupyterHub 5.3 and later.

Nobody uses the servers, so there is no proxy. Each server leaves a line in its owner's folder when it starts.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from jupyterhub import version_info
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.roles import get_default_roles
from jupyterhub.spawner import SimpleLocalProcessSpawner

sys.path.append(str(Path(__file__).parents[2] / "support"))

from no_proxy import NoProxy
from tornado.web import HTTPError

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub puts it here

with open(os.environ["JHUB_MATRIX_SETTINGS"]) as file:
    settings: dict[str, Any] = json.load(file)

sys.path.append(settings["jhub"])
import jhub.extension  # noqa: E402  # of this checkout

(ADMIN_SCOPES,) = (role["scopes"] for role in get_default_roles() if role["name"] == "admin")


def end_with_parent() -> None:
    """Exit when standard input is closed: the system closes it when the tests end, even if they crash."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_parent, daemon=True).start()


class OwnSpawner(SimpleLocalProcessSpawner):  # type: ignore[misc]  # JupyterHub has no types
    """A spawner class of the administrator, which overrides the method with the check."""

    async def run_pre_spawn_hook(self) -> None:
        """Run the hook, and then set a variable."""
        await super().run_pre_spawn_hook()
        self.environment["JHUB_OWN"] = "own"


class Refreshing(DummyAuthenticator):  # type: ignore[misc]  # JupyterHub has no types
    """An authenticator with groups in files, which it reads at a login and before each start."""

    async def authenticate(self, handler: Any, data: dict[str, str]) -> Any:
        """Return the user with the groups."""
        name = await super().authenticate(handler, data)
        return name and {"name": name, "groups": Path("groups", name).read_text().split()}

    async def refresh_user(self, user: Any, handler: Any = None) -> Any:
        """Return the current groups; None, for an expired login, if the file is empty. The file may name a failure."""
        groups = Path("groups", user.name)
        names = groups.read_text().split() if groups.exists() else []
        if names == ["raise"]:
            raise RuntimeError("no response from the group service")
        if names == ["refuse"]:
            raise HTTPError(418, "no")
        return {"name": user.name, "groups": names} if names else None


class Direct(APIHandler):  # type: ignore[misc]  # JupyterHub has no types
    """A handler that starts a server without the hub's own routes, with the options in the query."""

    async def get(self, user_name: str) -> None:
        """Start the server."""
        options = {name: self.get_argument(name) for name in self.request.query_arguments}
        await self.find_user(user_name).spawn("direct", options=options, handler=self)


def hook(spawner: Any) -> None:
    """Set a variable, as a hook of the administrator that sees the complete options."""
    spawner.environment["JHUB_HOOK"] = "+".join(map(str, spawner.user_options.values()))


def enable() -> None:
    """Call `enable`."""
    jhub.extension.enable(c, profiles="profiles.yaml", group_match=settings["group_match"])


if settings["enable"] == "first":
    enable()

c.JupyterHub.bind_url = f"http://127.0.0.1:{settings['port']}{settings['base_url']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{settings['port']}"
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.allow_named_servers = True
c.JupyterHub.last_activity_interval = 3600
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": settings["slow_spawn_timeout"], "slow_stop_timeout": 5}
c.JupyterHub.extra_handlers = [(r"/api/direct/([^/]+)", Direct)]

c.JupyterHub.authenticator_class = (
    Refreshing if settings["authenticator"] == "refreshing" else settings["authenticator"]
)
if settings["authenticator"] == "refreshing":
    c.Authenticator.refresh_pre_spawn = True
    c.Authenticator.manage_groups = True
    if version_info >= (6, 1):
        c.Authenticator.auth_refresh_strict = True
c.DummyAuthenticator.password = settings["password"]
c.Authenticator.admin_users = {"admin"}
c.Authenticator.allow_all = True
c.JupyterHub.services = [{"name": name, "api_token": settings[name]} for name in ("operator", "starter")]
c.JupyterHub.load_roles = [
    {"name": "operator", "services": ["operator"], "scopes": ADMIN_SCOPES},
    {"name": "starter", "services": ["starter"], "scopes": ["servers"]},
]

c.JupyterHub.spawner_class = OwnSpawner if settings["own_spawner"] else "simple"
c.Spawner.consecutive_failure_limit = 3
c.Spawner.ip = "127.0.0.1"
c.Spawner.environment = settings["mark"]
c.Spawner.cmd = [
    "sh",
    "-c",
    'echo "$JUPYTERHUB_SERVER_NAME $JHUB_PROFILE $JHUB_FLAVOUR $JHUB_HOOK $JHUB_OWN" >>started; exec "$0" "$@"',
    sys.executable,
    settings["stub"],
]
c.SimpleLocalProcessSpawner.home_dir_template = os.path.join(os.getcwd(), "users", "{username}")
if settings["own_spawner"]:
    c.OwnSpawner.pre_spawn_hook = hook
    c.OwnSpawner.options_form = "<input name=profile>"
else:
    c.Spawner.pre_spawn_hook = hook

if settings["enable"] == "last":
    enable()
