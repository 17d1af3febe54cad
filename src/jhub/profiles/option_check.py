"""Check of a start's options against the profiles of its owner. Pure.

The hub decides by these rules, and a client that has the list of profiles applies them before it sends a start. The
rules and their messages are defined only here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jhub.errors import join_names
from jhub.models import UNLISTED_SELECTED_VALUE, Profile, ProfileOption
from jhub.profiles.problems import quote

FORM_PREFIX = "profile-option-"
"""Prefix of the names in KubeSpawner's form."""

NONE_AVAILABLE = "no profile is available"
"""Refusal of every start if no profile is available to the owner."""


def option_names(options: Iterable[ProfileOption]) -> list[str]:
    """Return the names that a start may use for options: each option has one for a choice and one for a text."""
    return [name for option in options for name in (option.key, option.unlisted_key)]


def unknown_profile(slug: str, profiles: Sequence[Profile]) -> str:
    """Return the refusal of a profile that is not available to the owner."""
    return f"unknown profile {quote(slug)}; {known_profiles(profiles)}"


def known_profiles(profiles: Sequence[Profile]) -> str:
    """Return the names of profiles, for a message."""
    return _available(profile.slug for profile in profiles) or NONE_AVAILABLE


def unknown_option(name: str, profile: Profile) -> str:
    """Return the refusal of an option that a profile does not have."""
    options = profile.profile_options
    names = [option.key for option in options if option.choices]
    names += [option.unlisted_key for option in options if option.unlisted_choice is not None]
    available = _available([*names, *profile.user_options]) or "it has no options"
    return f"unknown option {quote(name)} for profile {profile.slug}; {available}"


def invalid_choice(profile: Profile, option: ProfileOption, choice: str | None, text: str | None) -> str:
    """Return the refusal of a choice and a text for an option; empty if the option has the choice, and accepts text.

    None and an empty text stand for a value that the start leaves out.
    """
    allowed = {entry.key for entry in option.choices}
    if option.unlisted_choice is not None:
        allowed.add(UNLISTED_SELECTED_VALUE)
    if choice and choice not in allowed:
        return f"unknown choice {quote(choice)} for {option_label(profile, option)}; {known_choices(option)}"
    if text and option.unlisted_choice is None:
        return f"{option_label(profile, option)} accepts no other text; {known_choices(option)}"
    return ""


def option_label(profile: Profile, option: ProfileOption) -> str:
    """Return the name of an option, for a message."""
    return f"option {option.key} of profile {profile.slug}"


def known_choices(option: ProfileOption) -> str:
    """Return the values that an option accepts, for a message."""
    text = f"your own text goes into {option.unlisted_key}" if option.unlisted_choice is not None else ""
    return "; ".join(filter(None, (_available(choice.key for choice in option.choices), text)))


def _available(names: Iterable[str]) -> str:
    """Return the names that are available, for a message; empty if there are none."""
    names_shown = join_names(names)
    return f"available: {names_shown}" if names_shown else ""
