"""Checks at the start of a hub, after it has read all its configuration and the command line.

The hub stops unless the three stages of `jhub.extension` are in place, and the spawner accepts the profiles' settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jupyterhub.app import JupyterHub
from msgspec.structs import replace

from jhub.errors import InvalidInput
from jhub.extension import kubespawner, spawner_hook
from jhub.extension.api_handlers import SERVER_HANDLER
from jhub.extension.kubespawner_list import KubeSpawnerList
from jhub.extension.patching import is_patch, wrap_once
from jhub.extension.profile_access import map_rules
from jhub.extension.profile_store import ProfilesFile, log_warnings, store
from jhub.extension.spawner_settings import find_problems, raise_errors
from jhub.profiles.model import Profiles

REST_PATHS = ("api/users/x/server", "api/users/x/servers/", "api/users/x/servers/y")
"""Paths of the REST API that start servers."""
PAGE_PATHS = ("spawn", "spawn/x", "spawn/x/y")
"""Paths of pages that start servers."""


def install() -> None:
    """Add the checks to the steps of the hub's start, once."""
    wrap_once(JupyterHub, "init_tornado_application", _wrap_init_tornado_application)


def _wrap_init_tornado_application(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def init_tornado_application(self: Any) -> None:
        original(self)
        prepare_hub(self)

    return init_tornado_application


def prepare_hub(app: Any) -> None:
    """Complete the stages for this hub, check them, and start polling the file.

    Raises InvalidInput, which stops the hub.
    """
    spawner_class: type = app.spawner_class
    spawner_hook.enforce_before_hook(spawner_class)

    def adapt(profiles: Profiles) -> Profiles:
        problems = tuple(find_problems(profiles, spawner_class, app.config))
        raise_errors(problems)
        profiles = replace(profiles, warnings=(*profiles.warnings, *problems))
        return normalize(profiles)

    def normalize(profiles: Profiles) -> Profiles:
        return normalize_names(profiles, app.authenticator.normalize_username, casefold_groups=store.casefold_groups)

    if isinstance(store.source, ProfilesFile):
        store.watch(store.source, adapt, app.log)
    else:
        taken = KubeSpawnerList(kubespawner.take_profile_list(app.config, spawner_class), adapt, normalize)
        log_warnings(taken.profiles, app.log)
        store.source = taken
    if kubespawner.is_kubespawner(spawner_class):
        from jhub.extension import kubernetes_objects  # imports KubeSpawner

        kubernetes_objects.install(spawner_class)
        kubespawner.set_profile_list(app.config, spawner_class, is_taken=isinstance(store.source, KubeSpawnerList))
    _check_stages(app)


def normalize_names(profiles: Profiles, normalize: Callable[[str], str], *, casefold_groups: bool = False) -> Profiles:
    """Return the profiles with normalised usernames, and groups in lower case if asked to.

    The policy compares them letter by letter.
    """

    def with_normalized_names(rules: Any) -> Any:
        groups = tuple(map(str.casefold, rules.groups)) if rules.groups and casefold_groups else rules.groups
        return replace(rules, users=rules.users and tuple(map(normalize, rules.users)), groups=groups)

    return replace(map_rules(profiles, with_normalized_names), casefold_groups=casefold_groups)


def _check_stages(app: Any) -> None:
    if not is_patch(getattr(app.spawner_class, spawner_hook.PRE_SPAWN_METHOD)):
        raise InvalidInput(
            f"jhub.extension: {app.spawner_class.__name__}.{spawner_hook.PRE_SPAWN_METHOD} does not enforce profiles"
        )
    for path in (*REST_PATHS, *PAGE_PATHS):
        handler = _handler_for(app, app.hub_prefix + path)
        enforces = is_patch(getattr(handler, "spawn_single_user", None))
        if not enforces or (path in REST_PATHS and not issubclass(handler, SERVER_HANDLER)):
            name = getattr(handler, "__name__", "nothing")
            raise InvalidInput(
                f"jhub.extension: {app.hub_prefix}{path} is served by {name}, which does not enforce profiles"
            )


def _handler_for(app: Any, path: str) -> Any:
    """Return the handler that serves a path: that of the first route that matches, as in the hub."""
    return next((handler for pattern, handler, *_ in app.handlers if re.fullmatch(pattern, path)), None)
