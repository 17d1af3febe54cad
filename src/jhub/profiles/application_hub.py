"""Reader of the `config.yml` of EOEPCA's application hub, from its tree.

In that format a profile has an `id`, required `groups`, and a `definition` in KubeSpawner's format. The `id` belongs to
that format alone: a start names the slug of the definition, and the `id` only if there is no slug. `default_url` and
`pod_env_vars` become settings of the spawner and override those of the definition, as they do there.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from jhub.profiles import schema
from jhub.profiles.fields import MappingReader
from jhub.profiles.model import Profile
from jhub.profiles.problems import quote
from jhub.profiles.profiles_yaml import build_profile, profile_label
from jhub.profiles.yaml_tree import Mapping, Node, Sequence, iter_texts, to_python

SUPPORTED_KEYS = ("id", "groups", "definition", "default_url", "pod_env_vars")
"""Keys of a profile that are read."""

DEFINITION_KEYS = {
    key: value for key, value in schema.PROFILE.items() if key not in ("groups", "users", "user_options")
}
"""Keys of a definition, with their schemas."""

TEMPLATE_PATTERN = re.compile(r"\{\{|\{%")
"""Beginning of a Jinja template."""


def matches(profiles: Node) -> bool:
    """Return whether a list of profiles has this format, by its shape."""
    return isinstance(profiles, Sequence) and any(
        isinstance(entry, Mapping) and "definition" in entry.entries for entry in profiles.items
    )


def warn_unsupported(reader: MappingReader, supported: tuple[str, ...]) -> None:
    """Warn of each key that is not `supported` and not empty."""
    for key, node in reader.node.entries.items():
        if key not in supported and to_python(node) not in (None, "", [], {}, False):
            reader.log.warn(reader.line(key), f"{reader.label}: `{key}` is not supported and is ignored")


def read_profile(reader: MappingReader, number: int) -> Profile | None:
    """Read the profile with this number in the file, and report its problems; return None if it has no definition."""
    definition = reader.mapping("definition")
    if definition is None:
        if not reader.log.has_error_at(reader.line("definition")):
            reader.error("definition", "needs a `definition`, like the other profiles in the file")
        return None
    label = profile_label(definition, number)
    reader.label = definition.label = label
    definition.check_keys(DEFINITION_KEYS)
    warn_unsupported(reader, SUPPORTED_KEYS)
    for key in SUPPORTED_KEYS:
        if key in reader:
            _check_templates(reader, key)
    groups = reader.names("groups")
    if groups is None:
        reader.error("groups", "needs `groups`, the groups whose members may start it ([] for nobody)")
    profile = build_profile(definition, groups=groups or (), users=None, fallback=reader.text("id"))
    settings: dict[str, Any] = dict(profile.spawner_override)
    default_url = reader.text("default_url")
    if default_url:
        settings["default_url"] = default_url
    variables = reader.mapping("pod_env_vars")
    if variables is not None:
        settings["environment"] = {**(settings.get("environment") or {}), **variables.read_variables(label)}
    return replace(profile, spawner_override=settings)


def _check_templates(reader: MappingReader, key: str) -> None:
    """Report templates as errors, not as warnings.

    Used literally, a template would name a folder or a variable that all users share.
    """
    for line, text in iter_texts(reader.node.entries[key]):
        if TEMPLATE_PATTERN.search(text):
            reader.log.error(
                line, f"{reader.label}: templates are not supported, but `{key}` contains one: {quote(text)}"
            )
