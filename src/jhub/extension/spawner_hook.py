"""Stage 3, the spawner's hook: check every start, whatever code began it, and apply its profile's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from jupyterhub.spawner import Spawner
from jupyterhub.utils import maybe_future
from msgspec.structs import replace
from tornado.web import HTTPError

from jhub.extension.current_profiles import profiles_and_owner
from jhub.extension.enforcement import check_user_texts, enforce
from jhub.extension.kubernetes_settings import fill_decision
from jhub.extension.kubespawner import PROFILE_LIST, entries, is_kubespawner
from jhub.extension.overrides import add_items, merge_into
from jhub.extension.patching import wrap_once
from jhub.extension.verdict import Decision
from jhub.profiles.model import Profiles

PRE_SPAWN_METHOD = "run_pre_spawn_hook"
"""Name of the spawner's method that runs before each start."""

ORIGINAL_SETTINGS = "_jhub_original_settings"
"""Attribute of a spawner that keeps the settings that a profile has replaced."""

ENFORCED = "_jhub_enforced"
"""Attribute that is true on a spawner from the check of a start to the end of the hooks."""


def install() -> None:
    """Wrap methods of the base class, once.

    The check cannot be `c.Spawner.pre_spawn_hook`: a hook set on the name of a subclass would override it, and it
    would replace the administrator's own hook.
    """
    enforce_before_hook(Spawner)
    wrap_once(Spawner, "run_post_stop_hook", _wrap_post_stop_hook)
    wrap_once(Spawner, "_run_apply_user_options", _wrap_apply_user_options)


def enforce_before_hook(spawner_class: Any) -> None:
    """Enforce the profiles before the pre-spawn method of a class that overrides it."""
    wrap_once(spawner_class, PRE_SPAWN_METHOD, _wrap_pre_spawn_hook)


def _wrap_pre_spawn_hook(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run_pre_spawn_hook(self: Any) -> Any:
        if getattr(self, ENFORCED, False):  # the method of a subclass has called that of its base class
            return await maybe_future(original(self))
        sent = self.user_options
        profiles, owner = await profiles_and_owner(self)
        decision = enforce(profiles, owner, self.user, sent)
        resolved = decision.user_options
        check_user_texts(decision, self)
        setattr(self, ENFORCED, True)
        try:
            # Hooks and spawners see the options as the policy has resolved them, whatever their format in the request.
            self.user_options = deepcopy(resolved)
            decision = fill_decision(call_functions(decision, self), self)
            apply_settings(self, decision)
            result = await maybe_future(original(self))
            # The administrator's hook may refuse the start, or choose another namespace: the objects come after it.
            await prepare_objects(self, decision)
            return result
        finally:
            setattr(self, ENFORCED, False)
            if keeps_sent_options(profiles, decision, sent, type(self)) and self.user_options == resolved:
                self.user_options = sent

    return run_pre_spawn_hook


def keeps_sent_options(
    profiles: Profiles, decision: Decision, sent: Mapping[str, Any] | None, spawner_class: type
) -> bool:
    """Return whether a server keeps the options that were sent once the hooks have run, as without jhub.

    This is so if the start named no profile, the file has no other, and nothing was left to choose. KubeSpawner and
    wrapspawner read the profile's name from the options later in the start.
    """
    return (
        len(profiles.all) == 1
        and not decision.profile.profile_options
        and "profile" not in (sent or {})
        and not is_kubespawner(spawner_class)
        and not any(cls.__name__ == "WrapSpawner" for cls in spawner_class.__mro__)
    )


def _wrap_post_stop_hook(original: Callable[[Any], Any]) -> Callable[[Any], Any]:
    async def run_post_stop_hook(self: Any) -> Any:
        # Runs after failed and interrupted starts, too. The administrator's hook still sees the profile's settings.
        try:
            return await maybe_future(original(self))
        finally:
            try:
                await clean_up_objects(self)
            finally:
                restore_settings(self)

    return run_post_stop_hook


def _wrap_apply_user_options(original: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """Skip the spawner's warning of "unhandled user_options" if it has no hook for them: the profiles handle them."""

    async def run_apply_user_options(self: Any, user_options: Any) -> None:
        if self.apply_user_options:
            await original(self, user_options)

    return run_apply_user_options


async def prepare_objects(spawner: Any, decision: Decision) -> None:
    """Create the objects of the profile, on KubeSpawner. Raises HTTPError if that fails."""
    if is_kubespawner(type(spawner)):
        from jhub.extension.kubernetes_objects import create_objects  # imports KubeSpawner

        await create_objects(spawner, decision.profile)


async def clean_up_objects(spawner: Any) -> None:
    """Remove the objects of the server's profile, on KubeSpawner."""
    if is_kubespawner(type(spawner)):
        from jhub.extension.kubernetes_objects import remove_objects

        await remove_objects(spawner)


def call_functions(decision: Decision, spawner: Any) -> Decision:
    """Return the decision with the results of settings that are functions, which get the spawner, as in KubeSpawner.

    Only KubeSpawner's own list has such settings. Raises HTTPError 500 if a function fails.
    """
    settings = dict(decision.kubespawner_override)
    for name, function in settings.items():
        if not callable(function):
            continue
        try:
            settings[name] = function(spawner)
        except HTTPError:
            raise
        except Exception as error:  # the administrator's function may raise anything
            label = _label(spawner, name, decision)
            spawner.log.exception("%s: its function failed", label)
            raise HTTPError(500, f"{label}: its function failed ({type(error).__name__})") from None
    return replace(decision, kubespawner_override=settings)


def apply_settings(spawner: Any, decision: Decision) -> None:
    """Apply the settings of a start to a spawner.

    Raises HTTPError for a setting that the spawner does not have or accept: 400 if a user's text goes into it, else
    500.
    """
    # A stop that failed may not have run its hook.
    restore_settings(spawner)
    setattr(spawner, ORIGINAL_SETTINGS, {})
    for name, value in decision.spawner_override.items():
        current = _current_value(spawner, name, decision)
        _set(spawner, name, {**current, **(value or {})} if name == "environment" else value, decision)
    if not is_kubespawner(type(spawner)):
        return
    # JupyterHub's group_overrides apply earlier, and may have set another list. KubeSpawner looks the profile up in it.
    _set(spawner, PROFILE_LIST, entries([decision.profile], with_regex=False), decision)
    for name, value in decision.kubespawner_override.items():
        current = _current_value(spawner, name, decision)
        mergeable = isinstance(value, dict) and isinstance(current, dict)
        _set(spawner, name, merge_into(current, value) if mergeable else value, decision)
    for name, addition in decision.profile.kubespawner_additions.items():
        _set(spawner, name, add_items(_current_value(spawner, name, decision), addition), decision)


def _current_value(spawner: Any, name: str, decision: Decision) -> Any:
    """Return the current value of a setting."""
    if not spawner.has_trait(name):
        raise HTTPError(500, f"{_label(spawner, name, decision)} does not exist")
    return getattr(spawner, name)


def _set(spawner: Any, name: str, value: Any, decision: Decision) -> None:
    """Set a setting, and keep the value that it had before this start."""
    getattr(spawner, ORIGINAL_SETTINGS).setdefault(name, getattr(spawner, name))
    try:
        # A copy, because hooks may change the value in place, and the next start uses the same profile.
        setattr(spawner, name, deepcopy(value))
    except Exception as error:  # noqa: BLE001  # third-party traits and observers raise any exception
        # The value may be a secret, and the caller sees this message: the details go to the log only.
        spawner.log.error("%s cannot be set: %s: %s", _label(spawner, name, decision), type(error).__name__, error)
        raise HTTPError(
            400 if name in decision.user_text_settings else 500,
            f"{_label(spawner, name, decision)} does not accept the profile's value",
        ) from None


def _label(spawner: Any, name: str, decision: Decision) -> str:
    return f"profile {decision.profile.slug}: the setting {name!r} of {type(spawner).__name__}"


def restore_settings(spawner: Any) -> None:
    """Restore the settings that a profile has replaced: a spawner object may serve several starts."""
    for name, value in getattr(spawner, ORIGINAL_SETTINGS, {}).items():
        setattr(spawner, name, value)
    setattr(spawner, ORIGINAL_SETTINGS, {})
