"""The inner barrier: every start, whatever it came through, is judged again, and gets its profile's settings."""

# JupyterHub carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError
from traitlets import TraitError

from jhub.extension.gate import Owner
from jhub.extension.judge import judge
from jhub.extension.overrides import updated
from jhub.extension.verdict import Refusal, Verdict
from jhub.profiles.model import Profiles

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
        apply(self, judged(self.user, self.user_options))
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


def judged(user: Any, options: Mapping[str, Any] | None) -> Verdict:
    """By what a server of the hub's `user` starts with these options. Raises HTTPError where it must not."""
    verdict = judge(_current[0], owner_of(user), options)
    if isinstance(verdict, Refusal):
        raise HTTPError(verdict.status, verdict.message)
    return verdict


def owner_of(user: Any) -> Owner:
    """The hub's user as the judge sees it: with the groups of this moment."""
    return Owner(name=user.name, groups=frozenset(group.name for group in user.groups))


def apply(spawner: Any, verdict: Verdict) -> None:
    """Give a spawner the settings of a start. Raises HTTPError 500 for one that the spawner does not have or take."""
    # A stop that failed half-way may not have come to its hook.
    restore(spawner)
    setattr(spawner, BEFORE, {})
    for name, value in verdict.spawner_override.items():
        present = _present(spawner, name, verdict)
        _set(spawner, name, {**present, **(value or {})} if name == "environment" else value, verdict)
    if not is_kubespawner(spawner):
        return
    for name, value in verdict.kubespawner_override.items():
        present = _present(spawner, name, verdict)
        both = isinstance(value, dict) and isinstance(present, dict)
        _set(spawner, name, updated(present, value) if both else value, verdict)


def is_kubespawner(spawner: Any) -> bool:
    """Whether it is one, or of a class made from it. By name: the hub may have no KubeSpawner to import."""
    return any(kind.__name__ == "KubeSpawner" for kind in type(spawner).__mro__)


def _present(spawner: Any, name: str, verdict: Verdict) -> Any:
    """The value of a setting so far."""
    if not spawner.has_trait(name):
        raise HTTPError(500, f"{_where(spawner, name, verdict)} does not exist")
    return getattr(spawner, name)


def _set(spawner: Any, name: str, value: Any, verdict: Verdict) -> None:
    """Set it, and keep what was there before this start."""
    getattr(spawner, BEFORE).setdefault(name, getattr(spawner, name))
    try:
        # A copy: hooks change what is set in place, and the profile is for the next start as well.
        setattr(spawner, name, deepcopy(value))
    except TraitError as error:
        raise HTTPError(500, f"{_where(spawner, name, verdict)} cannot be {value!r}: {error}") from error


def _where(spawner: Any, name: str, verdict: Verdict) -> str:
    return f"profile {verdict.profile.slug}: the setting {name!r} of {type(spawner).__name__}"


def restore(spawner: Any) -> None:
    """Take a profile's settings away again: a spawner object may serve several starts."""
    for name, value in getattr(spawner, BEFORE, {}).items():
        setattr(spawner, name, value)
    setattr(spawner, BEFORE, {})
