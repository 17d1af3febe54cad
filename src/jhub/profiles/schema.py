"""The JSON Schema of a profiles.yaml: all keys, with descriptions. A test compares it with the fields of the model."""

from __future__ import annotations

from typing import Any

TEXT: dict[str, Any] = {"type": ["string", "null"]}
FLAG: dict[str, Any] = {"type": "boolean"}


def _text(description: str) -> dict[str, Any]:
    return {**TEXT, "description": description}


def _flag(description: str) -> dict[str, Any]:
    return {**FLAG, "description": description}


ANY = "any"
"""The value of `user_options` that lets options of any name through."""


def _names(description: str) -> dict[str, Any]:
    return {"type": "array", "items": {"type": "string", "minLength": 1}, "description": description}


def _object(properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties, **more}


def _ref(name: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{name}"}


FORM_KEYS = {"dynamic_image_building", "slug"}
"""Keys of options and choices that jupyterhub-fancy-profiles reads, and jhub passes on to its form."""
MISPLACED_KEYS = {
    "choices",
    "default",
    "description",
    "display_name",
    "enabled",
    "profile_options",
    "slug",
    "unlisted_choice",
    "user_options",
}
"""Keys that real lists also have inside an override, where they have no effect."""


def _access(noun: str) -> dict[str, Any]:
    """Return the schemas of the access rules; `noun` says what they restrict."""
    return {
        "groups": _names(
            f"Only members of these groups, and the users in users, may {noun}; with neither key, everybody may."
        ),
        "allowed_groups": _names("Another name for groups."),
        "users": _names(
            f"Only these users, and members of the groups in groups, may {noun}; with neither key, everybody may."
        ),
        "access": {
            "enum": ["all", "yaml", None],
            "description": "Nebari's key: all admits everybody, and yaml leaves it to groups and users.",
        },
    }


OVERRIDES = {"spawner_override": _ref("spawner_override"), "kubespawner_override": _ref("kubespawner_override")}

CHOICE = {
    "display_name": _text("The name that people see; by default the choice's key."),
    "description": _text("A description for people."),
    "default": _flag("Used if a start makes no choice; without a default, the first choice is used."),
    **_access("make the choice"),
    **OVERRIDES,
}

UNLISTED_CHOICE = {
    "enabled": _flag("True if the option accepts text that is not one of its choices; by default false."),
    "display_name": _text("The label of the text field."),
    "display_name_in_choices": _text("The name of the text field in the list of choices."),
    "description": _text("A description of the text for people."),
    "description_in_choices": _text("A description of the entry in the list of choices."),
    "validation_regex": _text("A regular expression that the whole text must match."),
    "validation_message": _text("The message for a text that does not match."),
    **_access("enter a text"),
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
    **_access("start it"),
    "profile_options": {
        "type": ["object", "null"],
        "additionalProperties": _ref("option"),
        "description": "The options of the profile, by name.",
    },
    "user_options": {
        "anyOf": [{"type": "array", "items": {"type": "string", "minLength": 1}}, {"const": ANY}],
        "description": (
            "Further options that a start may have, for the spawner or a hook of yours: a list of names, or any."
        ),
    },
    **OVERRIDES,
}

FILE = {
    "profiles": {
        "anyOf": [
            {"type": "array", "minItems": 1, "items": _ref("profile")},
            {"type": "object", "minProperties": 1, "additionalProperties": _ref("profile_of_mapping")},
        ],
        "description": "The profiles: a list, or a mapping whose keys are the slugs, which is sorted by them.",
    }
}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Profiles of a JupyterHub with jhub.extension",
    **_object(FILE, required=["profiles"]),
    "$defs": {
        "profile": _object(PROFILE, anyOf=[{"required": ["slug"]}, {"required": ["display_name"]}]),
        "profile_of_mapping": _object(PROFILE),
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
