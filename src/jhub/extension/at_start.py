"""What a hub's start sees to when all configuration has been read, that of the command line too.

Both barriers must be in place, or the hub does not start; and the profiles must suit its spawner.
"""

# JupyterHub carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import Any

from jupyterhub.app import JupyterHub
from msgspec.structs import replace

from jhub.errors import InvalidInput
from jhub.extension import barrier, kubespawner, source
from jhub.extension.marks import is_marked, marked
from jhub.extension.routes import HANDLER
from jhub.extension.suits import check_suits
from jhub.profiles.model import Profiles

REST = ("api/users/x/server", "api/users/x/servers/", "api/users/x/servers/y")
PAGES = ("spawn", "spawn/x", "spawn/x/y")


def install() -> None:
    """Add it to the steps of the hub's start, once."""
    app: Any = JupyterHub
    if not is_marked(app.init_tornado_application):
        app.init_tornado_application = _then_checked(app.init_tornado_application)


def _then_checked(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    @functools.wraps(original)
    def init_tornado_application(self: Any) -> None:
        original(self)
        see_to(self)

    return marked(init_tornado_application)


def see_to(app: Any) -> None:
    """Close what is open for this hub, and prove that nothing is. Raises InvalidInput, which stops it."""
    kind: type = app.spawner_class
    barrier.guard(kind)
    if kubespawner.is_kubespawner(kind):
        kubespawner.adopt(app.config, kind)
    _check_barriers(app)

    def fit(profiles: Profiles) -> Profiles:
        check_suits(profiles, kind, app.log)
        return with_names(profiles, app.authenticator.normalize_username)

    source.watch(fit, app.log)


def with_names(profiles: Profiles, normalized: Callable[[str], str]) -> Profiles:
    """The profiles with the names of users as the hub knows them: the judge compares letter by letter."""
    return replace(
        profiles,
        all=tuple(
            profile if profile.users is None else replace(profile, users=tuple(map(normalized, profile.users)))
            for profile in profiles.all
        ),
    )


def _check_barriers(app: Any) -> None:
    if not is_marked(getattr(app.spawner_class, barrier.METHOD)):
        raise InvalidInput(f"jhub.extension: {app.spawner_class.__name__}.{barrier.METHOD} does not judge profiles")
    for path in REST:
        _check(app, path, _judges_rest)
    for path in PAGES:
        _check(app, path, _judges_starts)


def _check(app: Any, path: str, judges: Callable[[Any], bool]) -> None:
    """The first route that fits is the one that the hub takes."""
    full = app.hub_prefix + path
    handler = next((each[1] for each in app.handlers if re.fullmatch(each[0], full)), None)
    if not judges(handler):
        name = getattr(handler, "__name__", "nothing")
        raise InvalidInput(f"jhub.extension: {full} is served by {name}, which does not judge profiles")


def _judges_rest(handler: Any) -> bool:
    return isinstance(handler, type) and issubclass(handler, HANDLER) and _judges_starts(handler)


def _judges_starts(handler: Any) -> bool:
    return is_marked(getattr(handler, "spawn_single_user", None))
