"""What the judge says, and how it says no. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from jhub.profiles.model import Profile


class Decision(Struct, frozen=True, kw_only=True):
    """The profile of a start, and the settings that come of it and of what was chosen in it."""

    profile: Profile
    user_options: dict[str, Any]
    """The options of the start in full, in KubeSpawner's words: `{"profile": "gpu", "image": "scipy"}`, or
    `{"profile": "gpu", "image--unlisted-choice": "any/image:1"}`.
    """
    spawner_override: dict[str, Any]
    kubespawner_override: dict[str, Any]
    """Its mappings are to be merged into the spawner's own."""
    user_text_settings: frozenset[str] = frozenset()
    """Names of the settings that a text of the user's own goes into."""
    user_controlled: bool = False
    """Whether the start has values that the user is free to choose: texts, or options that nothing here reads."""


class Refusal(Struct, frozen=True, kw_only=True):
    """Why there will be no start, as the HTTP status and message to answer with."""

    status: int
    message: str


class Refused(Exception):
    """Carries a refusal out of the depth of the judge."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.refusal = Refusal(status=status, message=message)
