"""The configuration of a local hub. Runs inside the hub: the generated jupyterhub_config.py calls `configure`."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

from jhub.local.ports import LOOPBACK
from jhub.local.state_folder import StateFolder


def configure(c: Any, path: str) -> None:
    """Set up a hub that keeps everything in the folder `path` and listens on loopback only."""
    import bcrypt

    from jhub.local.spawner import pass_instance_id

    pass_instance_id()
    folder = StateFolder(Path(path))
    settings = folder.settings()
    installation = folder.install()

    c.JupyterHub.bind_url = f"http://{LOOPBACK}:{settings.port}{settings.base_url}"
    c.JupyterHub.hub_bind_url = f"http://{LOOPBACK}:{settings.hub_port}"
    # Relative to the folder, which is where the hub runs: a path with odd characters never gets into a database URL.
    c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
    c.JupyterHub.cookie_secret_file = "jupyterhub_cookie_secret"  # noqa: S105  # a file's name
    # The folder may stem from an earlier JupyterHub.
    c.JupyterHub.upgrade_db = True
    c.JupyterHub.allow_named_servers = True
    # Answer a start at once, and tell how it goes in the progress stream: the default is silence for ten seconds.
    c.JupyterHub.tornado_settings = {"slow_spawn_timeout": 0}

    c.JupyterHub.authenticator_class = "shared-password"
    c.SharedPasswordAuthenticator.admin_password = installation.password
    c.SharedPasswordAuthenticator.user_password = installation.user_password
    c.Authenticator.admin_users = {settings.admin}
    c.Authenticator.allowed_users = set(settings.users)
    c.Authenticator.allow_all = True

    c.JupyterHub.proxy_class = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
    proxy = c.TraefikFileProviderProxy
    proxy.static_config_file = "proxy/traefik.toml"
    proxy.dynamic_config_file = "proxy/rules.toml"
    proxy.traefik_api_url = f"http://{LOOPBACK}:{settings.proxy_port}"
    proxy.traefik_api_username = "jupyterhub"
    proxy.traefik_api_password = password = secrets.token_urlsafe(32)
    # Traefik checks this hash at each of the hub's calls; with bcrypt's default cost, each takes a fifth of a second.
    # A random password of 256 bits needs no slow hash.
    proxy.traefik_api_hashed_password = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    proxy.traefik_log_level = "ERROR"
    proxy.check_route_timeout = 10
    # Nothing of a local hub speaks to the outside.
    proxy.extra_static_config = {"global": {"checkNewVersion": False, "sendAnonymousUsage": False}}

    c.JupyterHub.spawner_class = "jhub.local.spawner.LocalSpawner"
    root = ["--allow-root"] if os.getuid() == 0 else []
    # -P: a file in the user's folder must not stand in for a module.
    c.Spawner.cmd = [sys.executable, "-P", "-m", "jhub.local.fast_start", "jupyterhub.singleuser", *root]
    c.Spawner.ip = LOOPBACK
    # The template goes through str.format.
    users = str(folder.users).replace("{", "{{").replace("}", "}}")
    c.SimpleLocalProcessSpawner.home_dir_template = users + "/{username}"
    # Thirty seconds each by default, which is how long `down` would take for a kernel that is busy.
    c.LocalProcessSpawner.interrupt_timeout = 4
    c.LocalProcessSpawner.term_timeout = 2
    c.LocalProcessSpawner.kill_timeout = 2
