"""A profiles file for jhub.extension with many profiles for many groups."""

from __future__ import annotations

from typing import Any

import msgspec

PROFILES = 200
GROUPS = 50
OPTIONS = ("image", "memory")
CHOICES = 6


def groups() -> list[str]:
    """Return the names of all groups."""
    return [f"course{number:02}" for number in range(GROUPS)]


def slug(number: int) -> str:
    """Return the slug of a profile."""
    return f"profile-{number:03}"


def choice(option: str, number: int) -> str:
    """Return the name of a choice of an option."""
    return f"{option}-{number}"


def file(*, rules_on_choices: bool = False) -> bytes:
    """Return the content of the file, as JSON, which is valid YAML."""
    profiles = [profile(number, rules_on_choices=rules_on_choices) for number in range(PROFILES)]
    return msgspec.json.encode({"profiles": profiles})


def profile(number: int, *, rules_on_choices: bool) -> dict[str, Any]:
    """Return a profile that the members of one group may start; some of its choices may be for groups, too."""
    return {
        "slug": slug(number),
        "display_name": f"Profile {number} of the faculty",
        "description": "Notebooks, with the data of the course and room for the results",
        "groups": [groups()[number % GROUPS]],
        "spawner_override": {"environment": {"COURSE": str(number)}},
        "profile_options": {option: {"choices": choices(option, rules=rules_on_choices)} for option in OPTIONS},
    }


def choices(option: str, *, rules: bool) -> dict[str, Any]:
    """Return all choices of an option. With rules, half of them are for a group, and one more is for nobody."""
    entries: dict[str, Any] = {
        choice(option, number): {
            "display_name": f"{option.title()} {number}",
            "default": number == 1,
            "spawner_override": {"environment": {option.upper(): str(number)}},
        }
        for number in range(CHOICES)
    }
    if rules:
        for number in range(0, CHOICES, 2):
            entries[choice(option, number)]["groups"] = [groups()[number]]
        entries["closed"] = {"groups": []}
    return entries
