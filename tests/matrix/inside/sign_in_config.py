"""The configuration of the hubs that people sign in to. Runs inside the hub, on any JupyterHub from 4 on.

Nobody gets a server here, so there is no proxy: the hub is asked at its own port, at the same paths.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from jupyterhub import version_info
from jupyterhub.roles import get_default_roles
from jupyterhub.spawner import Spawner

sys.path.append(str(Path(__file__).parents[2] / "support"))

from no_proxy import NoProxy

c: Any = get_config()  # type: ignore[name-defined]  # noqa: F821  # JupyterHub puts it here

with open(os.environ["JHUB_MATRIX_SETTINGS"]) as file:
    told: dict[str, Any] = json.load(file)
HERE = f"http://{told['host']}:{told['port']}"

(ADMIN_SCOPES,) = (role["scopes"] for role in get_default_roles() if role["name"] == "admin")


def end_with_parent() -> None:
    """End when standard input is closed, which is what the system does when the tests end, however they do."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_parent, daemon=True).start()


class NoSpawner(Spawner):  # type: ignore[misc]
    """Starts nothing, and leaves a file that tells for whom it should have."""

    async def start(self) -> None:
        """Fail."""
        Path(f"started-{self.user.name}").touch()
        raise RuntimeError("nobody gets a server here")

    async def stop(self, now: bool = False) -> None:
        """There is nothing to stop."""

    async def poll(self) -> int:
        """It never runs."""
        return 0


c.JupyterHub.proxy_class = NoProxy
c.JupyterHub.spawner_class = NoSpawner
c.JupyterHub.bind_url = f"http://127.0.0.1:{told['port']}{told['base_url']}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{told['port']}"
if told["subdomains"]:
    c.JupyterHub.subdomain_host = HERE
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"

c.JupyterHub.authenticator_class = told["authenticator"]
c.Authenticator.admin_users = {"admin", "boss"}
if version_info >= (5,):
    c.Authenticator.allow_all = True

c.DummyAuthenticator.password = told["password"]
c.SharedPasswordAuthenticator.user_password = told["password"]
c.SharedPasswordAuthenticator.admin_password = told["admin_password"]

c.NativeAuthenticator.open_signup = True
c.NativeAuthenticator.allow_2fa = True
c.NativeAuthenticator.allowed_failed_logins = 3
c.NativeAuthenticator.seconds_before_next_try = 600

if told["authenticator"] == "native":
    import bcrypt
    import onetimepass
    from nativeauthenticator.handlers import LoginHandler

    class NoStatistics:
        """What NativeAuthenticator 1.3.0 asks for at a login, and JupyterHub 6 no longer has."""

        def timer(self, name: str) -> NoStatistics:
            """One for everything."""
            return self

        def start(self) -> NoStatistics:
            """Nothing happens."""
            return self

        def stop(self, send: bool = True) -> None:
            """Nothing happens."""

    # Each check of a password would take a fifth of a second, and two hubs are tested at a time.
    bcrypt.gensalt = functools.partial(bcrypt.gensalt, 4)
    # A code that was right when it was made may be half a minute old on a noisy machine.
    onetimepass.valid_totp = functools.partial(onetimepass.valid_totp, window=1)
    if told["repaired"] and not hasattr(LoginHandler, "statsd"):
        LoginHandler.statsd = NoStatistics()

if provider := told["provider"]:
    c.GenericOAuthenticator.authorize_url = f"{provider['url']}hub/api/oauth2/authorize"
    c.GenericOAuthenticator.token_url = f"{provider['url']}hub/api/oauth2/token"
    c.GenericOAuthenticator.userdata_url = f"{provider['url']}hub/api/user"
    c.GenericOAuthenticator.username_claim = "name"
    c.GenericOAuthenticator.client_id = f"service-{provider['client']['name']}"
    c.GenericOAuthenticator.client_secret = provider["client"]["api_token"]
    c.GenericOAuthenticator.oauth_callback_url = provider["client"]["oauth_redirect_uri"]
    c.OAuthenticator.allow_all = True  # it wants to be told on JupyterHub 4 too
    c.OAuthenticator.auto_login = told["auto_login"]

c.JupyterHub.services = [{"name": "operator", "api_token": told["operator"]}, *told["services"]]
c.JupyterHub.load_roles = [
    {"name": "operator", "services": ["operator"], "scopes": ADMIN_SCOPES},
    {"name": "user", "scopes": ["self", *told["user_scopes"]]},
]
