"""Hold the options of a start against the profiles of its owner. Pure.

The hub decides by these rules, and a client that has the list of profiles asks them before it sends a start: what is
refused, and in which words, stands here alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from jhub.errors import join_names
from jhub.models import UNLISTED_SELECTED_VALUE, Profile, ProfileOption
from jhub.profiles.problems import shown

FORM = "profile-option-"
"""Beginning of the names in KubeSpawner's form."""

NONE_AVAILABLE = "no profile is available"
"""Refusal of every start of an owner without profiles."""


def start_names(options: Iterable[ProfileOption]) -> list[str]:
    """Return the names that a start may use for options: each has one for a choice and one for a text."""
    return [name for option in options for name in (option.key, option.unlisted_key)]


def unknown_profile(named: str, profiles: Sequence[Profile]) -> str:
    """Return the refusal of a profile that is none of the owner's."""
    return f"unknown profile {shown(named)}; {known_profiles(profiles)}"


def known_profiles(profiles: Sequence[Profile]) -> str:
    """Return the names of profiles, for a message."""
    return _known("profiles", (profile.slug for profile in profiles)) or NONE_AVAILABLE


def unknown_option(name: str, profile: Profile) -> str:
    """Return the refusal of an option that a profile does not have."""
    options = profile.profile_options
    names = [option.key for option in options if option.choices]
    names += [option.unlisted_key for option in options if option.unlisted_choice is not None]
    known = _known("options", [*names, *profile.user_options]) or "it has no options"
    return f"unknown option {shown(name)} of the profile {profile.slug}; {known}"


def wrong_choice(profile: Profile, option: ProfileOption, choice: str | None, text: str | None) -> str:
    """Return the refusal of a choice and a text for an option; empty if there is such a choice, and text may be sent.

    None and an empty text stand for what a start leaves open.
    """
    allowed = {each.key for each in option.choices}
    if option.unlisted_choice is not None:
        allowed.add(UNLISTED_SELECTED_VALUE)
    if choice and choice not in allowed:
        return f"unknown choice {shown(choice)} of {called(profile, option)}; {known_choices(option)}"
    if text and option.unlisted_choice is None:
        return f"{called(profile, option)} takes no other text; {known_choices(option)}"
    return ""


def called(profile: Profile, option: ProfileOption) -> str:
    """Return the name of an option, for a message."""
    return f"the option {option.key} of the profile {profile.slug}"


def known_choices(option: ProfileOption) -> str:
    """Return the values that an option takes, for a message."""
    text = f"text of your own goes into {option.unlisted_key}" if option.unlisted_choice is not None else ""
    return "; ".join(filter(None, (_known("choices", (choice.key for choice in option.choices)), text)))


def _known(what: str, names: Iterable[str]) -> str:
    """Return the names that are allowed, for a message; empty without any."""
    allowed = join_names(names)
    return f"known {what}: {allowed}" if allowed else ""
