"""The inner barrier: every start, whatever it came through, is judged again, and gets its profile's settings."""

# JupyterHub carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError
from traitlets import TraitError

from jhub.extension.judge import Owner, Refusal, judge
from jhub.extension.profiles import Profile, Profiles

BEFORE = "_jhub_settings_before_profile"
"""Where a spawner keeps what a profile replaced."""

_current: list[Profiles] = []


def install(profiles: Profiles) -> None:
    """Put the barrier in place, or give the one in place other profiles.

    It wraps methods of the base class. A hook set through `c.Spawner.pre_spawn_hook` would be beaten by one on a
    subclass's name, and would take the administrator's own place; no spawner of note overrides these methods.
    """
    first = not _current
    _current[:] = [profiles]
    if first:
        base: Any = Spawner
        base.run_pre_spawn_hook = _judged(base.run_pre_spawn_hook)
        base.run_post_stop_hook = _restored(base.run_post_stop_hook)


def _judged(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run_pre_spawn_hook(self: Any) -> Any:
        verdict = judge(_current[0], Owner(name=self.user.name), self.user_options)
        if isinstance(verdict, Refusal):
            raise HTTPError(verdict.status, verdict.message)
        apply(self, verdict)
        return await maybe_future(original(self))

    return run_pre_spawn_hook


def _restored(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run_post_stop_hook(self: Any) -> Any:
        # Runs after failed and interrupted starts too. The administrator's hook still sees the profile's settings.
        try:
            return await maybe_future(original(self))
        finally:
            restore(self)

    return run_post_stop_hook


def apply(spawner: Any, profile: Profile) -> None:
    """Give a spawner the profile's settings. Raises HTTPError 500 for one that the spawner does not have or take."""
    # A stop that failed half-way may not have come to its hook.
    restore(spawner)
    before: dict[str, Any] = {}
    setattr(spawner, BEFORE, before)
    for name, value in profile.spawner_override.items():
        where = f"profile {profile.slug}: the setting {name!r} of {type(spawner).__name__}"
        if not spawner.has_trait(name):
            raise HTTPError(500, f"{where} does not exist")
        before[name] = present = getattr(spawner, name)
        if name == "environment":
            value = {**present, **(value or {})}
        try:
            setattr(spawner, name, value)
        except TraitError as error:
            raise HTTPError(500, f"{where} cannot be {value!r}: {error}") from error


def restore(spawner: Any) -> None:
    """Take a profile's settings away again: a spawner object may serve several starts."""
    for name, value in getattr(spawner, BEFORE, {}).items():
        setattr(spawner, name, value)
    setattr(spawner, BEFORE, {})
