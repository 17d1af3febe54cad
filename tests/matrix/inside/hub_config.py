"""The configuration of a hub under test. Runs inside the hub, on JupyterHub 2 and later."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from typing import Any

import bcrypt
from jupyterhub import version_info
from jupyterhub.auth import DummyAuthenticator
from jupyterhub.roles import get_default_roles
from tornado.web import HTTPError

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub puts it here

with open(os.environ["JHUB_MATRIX_SETTINGS"]) as file:
    told: dict[str, Any] = json.load(file)
HERE = "http://127.0.0.1"

(ADMIN_SCOPES,) = (role["scopes"] for role in get_default_roles() if role["name"] == "admin")


def end_with_parent() -> None:
    """Exit when standard input is closed: the system closes it when the tests end, even if they crash."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_parent, daemon=True).start()

c.JupyterHub.bind_url = f"{HERE}:{told['port']}{told['base_url']}"
c.JupyterHub.hub_bind_url = f"{HERE}:{told['hub_port']}"
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.allow_named_servers = True
c.JupyterHub.last_activity_interval = 3600
# Small pages, so that there are several.
c.JupyterHub.api_page_default_limit = c.JupyterHub.api_page_max_limit = 10

c.JupyterHub.authenticator_class = "dummy"
c.DummyAuthenticator.password = told["password"]
c.Authenticator.admin_users = {"admin"}
if version_info >= (5,):
    c.Authenticator.allow_all = True


class GroupAuthenticator(DummyAuthenticator):  # type: ignore[misc]  # JupyterHub has no types
    """An authenticator that decides who is in a group: everybody is in `staff`, and in no other one."""

    async def authenticate(self, handler: Any, data: Any) -> Any:
        """Return the user with their groups."""
        found = await super().authenticate(handler, data)
        name = found["name"] if isinstance(found, dict) else found
        return {"name": name, "groups": ["staff"]} if name else None


if told["manages_groups"]:
    c.JupyterHub.authenticator_class = GroupAuthenticator
    c.Authenticator.manage_groups = True

c.Authenticator.enable_auth_state = True
c.CryptKeeper.keys = [bytes.fromhex(told["crypt_key"])]

tokens = told["services"]
c.JupyterHub.services = [
    {"name": "robot", "api_token": tokens["robot"]},
    {"name": "operator", "api_token": tokens["operator"]},
    {
        "name": "oauth",
        "api_token": tokens["oauth"],
        "oauth_redirect_uri": told["oauth_redirect"],
        "oauth_no_confirm": True,
    },
]
c.JupyterHub.load_roles = [
    {"name": "robot", "services": ["robot"], "scopes": ["list:users", "read:users", "servers", "groups"]},
    {"name": "operator", "services": ["operator"], "scopes": ADMIN_SCOPES},
]


def use_traefik() -> None:
    """Set the proxy of most tests."""
    c.JupyterHub.proxy_class = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
    proxy = c.TraefikFileProviderProxy
    proxy.static_config_file = "traefik.toml"
    proxy.dynamic_config_file = "rules.toml"
    proxy.traefik_api_url = f"{HERE}:{told['proxy_port']}"
    proxy.traefik_api_username = "jupyterhub"
    proxy.traefik_api_password = told["proxy_password"]
    # A cheap hash, because it is checked at each call: with the default cost that takes a fifth of a second.
    proxy.traefik_api_hashed_password = bcrypt.hashpw(told["proxy_password"].encode(), bcrypt.gensalt(4)).decode()
    proxy.traefik_log_level = "ERROR"
    proxy.extra_static_config = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}}


def use_http_proxy() -> None:
    """Set JupyterHub's own proxy."""
    c.JupyterHub.proxy_class = "configurable-http-proxy"
    c.ConfigurableHTTPProxy.command = [told["http_proxy"]]
    c.ConfigurableHTTPProxy.api_url = f"{HERE}:{told['proxy_port']}"
    c.ConfigurableHTTPProxy.auth_token = told["proxy_password"]


use_http_proxy() if told["http_proxy"] else use_traefik()

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = os.path.join(os.getcwd(), "users", "{username}")
c.Spawner.ip = "127.0.0.1"
c.Spawner.cmd = STUB = [sys.executable, told["stub"]]
c.Spawner.environment = told["mark"]
c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 1}

if told["strict"]:
    # One start at a time, two servers in all, no wait for a stop, and a shutdown after three failures in a row.
    c.JupyterHub.concurrent_spawn_limit = 1
    c.JupyterHub.active_server_limit = 2
    c.JupyterHub.tornado_settings = {
        "slow_spawn_timeout": 0,
        "slow_stop_timeout": 0,
        "spawn_throttle_retry_range": (1, 2),
    }
    c.Spawner.consecutive_failure_limit = 3

ROOT = ["--allow-root"] if os.getuid() == 0 else []
COMMANDS = {
    "slow": [*STUB, "--after", "1.5"],
    "dead": ["false"],
    "real": [sys.executable, "-P", told["quick"], "jupyterhub.singleuser", *ROOT],
}


def hook(spawner: Any) -> None:
    """Set the command of the profile, at each start: JupyterHub reuses the spawner for the next one."""
    profile = spawner.user_options.get("profile")
    if profile == "refused":
        raise HTTPError(403, "this profile is not for you")
    spawner.cmd = COMMANDS.get(profile, STUB)
    # JupyterHub waits for the whole timeout after the process has died.
    spawner.http_timeout = 2 if profile == "dead" else 30


async def stop_hook(spawner: Any) -> None:
    """Keep the stop of the profile pending for a while."""
    if spawner.user_options.get("profile") == "lingers":
        await asyncio.sleep(2)


c.Spawner.pre_spawn_hook = hook
c.Spawner.post_stop_hook = stop_hook
