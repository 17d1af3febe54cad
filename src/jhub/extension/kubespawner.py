"""Integration with KubeSpawner's `profile_list`, from which it makes its form and checks what was chosen.

The setting becomes a function that returns the profiles that the server's owner may start, without their settings. The
settings are already in place when KubeSpawner reads the list, applied as for any spawner; so pages that show the whole
list show no secret.
"""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins
from tornado.web import HTTPError

from jhub.errors import InvalidInput
from jhub.extension.profile_access import available_profiles, default_profile, owner_of
from jhub.extension.profile_store import store
from jhub.models import UNLISTED_SUFFIX
from jhub.profiles.model import Profile, public_profile
from jhub.profiles.option_check import NONE_AVAILABLE

PROFILE_LIST = "profile_list"
"""Name of KubeSpawner's setting."""


def is_kubespawner(spawner_class: type) -> bool:
    """Return whether a class is KubeSpawner or a subclass, by name: KubeSpawner may not be installed."""
    return any(cls.__name__ == "KubeSpawner" for cls in spawner_class.__mro__)


def set_profile_list(config: Any, spawner_class: type) -> None:
    """Set the profiles as KubeSpawner's own. Raises InvalidInput if the administrator has configured other ones."""
    for cls in spawner_class.__mro__:
        settings = dict.get(config, cls.__name__) or {}
        is_overridden = PROFILE_LIST in vars(cls) and is_kubespawner(cls) and cls.__name__ != "KubeSpawner"
        if is_overridden or (settings.get(PROFILE_LIST) or profile_list) is not profile_list:
            raise InvalidInput(
                f"{cls.__name__}.{PROFILE_LIST} and the profiles of jhub.extension exclude each other: move its "
                "entries into the file of profiles, or leave out profiles="
            )
    config[spawner_class.__name__][PROFILE_LIST] = profile_list


def profile_list(spawner: Any) -> list[dict[str, Any]]:
    """Return the profiles that the spawner's owner may start, in KubeSpawner's format, for its form.

    Raises HTTPError 403 without any: with an empty list, KubeSpawner would start its default image.

    The form has the regular expression of each text, for the browser. KubeSpawner (7.1) itself matches saved texts
    against it, by `re` and without a time limit; so the expressions are removed if the saved options contain a text.
    """
    return _entries(spawner, with_regex=not any(name.endswith(UNLISTED_SUFFIX) for name in spawner.user_options or ()))


def profile_list_for_start(spawner: Any) -> list[dict[str, Any]]:
    """Return the same list for a start that has passed the policy: without expressions, as nothing is left to match."""
    return _entries(spawner, with_regex=False)


def _entries(spawner: Any, *, with_regex: bool) -> list[dict[str, Any]]:
    available = available_profiles(store.current, owner_of(spawner.user))
    if not available:
        raise HTTPError(403, NONE_AVAILABLE)
    default = default_profile(available)
    return [_entry(profile, default=profile is default, with_regex=with_regex) for profile in available]


def _entry(profile: Profile, *, default: bool, with_regex: bool) -> dict[str, Any]:
    """Return a profile in KubeSpawner's format: options and choices are mappings, and null is not allowed."""
    entry: dict[str, Any] = to_builtins(public_profile(profile, default=default))
    for option in entry["profile_options"]:
        # Set even if it is empty: KubeSpawner's form (7.1) fails without it.
        option["choices"] = _by_key(option["choices"])
        unlisted = option.pop("unlisted_choice")
        if unlisted is not None:
            option["unlisted_choice"] = {**unlisted, "enabled": True}
            if not with_regex:
                option["unlisted_choice"]["validation_regex"] = ""
    entry["profile_options"] = _by_key(entry["profile_options"])
    return entry


def _by_key(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry.pop("key"): entry for entry in entries}
