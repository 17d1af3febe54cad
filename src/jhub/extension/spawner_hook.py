"""Stage 3, the spawner's hook: every start, by any way, is judged again and gets its profile's settings."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future
from tornado.web import HTTPError

from jhub.extension.enforcement import check_texts, judged
from jhub.extension.kubespawner import SETTING, is_kubespawner, judged_profile_list
from jhub.extension.overrides import updated
from jhub.extension.patching import wrap
from jhub.extension.verdict import Verdict

METHOD = "run_pre_spawn_hook"

BEFORE = "_jhub_settings_before_profile"
"""Where a spawner keeps what a profile replaced."""

JUDGED = "_jhub_judged"
"""Set on a spawner between its judgement and the end of the hooks."""


def install() -> None:
    """Wrap methods of the base class, once.

    A hook set through `c.Spawner.pre_spawn_hook` would be beaten by one on a subclass's name, and would take the
    administrator's own place.
    """
    guard(Spawner)
    wrap(Spawner, "run_post_stop_hook", _restored)
    wrap(Spawner, "_run_apply_user_options", _silence_unhandled_warning)


def guard(kind: Any) -> None:
    """Judge before the method of a class that has one of its own."""
    wrap(kind, METHOD, _judged)


def _judged(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run_pre_spawn_hook(self: Any) -> Any:
        if getattr(self, JUDGED, False):  # a subclass's own method calls the one of its base
            return await maybe_future(original(self))
        verdict = judged(self.user, self.user_options)
        check_texts(verdict, self)
        setattr(self, JUDGED, True)
        try:
            # What was judged is what hooks and spawners see, however it was written in the request.
            self.user_options = verdict.user_options
            apply(self, verdict)
            return await maybe_future(original(self))
        finally:
            setattr(self, JUDGED, False)

    return run_pre_spawn_hook


def _restored(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run_post_stop_hook(self: Any) -> Any:
        # Runs after failed and interrupted starts too. The administrator's hook still sees the profile's settings.
        try:
            return await maybe_future(original(self))
        finally:
            restore(self)

    return run_post_stop_hook


def _silence_unhandled_warning(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Skip the spawner's warning of "unhandled user_options" where it has no hook: a start handles them."""

    async def run_apply_user_options(self: Any, user_options: Any) -> None:
        if self.apply_user_options:
            await original(self, user_options)

    return run_apply_user_options


def apply(spawner: Any, verdict: Verdict) -> None:
    """Give a spawner the settings of a start.

    Raises HTTPError for one that the spawner does not have or take: 400 where a user's text goes into it, else 500.
    """
    # A stop that failed half-way may not have come to its hook.
    restore(spawner)
    setattr(spawner, BEFORE, {})
    for name, value in verdict.spawner_override.items():
        present = _present(spawner, name, verdict)
        _set(spawner, name, {**present, **(value or {})} if name == "environment" else value, verdict)
    if not is_kubespawner(type(spawner)):
        return
    # Overrides for groups have come before, and may have brought another list.
    _set(spawner, SETTING, judged_profile_list, verdict)
    for name, value in verdict.kubespawner_override.items():
        present = _present(spawner, name, verdict)
        both = isinstance(value, dict) and isinstance(present, dict)
        _set(spawner, name, updated(present, value) if both else value, verdict)


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
    except Exception as error:  # noqa: BLE001  # traits and observers of others raise what they like
        # What it was to be may be a secret, and this is for whoever asked.
        spawner.log.error("%s cannot be set: %s: %s", _where(spawner, name, verdict), type(error).__name__, error)
        raise HTTPError(
            400 if name in verdict.typed else 500, f"{_where(spawner, name, verdict)} cannot be what it should be"
        ) from None


def _where(spawner: Any, name: str, verdict: Verdict) -> str:
    return f"profile {verdict.profile.slug}: the setting {name!r} of {type(spawner).__name__}"


def restore(spawner: Any) -> None:
    """Take a profile's settings away again: a spawner object may serve several starts."""
    for name, value in getattr(spawner, BEFORE, {}).items():
        setattr(spawner, name, value)
    setattr(spawner, BEFORE, {})
