"""The configuration of the hubs that people sign in to. Runs inside the hub, on JupyterHub 4 and later.

No server starts here, so there is no proxy: requests go to the port of the hub, at the same paths.
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
    """Exit when standard input is closed: the system closes it when the tests end, even if they crash."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


threading.Thread(target=end_with_parent, daemon=True).start()


class NoSpawner(Spawner):  # type: ignore[misc]
    """A spawner that starts nothing, and writes a file named after the user."""

    async def start(self) -> None:
        """Fail."""
        Path(f"started-{self.user.name}").touch()
        raise RuntimeError("nobody gets a server here")

    async def stop(self, now: bool = False) -> None:
        """Do nothing: no server runs."""

    async def poll(self) -> int:
        """Report that the server does not run."""
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
        """A stub of `statsd`, which NativeAuthenticator 1.3.0 uses at a login and JupyterHub 6 has removed."""

        def timer(self, name: str) -> NoStatistics:
            """Return a timer."""
            return self

        def start(self) -> NoStatistics:
            """Nothing happens."""
            return self

        def stop(self, send: bool = True) -> None:
            """Nothing happens."""

    # Each password check would take a fifth of a second, and two hubs are tested at a time.
    bcrypt.gensalt = functools.partial(bcrypt.gensalt, 4)
    # A valid code may be half a minute old when it arrives on a slow machine.
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
    c.OAuthenticator.allow_all = True  # required on JupyterHub 4 too
    c.OAuthenticator.auto_login = told["auto_login"]

c.JupyterHub.services = [{"name": "operator", "api_token": told["operator"]}, *told["services"]]
c.JupyterHub.load_roles = [
    {"name": "operator", "services": ["operator"], "scopes": ADMIN_SCOPES},
    {"name": "user", "scopes": ["self", *told["user_scopes"]]},
]
