"""What jhub adds to a hub, from within: profiles, enforced wherever a server can be started from, and signing in with
the browser.

In `jupyterhub_config.py` of JupyterHub 5.3 or later:

    import jhub.extension

    jhub.extension.enable(c, profiles="profiles.yaml")
"""

from __future__ import annotations

from importlib.metadata import version
from os import PathLike

from traitlets.config import Config

from jhub.errors import InvalidInput
from jhub.extension import password_tokens as _password_tokens
from jhub.extension import source as _source

__all__ = ["enable"]


def enable(
    c: Config,
    profiles: str | PathLike[str] | None = None,
    password_tokens: bool = False,
    login_client: bool = False,
) -> None:
    """Add to a hub what is asked for. Calling it again adds to that, and may replace the profiles.

    `c` is the configuration object of `jupyterhub_config.py`; the line may stand anywhere in that file.

    `profiles` is a file of profiles, and the hub starts servers from these and from no others. A relative path counts
    from the folder that the hub runs in. Where none is ever given, servers start as they would without jhub.

    `password_tokens` serves `GET` and `POST /hub/api/authorizations/token`, by which JupyterHub 1 gave a token for a
    username and a password. Who fails is slowed down, by name, and by address where the hub trusts its proxy
    (`JupyterHub.trusted_downstream_ips`); nobody is locked out.

    `login_client` registers the OAuth client as which `jhub login --browser` signs people in, the service
    `jhub-login`, and gives all users the scope to use it. Without it, at the next start, the service is gone.

    Raises InvalidInput, which stops the hub, if the file is missing or says something that makes no sense. The hub
    stops at its start as well where the service's name is that of another one, or where it is given roles.
    """
    # Called from configuration files, which nobody type-checks.
    if not isinstance(c, Config):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput("jhub.extension.enable(c, …) takes the `c` of jupyterhub_config.py")
    loaded = None if profiles is None else _source.Source(profiles)
    # The rest imports JupyterHub; a mistake in the file is told first.
    _check_version()
    if loaded is not None:
        _source.use(loaded)
        from jhub.extension import at_start, barrier, listing, routes, starts

        barrier.install()
        starts.install()
        routes.install()
        listing.install()
        at_start.install()
    if password_tokens:
        _password_tokens.install()
    if login_client:
        from jhub.extension import login_client as _login_client

        _login_client.install()


def _check_version() -> None:
    found = version("jupyterhub")
    major, minor = map(int, found.split(".")[:2])
    if (major, minor) < (5, 3):
        raise InvalidInput(f"jhub.extension needs JupyterHub 5.3 or later, and this is {found}")
