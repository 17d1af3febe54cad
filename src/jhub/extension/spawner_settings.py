"""Checks of profiles and texts against the settings of this hub's spawner."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from copy import deepcopy
from typing import Any, cast

from traitlets import HasTraits, TraitError

from jhub.errors import InvalidInput
from jhub.extension.kubespawner import is_kubespawner
from jhub.extension.verdict import Decision
from jhub.profiles.fields import is_variable_name
from jhub.profiles.model import Overrides, Profile, Profiles, UnlistedChoice

INEFFECTIVE_SETTINGS = {
    "additional_profile_form_template_paths",
    "apply_user_options",
    "auth_state_hook",
    "consecutive_failure_limit",
    "group_overrides",
    "oauth_client_allowed_scopes",
    "oauth_roles",
    "options_form",
    "options_from_form",
    "options_from_query",
    "pre_spawn_hook",
    "profile_form_template",
    "profile_list",
    "server_token_scopes",
    "user_options",
}
"""Settings without effect in a profile.

The hub and the spawner read them before a profile's settings are applied, or after they have been restored.
"""


def check_settings(profiles: Profiles, spawner_class: Any, log: logging.Logger) -> None:
    """Raise InvalidInput for settings that the spawner class does not have or accept.

    A start from them would fail, and count as a failure of the hub. Logs a warning for a profile with a
    `kubespawner_override` if the spawner is not KubeSpawner.
    """
    for profile in profiles.all:
        layers = list(_all_overrides(profile))
        for option in profile.profile_options:
            if _is_reserved_option(spawner_class, option.key):
                raise InvalidInput(
                    f"profile {profile.slug}: {spawner_class.__name__} uses the option {option.key!r} of a start for "
                    "a setting of its own, past all choices; rename the option"
                )
        for layer in layers:
            for name, value in _settings(layer, spawner_class).items():
                if error := _setting_error(spawner_class, name, value, is_template=isinstance(layer, UnlistedChoice)):
                    raise InvalidInput(f"profile {profile.slug}: {spawner_class.__name__} {error}")
                if name in INEFFECTIVE_SETTINGS:
                    raise InvalidInput(f"profile {profile.slug}: the setting {name!r} has no effect in a profile")
        if not is_kubespawner(spawner_class) and any(layer.kubespawner_override for layer in layers):
            log.warning("Profile %s: kubespawner_override has no effect with %s", profile.slug, spawner_class.__name__)


def rejected_setting(decision: Decision, spawner: Any) -> str:
    """Return the name of a setting that does not accept the user's text; empty if there is none.

    This only validates the values, and leaves the spawner unchanged.
    """
    settings = _settings(decision, type(spawner))
    return next(
        (
            name
            for name in settings
            if name in decision.user_text_settings and not _accepts(spawner, name, settings[name])
        ),
        "",
    )


def _accepts(spawner: Any, name: str, value: object) -> bool:
    """Return whether a setting accepts a value, and keeps it unchanged.

    JupyterHub replaces `%U` in a path by `{username}`, but a user's text must never act as a template.
    """
    if name == "environment" and isinstance(value, dict):
        names = cast("dict[object, object]", value)
        if not all(isinstance(key, str) and is_variable_name(key) for key in names):
            return False
    try:
        accepted: object = spawner.traits()[name]._validate(spawner, deepcopy(value))
    except Exception:  # noqa: BLE001  # ByteSpecification raises OverflowError for infG, other traits any exception
        return False
    return accepted == value or not (isinstance(accepted, str) and isinstance(value, str))


def _is_reserved_option(spawner_class: type, option: str) -> bool:
    """Return whether a spawner itself uses an option of a start.

    DockerSpawner (14.0) uses `image`, and batchspawner (1.3) every option with a setting `req_…`.
    """
    bases = {cls.__name__ for cls in spawner_class.__mro__}
    return (option == "image" and "DockerSpawner" in bases) or (
        "BatchSpawnerBase" in bases and hasattr(spawner_class, f"req_{option}")
    )


def _settings(layer: Overrides | Decision, spawner_class: type) -> dict[str, Any]:
    return {**layer.spawner_override, **(layer.kubespawner_override if is_kubespawner(spawner_class) else {})}


def _setting_error(spawner_class: Any, name: str, value: object, *, is_template: bool) -> str:
    """Return the reason why the class does not accept a setting; empty if it does.

    Some settings cannot be checked without a spawner; these count as accepted.
    """
    # Traits without config=True are the spawner's own state: its user, its hub, its database.
    trait = spawner_class.class_traits(config=True).get(name)
    if trait is None:
        return f"has no setting {name!r}"
    if (is_template and "{value}" in repr(value)) or (name == "environment" and value is None):
        return ""  # another value is set at the start
    try:
        trait.validate(HasTraits(), value)
    except TraitError as error:
        return f"does not accept the setting {name!r}: {error}"
    except AttributeError:  # third-party traits may need their spawner, which does not exist yet
        return ""
    except Exception as error:  # noqa: BLE001  # ByteSpecification raises OverflowError for infG, other traits any exception
        return f"does not accept the setting {name!r}: {type(error).__name__}"
    return ""


def _all_overrides(profile: Profile) -> Iterator[Overrides]:
    yield profile
    for option in profile.profile_options:
        yield from option.choices
        if option.unlisted_choice is not None:
            yield option.unlisted_choice
