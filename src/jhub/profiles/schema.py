"""The JSON Schema of a profiles.yaml: all keys, with descriptions. A test compares it with the fields of the model."""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": ["string", "null"]}
FLAG: dict[str, Any] = {"type": "boolean"}


def _text(description: str) -> dict[str, Any]:
    return {**TEXT, "description": description}


def _flag(description: str) -> dict[str, Any]:
    return {**FLAG, "description": description}


def _names(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "minLength": 1}, "description": description}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


OVERRIDES = {"spawner_override": _ref("spawner_override"), "kubespawner_override": _ref("kubespawner_override")}

CHOICE = {
    "display_name": _text("The name that people see; by default the choice's key."),
    "default": _flag("Used if a start makes no choice; without a default, the first choice is used."),
    **OVERRIDES,
}

UNLISTED_CHOICE = {
    "enabled": _flag("True if the option accepts text that is not one of its choices; by default false."),
    "display_name": _text("The label of the text field."),
    "display_name_in_choices": _text("The name of the text field in the list of choices."),
    "validation_regex": _text("A regular expression that the whole text must match."),
    "validation_message": _text("The message for a text that does not match."),
    **OVERRIDES,
}

OPTION = {
    "display_name": _text("The name that people see; by default the option's key."),
    "choices": {"type": ["object", "null"], "additionalProperties": _ref("choice")},
    "unlisted_choice": _ref("unlisted_choice"),
}

PROFILE = {
    "slug": _text("The name of the profile in a start: unique, without spaces; by default derived from display_name."),
    "display_name": _text("The name that people see; by default the slug."),
    "description": _text("A description for people."),
    "default": _flag("Used if a start names no profile; without a default, the first that the user may start is."),
    "groups": _names(
        "Only members of these groups, and the users in users, may start it; with neither key, everybody may."
    ),
    "users": _names(
        "Only these users, and members of the groups in groups, may start it; with neither key, everybody may."
    ),
    "profile_options": {
        "type": ["object", "null"],
        "additionalProperties": _ref("option"),
        "description": "The options of the profile, by name.",
    },
    "user_options": _names("Further options that a start may have, for the spawner or a hook of yours."),
    **OVERRIDES,
}

FILE = {"profiles": {"type": "array", "minItems": 1, "items": _ref("profile")}}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Profiles of a JupyterHub with jhub.extension",
    **_object(FILE, required=["profiles"]),
    "$defs": {
        "profile": _object(PROFILE, anyOf=[{"required": ["slug"]}, {"required": ["display_name"]}]),
        "option": _object(OPTION, anyOf=[{"required": ["choices"]}, {"required": ["unlisted_choice"]}]),
        "choice": _object(CHOICE, type=["object", "null"]),
        "unlisted_choice": _object(
            UNLISTED_CHOICE, description="Text of the user's own; {value} in its overrides stands for the text."
        ),
        "spawner_override": {
            "type": ["object", "null"],
            "description": "Settings of the spawner, by name. environment is merged, the others replace the spawner's.",
            "properties": {"environment": {"type": ["object", "null"], "additionalProperties": {"type": "string"}}},
        },
        "kubespawner_override": {
            "type": ["object", "null"],
            "description": "Settings of KubeSpawner, by name. Mappings are merged, and null removes a key.",
            "properties": {
                "environment": {
                    "type": ["object", "null"],
                    "additionalProperties": {"type": ["string", "object", "null"]},
                }
            },
        },
    },
}
"""The schema of a file. Some rules, such as unique slugs, are enforced by the checker only."""
