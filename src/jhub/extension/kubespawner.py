"""Integration with KubeSpawner's `profile_list`, from which KubeSpawner builds its form and checks the choices.

The setting becomes a function that returns the profiles that the server's owner may start, without their settings. The
settings are already in place when KubeSpawner reads the list, applied as for any spawner; so pages that show the whole
list show no secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from importlib import import_module
from typing import Any, cast

from msgspec import to_builtins
from tornado.web import HTTPError
from traitlets import HasTraits, TraitError
from traitlets.config.loader import DeferredConfig, LazyConfigValue

from jhub.errors import InvalidInput
from jhub.extension.current_profiles import available_to
from jhub.extension.profile_access import default_profile
from jhub.models import UNLISTED_SUFFIX
from jhub.profiles.model import Option, Profile, public_profile
from jhub.profiles.option_check import NONE_AVAILABLE

PROFILE_LIST = "profile_list"
"""Name of KubeSpawner's setting."""

ITEM_MODELS = {
    "extra_containers": "V1Container",
    "init_containers": "V1Container",
    "node_affinity_preferred": "V1PreferredSchedulingTerm",
    "node_affinity_required": "V1NodeSelectorTerm",
    "pod_affinity_preferred": "V1WeightedPodAffinityTerm",
    "pod_affinity_required": "V1PodAffinityTerm",
    "pod_anti_affinity_preferred": "V1WeightedPodAffinityTerm",
    "pod_anti_affinity_required": "V1PodAffinityTerm",
    "tolerations": "V1Toleration",
    "volume_mounts": "V1VolumeMount",
    "volumes": "V1Volume",
}
"""Kubernetes' type of the items in settings that are lists, by the setting: KubeSpawner 6 and 7 makes one of each."""
TEXT_MAPPINGS = ("extra_annotations", "extra_labels", "node_selector")
"""Settings whose values have to be text: Kubernetes refuses a pod with a number or true as the value of a label."""


def is_kubespawner(spawner_class: type) -> bool:
    """Return whether a class is KubeSpawner or a subclass, by name: KubeSpawner may not be installed."""
    return any(cls.__name__ == "KubeSpawner" for cls in spawner_class.__mro__)


def find_item_error(name: str, value: object) -> str:
    """Return why Kubernetes does not accept the items of a setting; empty if it does.

    The items of a mapping are not complete: they are merged into those of the spawner.
    """
    if name in TEXT_MAPPINGS and isinstance(value, dict):
        wrong = next((key for key, item in cast("dict[str, object]", value).items() if not isinstance(item, str)), None)
        return "" if wrong is None else f"{wrong!r} must be text: write it in quotes"
    if name not in ITEM_MODELS or not isinstance(value, list):
        return ""
    try:
        model = getattr(import_module("kubernetes_asyncio.client"), ITEM_MODELS[name])
        make = import_module("kubespawner.utils").get_k8s_model
    except (ImportError, AttributeError):  # another class with the name, or another version
        return ""
    for number, item in enumerate(cast("list[object]", value), 1):
        try:
            make(model, item)
        except Exception as error:  # noqa: BLE001  # of a client that is generated from Kubernetes' specification
            return f"item {number}: {error}"
    return ""


def take_profile_list(config: Any, spawner_class: Any) -> object:
    """Return KubeSpawner's list as the administrator has configured it, and remove it from the configuration.

    Raises InvalidInput if there is none.
    """
    configured = [
        settings.pop(PROFILE_LIST)
        for cls in spawner_class.__mro__
        if PROFILE_LIST in (settings := dict.get(config, cls.__name__) or {})
    ]
    trait = spawner_class.class_traits().get(PROFILE_LIST) if is_kubespawner(spawner_class) else None
    if trait is None:
        raise InvalidInput(
            f"jhub.extension.enable(c, profiles=KUBESPAWNER) needs KubeSpawner, not {spawner_class.__name__}: name a "
            "file of profiles"
        )
    value: object = configured[0] if configured else trait.default()
    if isinstance(value, LazyConfigValue):  # of `c.KubeSpawner.profile_list.append(…)`
        value = value.get_value(trait.default())
    elif isinstance(value, DeferredConfig):  # of the command line, which takes mappings only
        value = value.get_value(trait)
    if not value:
        raise InvalidInput(
            f"jhub.extension.enable(c, profiles=KUBESPAWNER): {spawner_class.__name__}.{PROFILE_LIST} is empty"
        )
    try:
        trait.validate(HasTraits(), profile_list)
    except TraitError:  # the trait of a subclass; KubeSpawner's own also accepts functions
        raise InvalidInput(
            f"jhub.extension.enable(c, profiles=KUBESPAWNER): {spawner_class.__name__}.{PROFILE_LIST} must accept a "
            "function, as KubeSpawner's does"
        ) from None
    return value


def set_profile_list(config: Any, spawner_class: type, *, is_taken: bool = False) -> None:
    """Set the profiles as KubeSpawner's own. Raises InvalidInput if the administrator has configured other ones."""
    for cls in spawner_class.__mro__:
        settings = dict.get(config, cls.__name__) or {}
        is_overridden = (
            PROFILE_LIST in vars(cls) and is_kubespawner(cls) and cls.__name__ != "KubeSpawner" and not is_taken
        )
        if is_overridden or (settings.get(PROFILE_LIST) or profile_list) is not profile_list:
            raise InvalidInput(
                f"{cls.__name__}.{PROFILE_LIST} and the profiles of jhub.extension cannot be used together: move its "
                "entries into the profiles file, or omit profiles="
            )
    config[spawner_class.__name__][PROFILE_LIST] = profile_list


async def profile_list(spawner: Any) -> list[dict[str, Any]]:
    """Return the profiles that the spawner's owner may start, in KubeSpawner's format, for its form.

    Raises HTTPError 403 if there are none: with an empty list, KubeSpawner would start its default image.

    The form has the regular expression of each text, for the browser. KubeSpawner (7.1) itself matches saved texts
    against it, with `re` and without a time limit; so the expressions are removed if the saved options contain a text.
    """
    available = await available_to(spawner)
    if not available:
        raise HTTPError(403, NONE_AVAILABLE)
    return entries(available, with_regex=not any(name.endswith(UNLISTED_SUFFIX) for name in spawner.user_options or ()))


def entries(available: Sequence[Profile], *, with_regex: bool) -> list[dict[str, Any]]:
    """Return profiles in KubeSpawner's format, at least one; without expressions if nothing is left to match."""
    default = default_profile(available)
    return [_entry(profile, default=profile is default, with_regex=with_regex) for profile in available]


def _entry(profile: Profile, *, default: bool, with_regex: bool) -> dict[str, Any]:
    """Return a profile in KubeSpawner's format: options and choices are mappings, and null is not allowed."""
    entry: dict[str, Any] = to_builtins(public_profile(profile, default=default))
    entry["profile_options"] = {
        option.key: _option(option, public, with_regex=with_regex)
        for option, public in zip(profile.profile_options, entry["profile_options"], strict=True)
    }
    return {**deepcopy(profile.form_keys), **entry}


def _option(option: Option, public: dict[str, Any], *, with_regex: bool) -> dict[str, Any]:
    """Return an option without its key, and with the keys that only forms read."""
    # `choices` is set even if it is empty: KubeSpawner's form (7.1) fails without it.
    choices = {
        choice.key: {**deepcopy(choice.form_keys), **_without_key(entry)}
        for choice, entry in zip(option.choices, public["choices"], strict=True)
    }
    entry = {**deepcopy(option.form_keys), **_without_key(public), "choices": choices}
    unlisted = entry.pop("unlisted_choice")
    if unlisted is not None and option.unlisted_choice is not None:
        entry["unlisted_choice"] = {**deepcopy(option.unlisted_choice.form_keys), **unlisted, "enabled": True}
        if not with_regex:
            entry["unlisted_choice"]["validation_regex"] = ""
    return entry


def _without_key(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "key"}
