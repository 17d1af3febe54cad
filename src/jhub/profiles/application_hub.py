"""Reading the `config.yml` of the application hub of EOEPCA from its tree.

There a profile has an `id`, `groups`, which it must have, and a `definition` in KubeSpawner's words. Its `id` is that
format's own: a start names the slug of the definition, and the id only where there is no slug. `default_url` and
`pod_env_vars` become settings of the spawner, after those of the definition, as they do there.
"""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from jhub.profiles import schema
from jhub.profiles.fields import Fields
from jhub.profiles.model import Profile
from jhub.profiles.problems import shown
from jhub.profiles.profiles_yaml import called, described
from jhub.profiles.yaml_tree import Mapping, Node, Sequence, plain, texts

READ = ("id", "groups", "definition", "default_url", "pod_env_vars")

DEFINITION = {key: value for key, value in schema.PROFILE.items() if key not in ("groups", "users", "user_options")}

TEMPLATE = re.compile(r"\{\{|\{%")


def is_one(profiles: Node) -> bool:
    """Whether a list of profiles is in this format: by its shape."""
    return isinstance(profiles, Sequence) and any(
        isinstance(entry, Mapping) and "definition" in entry.entries for entry in profiles.items
    )


def leave_out(fields: Fields, read: tuple[str, ...]) -> None:
    """Warn of all keys but those that are `read`. One that is there and empty says nothing, and is not spoken of."""
    for key, node in fields.node.entries.items():
        if key not in read and plain(node) not in (None, "", [], {}, False):
            fields.report.warn(fields.line(key), f"{fields.where}: `{key}` is not supported, and left out")


def profile(fields: Fields, number: int) -> Profile | None:
    """One profile, the `number`th of the file; None for one without a definition. What is wrong has been reported."""
    definition = fields.fields("definition")
    if definition is None:
        if not fields.report.has_error_at(fields.line("definition")):
            fields.error("definition", "needs a `definition`, as the others in the file have")
        return None
    where = called(definition, number)
    fields.where = definition.where = where
    definition.only(DEFINITION)
    leave_out(fields, READ)
    for key in READ:
        if key in fields:
            _refuse_templates(fields, key)
    groups = fields.names("groups")
    if groups is None:
        fields.error("groups", "needs `groups`, the list of those whose members may start it ([] for nobody)")
    found = described(definition, groups=groups or (), users=None, fallback=fields.text("id"))
    settings: dict[str, Any] = dict(found.spawner_override)
    default_url = fields.text("default_url")
    if default_url:
        settings["default_url"] = default_url
    variables = fields.fields("pod_env_vars")
    if variables is not None:
        settings["environment"] = {**(settings.get("environment") or {}), **variables.variables(where)}
    return replace(found, spawner_override=settings)


def _refuse_templates(fields: Fields, key: str) -> None:
    """An error, not a warning: used as it is written, a template would name a folder or a variable of everybody's."""
    for line, text in texts(fields.node.entries[key]):
        if TEMPLATE.search(text):
            fields.report.error(
                line, f"{fields.where}: templates are not supported, and `{key}` has one: {shown(text)}"
            )
