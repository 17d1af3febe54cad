"""Deciding which profile a start gets, if any. Pure: no hub, no spawner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from msgspec import Struct

from jhub.extension.profiles import Profile, Profiles

SHOWN = 60
"""Characters of a wrong profile's name that a message repeats."""


class Owner(Struct, frozen=True, kw_only=True):
    """Whose server it is. Never the one who asks: an administrator starts a user's server as that user would."""

    name: str


class Refusal(Struct, frozen=True, kw_only=True):
    """Why there will be no start, as the HTTP status and message to answer with."""

    status: int
    message: str


def judge(profiles: Profiles, owner: Owner, options: Mapping[str, Any] | None) -> Profile | Refusal:
    """The profile by which a server of `owner` starts with the user options `options`, or why it must not."""
    mine = visible(profiles, owner)
    if not mine:
        # Never an empty list that a spawner would take for "the default image".
        return Refusal(status=403, message="no profile is available")
    named = _named(options)
    if named is None:
        return next((profile for profile in mine if profile.default), mine[0])
    known = ", ".join(profile.slug for profile in mine)
    if not isinstance(named, str):
        return Refusal(status=400, message=f"the option 'profile' must be text; known profiles: {known}")
    for profile in mine:
        if profile.slug == named:
            return profile
    shown = named if len(named) <= SHOWN else named[:SHOWN] + "…"
    return Refusal(status=400, message=f"unknown profile {shown!r}; known profiles: {known}")


def visible(profiles: Profiles, owner: Owner) -> tuple[Profile, ...]:
    """The profiles that `owner` may start."""
    return profiles.all


def _named(options: Mapping[str, Any] | None) -> object:
    """What the options call the profile: None if they name none."""
    value: object = (options or {}).get("profile")
    if isinstance(value, list):
        # A form's values arrive as lists.
        values = cast("list[object]", value)
        return values[0] if len(values) == 1 else values
    return None if value == "" else value
