"""What jhub adds to a hub, from within: profiles, enforced wherever a server can be started from, and signing in with
the browser.

In `jupyterhub_config.py` of JupyterHub 5.3 or later:

    import jhub.extension

    jhub.extension.enable(c, profiles="profiles.yaml")

A start is held against the profiles in three stages:

1. The API handlers (`routes`), before the hub does anything for a REST call that starts a server or saves its options.
2. The spawn call of pages and API handlers (`starts`), before the hub saves the options of a form or a page's address.
3. The spawner's hook (`barrier`), before the server's process begins: for code that starts servers by itself. Here the
   profile's settings are put in place.

A hub in which one of them is missing does not start (`at_start`).
"""

from __future__ import annotations

import os
from importlib.metadata import version
from os import PathLike
from types import EllipsisType

from traitlets.config import Config

from jhub.errors import InvalidInput
from jhub.extension.store import store as _store

__all__ = ["enable"]


def enable(
    c: Config,
    profiles: str | PathLike[str] | EllipsisType = ...,
    password_tokens: bool = False,
    login_client: bool = False,
) -> None:
    """Add to a hub what is asked for. Calling it again adds to that, and may replace the profiles.

    `c` is the configuration object of `jupyterhub_config.py`; the line may stand anywhere in that file.

    `profiles` is a file of profiles, and the hub starts servers from these and from no others. A relative path counts
    from the folder that the hub runs in. Leave it out, and servers start as they would without jhub. None or an empty
    text, as of a variable that is not set, is an error.

    `password_tokens` serves `GET` and `POST /hub/api/authorizations/token`, by which JupyterHub 1 gave a token for a
    username and a password. Who fails is slowed down, by name, and by address where the hub trusts its proxy
    (`JupyterHub.trusted_downstream_ips`); nobody is locked out.

    `login_client` registers the OAuth client as which `jhub login --browser` signs people in, the service
    `jhub-login`, and gives all users the scope to use it. Without it, at the next start, the service is gone.

    Raises InvalidInput, which stops the hub, for arguments of another type, for nothing to add, and if the file is
    missing or says something that makes no sense. The hub stops at its start as well where the service's name is that
    of another one, or where it is given roles.
    """
    # Called from configuration files, which nobody type-checks.
    if not isinstance(c, Config):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput("jhub.extension.enable(c, …) takes the `c` of jupyterhub_config.py")
    _check_arguments(profiles, password_tokens=password_tokens, login_client=login_client)
    if profiles is not ...:
        _store.load(profiles)
    # The rest imports JupyterHub; a mistake in the file is told first.
    _check_version()
    if profiles is not ...:
        from jhub.extension import api_handlers, failure_count, profiles_api, spawn_call, spawner_hook, startup

        spawner_hook.install()
        failure_count.install()
        spawn_call.install()
        api_handlers.install()
        profiles_api.install()
        startup.install()
    if password_tokens:
        from jhub.extension.password_tokens import install

        install()
    if login_client:
        from jhub.extension.oauth_client import install

        install()


def _check_arguments(profiles: object, **flags: object) -> None:
    """Raise InvalidInput for what may well come of a variable that is not set, or is not what it seems."""
    if profiles is not ... and not (isinstance(profiles, str | PathLike) and os.fspath(profiles)):
        raise InvalidInput(
            f"jhub.extension.enable(c, profiles={profiles!r}): name a file, or the hub would start servers without "
            "profiles; leave profiles out if that is meant"
        )
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise InvalidInput(f"jhub.extension.enable(c, {name}={flag!r}): give True or False")
    if profiles is ... and not any(flags.values()):
        raise InvalidInput("jhub.extension.enable(c) adds nothing: give profiles, password_tokens or login_client")


def _check_version() -> None:
    installed = version("jupyterhub")
    major, minor = map(int, installed.split(".")[:2])
    if (major, minor) < (5, 3):
        raise InvalidInput(f"jhub.extension needs JupyterHub 5.3 or later, and this is {installed}")
