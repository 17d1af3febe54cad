"""Profiles of the application hub's format on a hub: fill templates in settings, and check settings at its start."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from string import Formatter as FieldParser
from typing import Any

from msgspec.structs import replace

from jhub.extension.format_fields import BASE_SETTINGS, KUBESPAWNER_SETTINGS, Formatter, find_bad_texts, format_error
from jhub.extension.kubespawner import is_kubespawner
from jhub.extension.verdict import Decision
from jhub.profiles.kubernetes_rules import kubernetes_only, shared_namespace_problems
from jhub.profiles.model import Path, Problem, Profile, Profiles, iter_layers
from jhub.profiles.templates import TemplateValues, fill_settings

FORMATTED_SETTINGS = (*BASE_SETTINGS, *KUBESPAWNER_SETTINGS)
"""Settings in which KubeSpawner fills fields such as `{username}`."""


def template_values(spawner: Any, namespace: str) -> TemplateValues:
    """Return what the templates of a profile stand for in a start of a server."""
    try:
        slug = spawner._expand_user_properties("{safe_username}")
    except KeyError:  # KubeSpawner 6
        slug = spawner._expand_user_properties("{username}")
    return TemplateValues(namespace=namespace, user=spawner.user.name, slug=slug)


def fill_decision(decision: Decision, spawner: Any) -> Decision:
    """Return a decision with the templates of its settings filled. The profile's own namespace counts, if it has one.

    On other spawners, templates are errors at the hub's start.
    """
    if not decision.profile.has_templates or not is_kubespawner(type(spawner)):
        return decision
    values = template_values(spawner, spawner.namespace)
    own: dict[str, Any] = fill_settings(
        {name: value for name, value in decision.kubespawner_override.items() if name == "namespace"}, values, ()
    )
    values = replace(values, namespace=own.get("namespace") or spawner.namespace)
    profile = replace(
        decision.profile,
        kubespawner_additions=fill_settings(decision.profile.kubespawner_additions, values, FORMATTED_SETTINGS),
    )
    return replace(
        decision,
        profile=profile,
        spawner_override=fill_settings(decision.spawner_override, values, FORMATTED_SETTINGS),
        kubespawner_override={**fill_settings(decision.kubespawner_override, values, FORMATTED_SETTINGS), **own},
    )


def addition_problems(profile: Profile, formats: Mapping[str, Formatter]) -> Iterator[tuple[Path, str, bool]]:
    """Yield the texts that KubeSpawner cannot format among the items that a profile adds to its settings."""
    for name, value in profile.kubespawner_additions.items():
        for keys, reason in find_bad_texts(formats[name], value) if name in formats else ():
            yield (profile.slug, name, *keys), format_error("KubeSpawner", (name, *keys), reason), False


def unsupported_keys(profile: Profile, spawner_class: type) -> Iterator[tuple[Path, str, bool]]:
    """Yield the keys of a profile that a spawner other than KubeSpawner cannot fulfil."""
    if not is_kubespawner(spawner_class):
        for path, name in kubernetes_only(profile):
            yield path, f"{name} needs KubeSpawner, and this hub has {spawner_class.__name__}", False


def namespace_problems(profiles: Profiles, spawner_class: Any, config: Any) -> Iterator[Problem]:
    """Yield the objects with a name that is the same for all users who share a namespace."""
    if not is_kubespawner(spawner_class):
        return
    is_separate = has_user_namespaces(spawner_class, config)
    sharing = tuple(profile for profile in profiles.all if not is_separate or _sets_namespace(profile))
    yield from shared_namespace_problems(replace(profiles, all=sharing))


def has_user_namespaces(spawner_class: Any, config: Any) -> bool:
    """Return whether each user has a namespace, by the configuration of a hub."""
    template = _configured(spawner_class, config, "user_namespace_template")
    fields = [field or "" for _, field, _, _ in FieldParser().parse(str(template))]
    return bool(_configured(spawner_class, config, "enable_user_namespaces")) and any("user" in each for each in fields)


def _configured(spawner_class: Any, config: Any, name: str) -> object:
    """Return the value of a setting by the configuration, or its default."""
    for cls in spawner_class.__mro__:
        settings = dict.get(config, cls.__name__) or {}
        if name in settings:
            value: object = settings[name]
            return value
    trait = spawner_class.class_traits().get(name)
    return trait and trait.default()


def _sets_namespace(profile: Profile) -> bool:
    return any("namespace" in layer.kubespawner_override for _, layer in iter_layers(profile))
