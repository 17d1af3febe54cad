"""The verdict of the policy on a start: a decision that allows it, or a refusal. Pure."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from jhub.profiles.model import Profile


class Decision(Struct, frozen=True, kw_only=True):
    """The profile of a start, and the settings that result from it and from the choices made in it."""

    profile: Profile
    user_options: dict[str, Any]
    """The complete options of the start, in KubeSpawner's format.

    For example `{"profile": "gpu", "image": "scipy"}`, or
    `{"profile": "gpu", "image--unlisted-choice": "any/image:1"}`.
    """
    spawner_override: dict[str, Any]
    """Settings of any spawner."""
    kubespawner_override: dict[str, Any]
    """Settings of KubeSpawner; mappings are merged into the spawner's own."""
    user_text_settings: frozenset[str] = frozenset()
    """Names of the settings that contain a text of the user's own."""
    user_controlled: bool = False
    """True if the start has values that the user chooses freely: texts, or options that jhub does not read."""


class Refusal(Struct, frozen=True, kw_only=True):
    """The reason why a server does not start, as the HTTP status and message of the response."""

    status: int
    message: str


class Refused(Exception):
    """The exception that carries a refusal up to `decide`."""

    def __init__(self, message: str, status: int = 400) -> None:
        """Store the refusal with this message."""
        super().__init__(message)
        self.refusal = Refusal(status=status, message=message)
