"""Extend a hub from within: profiles, enforced at every start of a server, and two more ways to sign in.

In `jupyterhub_config.py` of JupyterHub 5.3 or later:

    import jhub.extension

    jhub.extension.enable(c, profiles="profiles.yaml")

Every start of a server passes three stages, and each of them enforces the profiles:

1. The API handlers (`api_handlers`): a REST call that starts a server or saves its options is checked before the hub
   does anything for it.
2. The spawn call (`spawn_call`), which all pages and API handlers of the hub make: it is checked before the hub saves
   the options of a form or of a page's address.
3. The spawner's hook (`spawner_hook`): the start is checked before the server's process begins. This stage also covers
   code that starts servers without the hub's handlers, and it applies the profile's settings to the spawner.

All stages call `enforcement`, which takes the decision from `policy`. `startup` checks that all three stages are in
place, and stops the hub if one is missing.
"""

from __future__ import annotations

import os
from contextvars import ContextVar
from enum import Enum
from importlib.metadata import version
from os import PathLike
from types import EllipsisType
from typing import Literal

from traitlets.config import Config

from jhub.errors import InvalidInput
from jhub.extension.profile_store import ProfilesFile
from jhub.extension.profile_store import store as _store

__all__ = ["KUBESPAWNER", "OwnList", "enable"]


class OwnList(Enum):
    """A list of profiles that the hub already has."""

    KUBESPAWNER = "KubeSpawner.profile_list"


KUBESPAWNER = OwnList.KUBESPAWNER
"""The profiles of `KubeSpawner.profile_list`."""

reads_configuration_only: ContextVar[bool] = ContextVar("reads_configuration_only", default=False)
"""True while a configuration is read for its settings, by `jhub profile check`: `enable` then loads nothing.

It would stop at an invalid profiles file, which may be the very file to check.
"""


def enable(
    c: Config,
    profiles: str | PathLike[str] | OwnList | EllipsisType = ...,
    password_tokens: bool = False,
    login_client: bool = False,
    group_match: Literal["exact", "casefold"] = "exact",
    rbac: bool = False,
    always_show_form: bool = False,
) -> None:
    """Add profiles, password tokens or the login client to a hub.

    Further calls add to the first one, and may replace the profiles.

    `c` is the configuration object of `jupyterhub_config.py`; the call may be anywhere in that file.

    `profiles` is a file of profiles: the hub starts servers from these profiles only. A relative path starts at the
    folder that the hub runs in. `KUBESPAWNER` stands for `KubeSpawner.profile_list`, which stays where it is: a list, a
    mapping, or a function, which is called with the owner's spawner for each decision, and refuses the start if it
    raises or returns nothing. Without `profiles`, servers start as they would without jhub. None and an empty string,
    as from a variable that is not set, are errors.

    `group_match` is "exact", or "casefold" for groups of profiles that match groups of the hub whatever their case.

    If the spawner has no options form of its own, the hub's spawn page shows one with the profiles that the server's
    owner may start, and their options. It is skipped, and the server starts at once, if there is one profile without
    options; `always_show_form` shows it even then.

    `rbac` lets profiles create objects on Kubernetes that grant permissions in the namespace of the server's pod: roles
    and their bindings, tokens of service accounts, and pods with a service account. Without it, a file with such a
    profile is an error.

    `password_tokens` serves `GET` and `POST /hub/api/authorizations/token`, by which JupyterHub 1 issued a token for a
    username and a password. Failed attempts are throttled by name, and by address if the hub trusts its proxy
    (`JupyterHub.trusted_downstream_ips`); nobody is locked out.

    `login_client` registers the OAuth client that `jhub login --browser` uses, the service `jhub-login`, and gives all
    users the scope to use it. Without it, the hub removes the service at its next start.

    Raises InvalidInput, which stops the hub, if an argument has the wrong type, if there is nothing to add, and if the
    file is missing or invalid. The hub also stops at its start if another service has the name of the login client, or
    if roles are assigned to the login client.
    """
    # Configuration files, which call this, are not type-checked.
    if not isinstance(c, Config):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidInput("jhub.extension.enable(c, …) takes the `c` of jupyterhub_config.py")
    _check_arguments(
        profiles,
        group_match,
        password_tokens=password_tokens,
        login_client=login_client,
        rbac=rbac,
        always_show_form=always_show_form,
    )
    if profiles is not ...:
        _store.rbac = rbac
    if reads_configuration_only.get():
        return
    if profiles is not ...:
        _store.source = None if isinstance(profiles, OwnList) else ProfilesFile(profiles)
        _store.casefold_groups = group_match == "casefold"
        _store.always_show_form |= always_show_form
    # The code below imports JupyterHub; errors in the file are reported first.
    _check_version()
    if profiles is not ...:
        from jhub.extension import (
            api_handlers,
            profiles_api,
            spawn_call,
            spawn_failure_count,
            spawn_page,
            spawner_hook,
            startup,
        )

        spawner_hook.install()
        spawn_failure_count.install()
        spawn_call.install()
        spawn_page.install()
        api_handlers.install()
        profiles_api.install()
        startup.install()
    if password_tokens:
        from jhub.extension.password_tokens import install

        install()
    if login_client:
        from jhub.extension.oauth_client import install

        install()


def _check_arguments(profiles: object, group_match: object, **flags: object) -> None:
    """Raise InvalidInput for None and empty strings, as from unset variables, and for wrong types."""
    is_file = isinstance(profiles, str | PathLike) and os.fspath(profiles)
    if group_match not in ("exact", "casefold"):
        raise InvalidInput(f'jhub.extension.enable(c, group_match={group_match!r}): use "exact" or "casefold"')
    if profiles is ... and group_match != "exact":
        raise InvalidInput("jhub.extension.enable(c, group_match=…) needs profiles")
    if profiles is not ... and not (is_file or isinstance(profiles, OwnList)):
        raise InvalidInput(
            f"jhub.extension.enable(c, profiles={profiles!r}): name a file, or leave profiles out to start "
            "servers without profiles"
        )
    for name, flag in flags.items():
        if not isinstance(flag, bool):
            raise InvalidInput(f"jhub.extension.enable(c, {name}={flag!r}): use True or False")
    if profiles is ... and flags["rbac"]:
        raise InvalidInput("jhub.extension.enable(c, rbac=True) needs profiles")
    if profiles is ... and flags["always_show_form"]:
        raise InvalidInput("jhub.extension.enable(c, always_show_form=True): the form needs profiles: pass profiles")
    if profiles is ... and not any(flags.values()):
        raise InvalidInput("jhub.extension.enable(c) enables nothing: pass profiles, password_tokens or login_client")


def _check_version() -> None:
    """Raise InvalidInput unless JupyterHub is 5.3 or later."""
    installed = version("jupyterhub")
    major, minor = map(int, installed.split(".")[:2])
    if (major, minor) < (5, 3):
        raise InvalidInput(f"jhub.extension needs JupyterHub 5.3 or later, not {installed}")
