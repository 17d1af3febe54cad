"""The JSON Schema of a profiles.yaml: all keys, and what they mean. A test holds the fields of the model against it."""

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
    "display_name": _text("What people see; the choice's key if missing."),
    "default": _flag("Taken where a start chooses nothing; else it is the first choice."),
    **OVERRIDES,
}

UNLISTED_CHOICE = {
    "enabled": _flag("Whether the option takes text that is none of its choices. False if missing."),
    "display_name": _text("The label of the text field."),
    "display_name_in_choices": _text("How the list of choices calls it."),
    "validation_regex": _text("What the whole text must match."),
    "validation_message": _text("What somebody is told whose text does not match."),
    **OVERRIDES,
}

OPTION = {
    "display_name": _text("What people see; the option's key if missing."),
    "choices": {"type": ["object", "null"], "additionalProperties": _ref("choice")},
    "unlisted_choice": _ref("unlisted_choice"),
}

PROFILE = {
    "slug": _text("What a start names: unique, without spaces. Made of display_name if missing."),
    "display_name": _text("What people see; the slug if missing."),
    "description": _text("More for people to see."),
    "default": _flag("Started where a start names no profile; else it is the first that a user may start."),
    "groups": _names("Only members of these groups may start it, and those in users; with neither key, everybody."),
    "users": _names("Only these users may start it, and members of groups; with neither key, everybody."),
    "profile_options": {
        "type": ["object", "null"],
        "additionalProperties": _ref("option"),
        "description": "What can be chosen within the profile, by the name of the option.",
    },
    "user_options": _names("Further options that a start may bring, for the spawner or a hook of yours."),
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
        "unlisted_choice": _object(UNLISTED_CHOICE, description="{value} in its overrides is the text that was typed."),
        "spawner_override": {
            "type": ["object", "null"],
            "description": "Settings of the spawner, by name. environment is merged into its own, the others replace.",
            "properties": {"environment": {"type": ["object", "null"], "additionalProperties": {"type": "string"}}},
        },
        "kubespawner_override": {
            "type": ["object", "null"],
            "description": "Settings of KubeSpawner, by name. Mappings are merged into its own; null removes a key.",
            "properties": {
                "environment": {
                    "type": ["object", "null"],
                    "additionalProperties": {"type": ["string", "object", "null"]},
                }
            },
        },
    },
}
"""Says what a file may look like. That slugs are unique, and such, only the checker says."""
