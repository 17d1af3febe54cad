"""Check a hub at its start, when all configuration has been read, that of the command line too.

The three stages of `jhub.extension` must be in place, and the profiles must suit the spawner; else the hub stops.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from jupyterhub.app import JupyterHub
from msgspec.structs import replace

from jhub.errors import InvalidInput
from jhub.extension import kubespawner, spawner_hook
from jhub.extension.api_handlers import HANDLER
from jhub.extension.patching import is_marked, wrap
from jhub.extension.spawner_settings import check_suits
from jhub.extension.store import store
from jhub.profiles.model import Profile, Profiles

REST = ("api/users/x/server", "api/users/x/servers/", "api/users/x/servers/y")
PAGES = ("spawn", "spawn/x", "spawn/x/y")


def install() -> None:
    """Add the check to the steps of the hub's start, once."""
    wrap(JupyterHub, "init_tornado_application", _check_after)


def _check_after(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def init_tornado_application(self: Any) -> None:
        original(self)
        see_to(self)

    return init_tornado_application


def see_to(app: Any) -> None:
    """Close what is open for this hub, and prove that nothing is. Raises InvalidInput, which stops it."""
    kind: type = app.spawner_class
    spawner_hook.guard(kind)
    if kubespawner.is_kubespawner(kind):
        kubespawner.adopt(app.config, kind)
    _check_stages(app)

    def fit(profiles: Profiles) -> Profiles:
        check_suits(profiles, kind, app.log)
        return with_names(profiles, app.authenticator.normalize_username)

    store.watch(fit, app.log)


def with_names(profiles: Profiles, normalized: Callable[[str], str]) -> Profiles:
    """The profiles with the names of users as the hub knows them: the judge compares letter by letter."""

    def renamed(profile: Profile) -> Profile:
        return replace(profile, users=profile.users and tuple(map(normalized, profile.users)))

    return replace(profiles, all=tuple(map(renamed, profiles.all)))


def _check_stages(app: Any) -> None:
    if not is_marked(getattr(app.spawner_class, spawner_hook.METHOD)):
        raise InvalidInput(
            f"jhub.extension: {app.spawner_class.__name__}.{spawner_hook.METHOD} does not judge profiles"
        )
    for path in (*REST, *PAGES):
        handler = _handler(app, app.hub_prefix + path)
        judges = is_marked(getattr(handler, "spawn_single_user", None))
        if not judges or (path in REST and not issubclass(handler, HANDLER)):
            name = getattr(handler, "__name__", "nothing")
            raise InvalidInput(
                f"jhub.extension: {app.hub_prefix}{path} is served by {name}, which does not judge profiles"
            )


def _handler(app: Any, path: str) -> Any:
    """Return what serves a path: the first route that fits is the one that the hub takes."""
    return next((handler for pattern, handler, *_ in app.handlers if re.fullmatch(pattern, path)), None)
