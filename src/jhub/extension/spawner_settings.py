"""Checks of profiles and texts against the settings of this hub's spawner."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any, TypeAlias, cast

from traitlets import HasTraits, TraitError

from jhub.errors import InvalidInput
from jhub.extension.format_fields import Formatter, find_bad_texts, format_error, formatters
from jhub.extension.kubernetes_settings import addition_problems, namespace_problems, unsupported_keys
from jhub.extension.kubespawner import find_item_error, is_kubespawner
from jhub.extension.overrides import fill_template, merge_into
from jhub.extension.profile_store import store
from jhub.extension.verdict import Decision
from jhub.profiles.fields import is_variable_name
from jhub.profiles.kubernetes_rules import permission_problems
from jhub.profiles.loader import summarize
from jhub.profiles.model import Overrides, Path, Problem, Profile, Profiles, UnlistedChoice, iter_layers

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


EARLY_SETTINGS = {
    "dns_name_template",
    "pod_name_template",
    "pvc_name_template",
    "secret_name_template",
    "user_namespace_template",
}
"""Settings that KubeSpawner 6 and 7 reads when it creates its spawner or clears its state, before a profile applies."""

SAMPLE_TEXT = "text"
"""Text of a user's own in a check: the hub refuses texts with braces."""

OVERRIDES = ("spawner_override", "kubespawner_override")
"""Keys of the settings in a profile or a choice, in the order in which they apply."""


Found: TypeAlias = tuple[Path, str, bool]
"""A problem without its line: the path, the message, and true for a warning."""


def find_problems(profiles: Profiles, spawner_class: Any, config: Any = None) -> Iterator[Problem]:
    """Yield all problems of the profiles with a spawner class, with their lines.

    Errors are settings that the class does not have or accept, texts that it cannot format, settings without effect,
    and options that it uses itself. A start from such a profile would fail, and count as a failure of the hub. With
    the configuration of the hub, also yields a warning about a form whose fields are all refused.
    """
    formats = formatters(spawner_class)
    for profile in profiles.all:
        found = [*_option_problems(profile, spawner_class), *_override_problems(profile, spawner_class)]
        found += [*unsupported_keys(profile, spawner_class), *addition_problems(profile, formats)]
        for path, layer in iter_layers(profile):
            found += _setting_problems(path, layer, spawner_class, formats)
        for place, message, is_warning in found:
            yield Problem(profiles.line(place), f"profile {profile.slug}: {' '.join(message.split())}", is_warning)
    if config is not None:
        if not store.rbac:
            yield from permission_problems(profiles)
        yield from namespace_problems(profiles, spawner_class, config)
        yield from _find_unread_form(profiles, spawner_class, config)


def _option_problems(profile: Profile, spawner_class: type) -> Iterator[Found]:
    for option in profile.profile_options:
        if _is_reserved_option(spawner_class, option.key):
            message = (
                f"{spawner_class.__name__} uses the user option {option.key!r} for a setting of its own, whatever the "
                "choices; rename the option"
            )
            yield (profile.slug, "profile_options", option.key), message, False


def _override_problems(profile: Profile, spawner_class: type) -> Iterator[Found]:
    """Yield a warning for the first `kubespawner_override` of a profile if the spawner is not KubeSpawner."""
    if not is_kubespawner(spawner_class):
        for path, layer in iter_layers(profile):
            if layer.kubespawner_override:
                message = f"kubespawner_override has no effect with {spawner_class.__name__}"
                yield (*path, "kubespawner_override"), message, True
                return


def _setting_problems(
    path: Path, layer: Overrides, spawner_class: type, formats: Mapping[str, Formatter]
) -> Iterator[Found]:
    """Yield the problems of the settings of a profile, a choice or an unlisted choice."""
    is_template = isinstance(layer, UnlistedChoice)
    spawner = spawner_class.__name__
    for override in OVERRIDES if is_kubespawner(spawner_class) else OVERRIDES[:1]:
        settings: dict[str, Any] = getattr(layer, override)
        for name, value in settings.items():
            place = (*path, override, name)
            if error := _setting_error(spawner_class, place, value, is_template=is_template):
                yield place, f"{spawner} {error}", False
            elif name in INEFFECTIVE_SETTINGS:
                yield place, f"the setting {name!r} has no effect in a profile", False
            elif name in EARLY_SETTINGS and is_kubespawner(spawner_class):
                yield place, f"the setting {name!r} has no effect: {spawner} reads it before the profile applies", True
            elif name in formats:
                formatter = formats[name]
                fields = f"; fields: {', '.join(formatter.fields)}" if formatter.fields else ""
                text = fill_template(value, SAMPLE_TEXT) if is_template else value
                for keys, reason in find_bad_texts(formatter, text):
                    message = format_error(spawner, (name, *keys), reason)
                    yield (*place, *keys), f"{message}{fields}", not formatter.always


def raise_errors(problems: Iterable[Problem]) -> None:
    """Raise InvalidInput if some problems are errors, with the first of them and the number of the others."""
    errors = [problem for problem in problems if not problem.warning]
    if errors:
        raise InvalidInput(summarize(errors, "line ", "jhub profile check FILE --config jupyterhub_config.py"))


def rejected_setting(decision: Decision, spawner: Any) -> str:
    """Return the name of a setting that does not accept the user's text; empty if all settings accept it.

    This only validates the values, and leaves the spawner unchanged.
    """
    settings = _settings(decision, type(spawner))
    return next(
        (
            name
            for name in settings
            if name in decision.user_text_settings
            and not callable(settings[name])
            and not _accepts(spawner, name, settings[name])
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


def is_own_setting(spawner: Any, option: str) -> bool:
    """Return whether a spawner reads an option of a start as a setting of its own, by itself or by its configuration.

    `apply_user_options` may be a mapping from options to settings.
    """
    applied = spawner.apply_user_options
    return _is_reserved_option(type(spawner), option) or (isinstance(applied, dict) and option in applied)


def _find_unread_form(profiles: Profiles, spawner_class: Any, config: Any) -> Iterator[Problem]:
    """Yield a warning if the hub has an options form of its own, and no profile lets any of its fields through."""
    if any(profile.user_options or profile.any_user_options for profile in profiles.all):
        return
    for cls in spawner_class.__mro__:
        if (dict.get(config, cls.__name__) or {}).get("options_form"):
            yield Problem(
                0,
                f"{cls.__name__}.options_form is set, but no profile has `user_options`: fields of the form that are "
                "no options of a profile are refused. List them in `user_options`, or write `user_options: any`",
                warning=True,
            )
            return


def _settings(decision: Decision, spawner_class: type) -> dict[str, Any]:
    return {**decision.spawner_override, **(decision.kubespawner_override if is_kubespawner(spawner_class) else {})}


def _setting_error(spawner_class: Any, place: Path, value: object, *, is_template: bool) -> str:
    """Return the reason why the class does not accept a setting; empty if it does.

    Some settings cannot be checked without a spawner; these count as accepted.
    """
    override, name = place[-2:]
    # Traits without config=True are the spawner's own state: its user, its hub, its database.
    trait = spawner_class.class_traits(config=True).get(name)
    if trait is None:
        return f"has no setting {name!r}"
    if (is_template and "{value}" in repr(value)) or callable(value):
        return ""  # another value is set at the start
    if override == "kubespawner_override" and isinstance(value, dict):
        value = merge_into({}, cast("dict[str, Any]", value))  # null removes a key of the spawner's own mapping
    elif override == "spawner_override" and name == "environment" and value is None:
        return ""  # nothing is added
    try:
        # Unlike `validate`, this knows of allow_none.
        trait._validate(HasTraits(), value)
    except TraitError as error:
        reason = str(error).replace(" of a HasTraits instance", "")
        return f"does not accept the setting {name!r}: {reason}{_unit_hint(trait, value)}"
    except AttributeError:  # third-party traits may need their spawner, which does not exist yet
        return ""
    except Exception as error:  # noqa: BLE001  # ByteSpecification raises OverflowError for infG, other traits any exception
        return f"does not accept the setting {name!r}: {type(error).__name__}"
    reason = find_item_error(name, value) if is_kubespawner(spawner_class) else ""
    return f"does not accept the setting {name!r}: {reason}" if reason else ""


def _unit_hint(trait: object, value: object) -> str:
    """Return the cure for a unit such as 3Gi of Kubernetes, or 3GB; empty for other values."""
    if type(trait).__name__ == "ByteSpecification" and isinstance(value, str):
        match = re.fullmatch(r"([\d.]+[KMGT])(i|i?B)", value)
        return f"; write {match[1]}, which counts in units of 1024{' too' if 'i' in match[2] else ''}" if match else ""
    return ""
