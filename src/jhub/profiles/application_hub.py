"""Reader of the `config.yml` of EOEPCA's application hub, from its tree.

In that format a profile has an `id`, required `groups`, and a `definition` in KubeSpawner's format. The `id` belongs to
that format alone: a start names the slug of the definition, and the `id` only if there is no slug. The keys beside the
definition become settings of the spawner, which override those of the definition, as they do there, items that are
added to lists of KubeSpawner, and objects. Null counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from msgspec.structs import replace

from jhub.profiles import schema
from jhub.profiles.access_rules import ACCESS_KEYS
from jhub.profiles.application_hub_objects import PodReader, drop_nulls
from jhub.profiles.fields import MappingReader
from jhub.profiles.kubernetes_names import DATA_KEY, read_name
from jhub.profiles.model import Path, Profile
from jhub.profiles.problems import quote
from jhub.profiles.profiles_yaml import build_profile, form_keys, profile_label
from jhub.profiles.templates import NAMESPACE_TEMPLATE, USER_TEMPLATE, has_template, unsupported_expression
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence, to_python

POD_KEYS = (
    "node_selector",
    "env_from_config_maps",
    "env_from_secrets",
    "secret_mounts",
    "config_maps",
    "volumes",
    "init_containers",
    "image_pull_secrets",
    "role_bindings",
    "manifests",
)
"""Keys of a profile that only KubeSpawner can fulfil."""
KEYS = ("id", "groups", "definition", "default_url", "pod_env_vars", *POD_KEYS)
"""Keys of a profile."""
NULLABLE_KEYS = tuple(key for key in KEYS if key != "groups")
"""Keys of a profile that may be null: null for `groups` may stand for a list that a template did not fill."""

DEFINITION_KEYS = {key: value for key, value in schema.PROFILE.items() if key not in (*ACCESS_KEYS, "user_options")}
"""Keys of a definition, with their schemas."""
OVERRIDES = ("spawner_override", "kubespawner_override")

SOURCES = {"from_config_map": "configMapKeyRef", "from_secret": "secretKeyRef"}
"""Sources of the value of an environment variable, here and in Kubernetes."""


def matches(profiles: Node) -> bool:
    """Return whether a list of profiles has this format, by its shape."""
    return isinstance(profiles, Sequence) and any(
        isinstance(entry, Mapping) and "definition" in entry.entries for entry in profiles.items
    )


def flatten(node: Mapping) -> Mapping:
    """Return a profile's mapping with the keys of its definition beside its own, as in the other format."""
    definition = node.entries.get("definition")
    if not isinstance(definition, Mapping):
        return node
    return Mapping(node.line, node.entries | definition.entries, node.lines | definition.lines)


def read_profile(reader: MappingReader, number: int) -> Profile | None:
    """Read the profile with this number in the file, and report its problems; return None if it has no definition."""
    definition = reader.mapping("definition")
    if definition is None:
        if not reader.log.has_error_at(reader.line("definition")):
            reader.error("definition", "needs a `definition`, like the other profiles in the file")
        return None
    reader.label = profile_label(definition, number)
    form_keys(reader, KEYS, "it has no effect")
    _check_templates(reader, reader.node, ())
    reader = MappingReader(reader.log, drop_nulls(reader.node, NULLABLE_KEYS), reader.label)
    definition = MappingReader(reader.log, drop_nulls(definition.node, tuple(DEFINITION_KEYS)), reader.label)
    groups = reader.names("groups")
    if groups is None:
        reader.error("groups", "needs `groups`, the groups whose members may start it ([] for nobody)")
    profile = build_profile(definition, DEFINITION_KEYS, groups=groups or (), users=None, fallback=reader.text("id"))
    pod = PodReader(reader, profile.slug)
    return replace(
        profile,
        **_read_settings(reader, profile),
        kubespawner_additions=pod.additions,
        objects=tuple(pod.objects.values()),
        has_templates=has_template(to_python(reader.node)),
        kubernetes_paths=tuple((profile.slug, *path) for path in _iter_kubernetes_paths(reader, definition)),
    )


def _read_settings(reader: MappingReader, profile: Profile) -> dict[str, dict[str, Any]]:
    """Return the overrides of the definition, with the settings beside it, and without settings that are null."""
    spawner: dict[str, Any] = dict(profile.spawner_override)
    kubespawner = {name: value for name, value in profile.kubespawner_override.items() if value is not None}
    if default_url := reader.text("default_url"):
        spawner["default_url"] = default_url
        kubespawner.pop("default_url", None)
    texts, sources = _read_variables(reader)
    environment = {name: value for name, value in _mapping(kubespawner, "environment").items() if name not in texts}
    environment |= sources
    if texts:
        spawner["environment"] = _mapping(spawner, "environment") | texts
    if environment or "environment" in kubespawner:
        kubespawner["environment"] = environment
    if selector := reader.texts("node_selector"):
        kubespawner["node_selector"] = _mapping(kubespawner, "node_selector") | selector
    return {"spawner_override": spawner, "kubespawner_override": kubespawner}


def _mapping(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """Return a setting that should be a mapping; empty if it is not, which has been or will be reported."""
    value: object = settings.get(name)
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _read_variables(reader: MappingReader) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the environment variables that are text, and those whose values are in a ConfigMap or Secret."""
    variables = reader.mapping("pod_env_vars")
    if variables is None:
        return {}, {}
    node = drop_nulls(variables.node)
    mappings = {name: value for name, value in node.entries.items() if isinstance(value, Mapping)}
    texts = {name: value for name, value in node.entries.items() if name not in mappings}
    sources = {
        name: {"valueFrom": source}
        for name, value in mappings.items()
        if (source := _read_source(MappingReader(reader.log, value, f"{reader.label}: variable {name}")))
    }
    MappingReader(reader.log, node, reader.label).read_variables(reader.label, removable=True)
    found = MappingReader(reader.log, Mapping(node.line, texts, node.lines), reader.label).read_variables(reader.label)
    return found, sources


def _read_source(variable: MappingReader) -> dict[str, dict[str, str]]:
    """Return where the value of a variable is, in Kubernetes' words; empty if it cannot be read."""
    form_keys(variable, tuple(SOURCES), "it has no effect")
    variable = MappingReader(variable.log, drop_nulls(variable.node), variable.label)
    named = [key for key in SOURCES if key in variable]
    if len(named) != 1:
        variable.log.error(variable.node.line, f"{variable.label}: needs one of {' and '.join(SOURCES)}")
        return {}
    source = variable.mapping(named[0])
    if source is None:
        return {}
    form_keys(source, ("name", "key"), "it has no effect")
    return {SOURCES[named[0]]: {"name": read_name(source, "name"), "key": read_name(source, "key", DATA_KEY)}}


def _iter_kubernetes_paths(reader: MappingReader, definition: MappingReader) -> Iterator[Path]:
    """Yield the keys that only KubeSpawner can fulfil, and the keys of any spawner with templates."""
    for key in POD_KEYS:
        if key in reader and to_python(reader.node.entries[key]):
            yield (key,)
    if has_template(reader.text("default_url")):
        yield ("default_url",)
    for place, mapping in (("pod_env_vars", reader), ("spawner_override", definition)):
        child = mapping.node.entries.get(place)
        for name, node in child.entries.items() if isinstance(child, Mapping) else ():
            is_source = place == "pod_env_vars" and isinstance(node, Mapping)
            if is_source or has_template(to_python(node)):
                yield place, name


def _check_templates(reader: MappingReader, node: Node, path: Path) -> None:
    """Report expressions and statements that are not supported, and templates where none is filled."""
    match node:
        case Scalar(value=str() as text):
            if found := unsupported_expression(text):
                reader.log.error(
                    node.line,
                    f"{reader.label}: unsupported template {quote(found)}; templates: {NAMESPACE_TEMPLATE}, "
                    f"{USER_TEMPLATE}",
                )
            elif has_template(text) and not _may_have_templates(path):
                reader.log.error(node.line, f"{reader.label}: `{path[-1]}` cannot have a template: {quote(text)}")
        case Scalar():
            pass
        case Sequence():
            for item in node.items:
                _check_templates(reader, item, path)
        case Mapping():
            for key, value in node.entries.items():
                if unsupported_expression(key) or has_template(key):
                    reader.log.error(node.lines[key], f"{reader.label}: a key cannot be a template: {quote(key)}")
                _check_templates(reader, value, (*path, key))


def _may_have_templates(path: Path) -> bool:
    """Return whether templates are filled at a path below a profile: in settings and objects, not in descriptions."""
    return any(key in path for key in OVERRIDES) if path[0] == "definition" else path[0] not in ("id", "groups")
