"""Configuration of a local hub. The generated jupyterhub_config.py calls `configure` inside the hub."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from jhub.local import extra_config
from jhub.local.ports import LOOPBACK
from jhub.local.state_folder import StateFolder


def configure(c: Any, path: str) -> None:
    """Configure a hub that keeps everything in the folder `path` and listens on loopback only."""
    import bcrypt

    from jhub.local.spawner import pass_instance_id

    pass_instance_id()
    folder = StateFolder(Path(path))
    settings = folder.settings()
    installation = folder.install()

    c.JupyterHub.bind_url = f"http://{LOOPBACK}:{settings.port}{settings.base_url}"
    c.JupyterHub.hub_bind_url = f"http://{LOOPBACK}:{settings.hub_port}"
    # Relative to the folder, in which the hub runs, so that no special character of a path gets into a database URL.
    c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = "jupyterhub_cookie_secret"  # noqa: S105  # a file's name
    # An earlier JupyterHub may have created the database.
    c.JupyterHub.upgrade_db = True
    c.JupyterHub.allow_named_servers = True
    # Answer a start at once and report on it in the progress stream. By default the answer takes up to ten seconds.
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}

    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.admin_password = installation.password
    c.SharedPasswordAuthenticator.user_password = installation.user_password
    c.Authenticator.admin_users = {settings.admin}
    c.Authenticator.allowed_users = set(settings.users)
    c.Authenticator.allow_all = True

    c.JupyterHub.proxy_class = "jhub.local.traefik.LocalTraefikProxy"
    proxy = c.TraefikFileProviderProxy
    proxy.static_config_file = "proxy/traefik.toml"
    proxy.dynamic_config_file = "proxy/rules.toml"
    proxy.traefik_api_url = f"http://{LOOPBACK}:{settings.proxy_port}"
    proxy.traefik_api_username = "jupyterhub"
    proxy.traefik_api_password = password = secrets.token_urlsafe(32)
    # Traefik checks this hash for each of the hub's requests, which takes 0.2 s with bcrypt's default cost. A random
    # password of 256 bits needs no slow hash.
    proxy.traefik_api_hashed_password = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    proxy.traefik_log_level = "ERROR"
    proxy.check_route_timeout = 10
    # A local hub makes no connections to other machines.
    proxy.extra_static_config = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}}

    c.JupyterHub.spawner_class = "jhub.local.spawner.LocalSpawner"
    root = ["--allow-root"] if os.getuid() == 0 else []
    # -P: a file in the user's folder must not shadow a module.
    c.Spawner.cmd = [sys.executable, "-P", "-m", "jhub.local.fast_start", "jupyterhub.singleuser", *root]
    c.Spawner.ip = LOOPBACK
    # JupyterHub applies str.format to the template.
    users = str(folder.users).replace("{", "{{").replace("}", "}}")
    c.SimpleLocalProcessSpawner.home_dir_template = users + "/{username}"
    # 30, 30 and 5 s by default: `down` would wait that long for a server with a busy kernel.
    c.LocalProcessSpawner.interrupt_timeout = 4
    c.LocalProcessSpawner.term_timeout = 2
    c.LocalProcessSpawner.kill_timeout = 2


def run_extra_config(c: Any, path: str) -> None:
    """Run the additional configuration of the hub's user, after all other configuration."""
    settings = StateFolder(Path(path)).settings()
    if settings.config:
        extra_config.run(c, settings.config, settings.config_file)
