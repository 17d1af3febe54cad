"""What jhub adds to a hub, from within: profiles, enforced wherever a server can be started from.

In `jupyterhub_config.py` of JupyterHub 5.3 or later:

    import jhub.extension

    jhub.extension.enable(c, profiles="profiles.yaml")
"""

from __future__ import annotations

from os import PathLike

from traitlets.config import Config

from jhub.errors import InvalidInput
from jhub.extension import legacy_token as _legacy_token
from jhub.extension import profiles as _profiles

__all__ = ["enable"]


def enable(c: Config, profiles: str | PathLike[str] = "profiles.yaml", legacy_token: bool = False) -> None:
    """Let this hub start servers from the profiles in the file `profiles`, and from no others.

    `c` is the configuration object of `jupyterhub_config.py`; the line may stand anywhere in that file. A relative
    path counts from the folder that the hub runs in. Calling it again replaces the profiles.

    `legacy_token` serves `GET` and `POST /hub/api/authorizations/token`, by which JupyterHub 1 gave a token for a
    username and a password.

    Raises InvalidInput, which stops the hub, if the file is missing or says something that makes no sense.
    """
    # Called from configuration files, which nobody type-checks.
    if not isinstance(c, Config):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput("jhub.extension.enable(c, …) takes the `c` of jupyterhub_config.py")
    loaded = _profiles.load(profiles)
    # These import JupyterHub; a mistake in the file is told first.
    from jhub.extension import barrier, routes

    barrier.install(loaded)
    routes.install(loaded)
    if legacy_token:
        _legacy_token.install()
