"""Deciding which profile a start gets, if any, and with which settings. Pure: no hub, no spawner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import regex

from jhub.errors import listed
from jhub.extension.asked import of_profile, profile_named
from jhub.extension.gate import Owner, admits, taken, visible
from jhub.extension.limits import check_bounds
from jhub.extension.overrides import filled, merged_deeply, merged_settings
from jhub.extension.verdict import NONE_AVAILABLE, Refusal, Refused, Verdict
from jhub.models import UNLISTED, UNLISTED_SELECTED
from jhub.profiles.fields import shown
from jhub.profiles.model import Option, Overrides, Profile, Profiles

LONGEST = 500
"""Characters of an unlisted choice. The longest names of images have fewer."""

REGEX_SECONDS = 0.1
"""That a text may take to match. Some expressions take hours for forty letters, and the hub would stand still."""


def judge(profiles: Profiles, owner: Owner, options: Mapping[str, Any] | None) -> Verdict | Refusal:
    """By what a server of `owner` starts with the user options `options`, or why it must not.

    Refusals: 403 for a profile of others, or where no profile is the owner's; 400 for a profile, an option or a choice
    that there is not, for options that are too large, and whatever else does not belong there. They name what is
    allowed to the owner, and nothing else of what there is.
    """
    try:
        check_bounds(options or {})
        return _judged(profiles, owner, options or {})
    except Refused as refused:
        return refused.refusal


def _judged(profiles: Profiles, owner: Owner, options: Mapping[str, Any]) -> Verdict:
    profile = _profile(profiles, owner, options)
    asked = of_profile(options, profile, lambda: visible(profiles, owner))
    layers: list[Overrides] = [profile]
    choices: dict[str, str] = {}
    typed: set[str] = set()
    for option in profile.profile_options:
        name, value, layer = _chosen(profile, option, asked)
        choices[name] = value
        layers.append(layer)
        if name.endswith(UNLISTED):
            typed |= layer.spawner_override.keys() | layer.kubespawner_override.keys()
    through = _let_through(profile, options)
    return Verdict(
        profile=profile,
        user_options={"profile": profile.slug, **choices, **through},
        spawner_override=merged_settings(layer.spawner_override for layer in layers),
        kubespawner_override=merged_deeply(layer.kubespawner_override for layer in layers),
        typed=frozenset(typed),
        free=bool(through) or any(name.endswith(UNLISTED) for name in choices),
    )


def _profile(profiles: Profiles, owner: Owner, options: Mapping[str, Any]) -> Profile:
    named = profile_named(options)
    found = next((profile for profile in profiles.all if profile.slug == named), None)
    if found is not None and admits(found, owner):
        return found
    mine = visible(profiles, owner)
    if not mine:
        # Never an empty list that a spawner would take for "the default image".
        raise Refused(NONE_AVAILABLE, status=403)
    if named is None:
        return taken(mine)
    known = listed(profile.slug for profile in mine)
    if not isinstance(named, str):
        raise Refused(f"the option 'profile' must be text; known profiles: {known}")
    if found is not None:
        raise Refused(
            f"the profile {shown(named)} is not for the owner of this server; known profiles: {known}", status=403
        )
    raise Refused(f"unknown profile {shown(named)}; known profiles: {known}")


def _chosen(profile: Profile, option: Option, asked: Mapping[str, str]) -> tuple[str, str, Overrides]:
    """What a start names, its value, and the overrides of an option that come of it."""
    text = asked.get(option.key + UNLISTED)
    key = asked.get(option.key)
    choices = {choice.key: choice for choice in option.choices}
    if key is not None and key not in choices and not (key == UNLISTED_SELECTED and option.unlisted_choice is not None):
        raise Refused(f"unknown choice {shown(key)} of {_called(profile, option)}; {_allowed(option)}")
    if text is not None:
        return option.key + UNLISTED, text, _unlisted(profile, option, text)
    choice = option.default if key is None else choices.get(key)
    if choice is None:
        raise Refused(f"{_called(profile, option)} needs a value; {_allowed(option)}")
    return option.key, choice.key, choice


def _let_through(profile: Profile, options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in profile.user_options if name in options}


def _unlisted(profile: Profile, option: Option, text: str) -> Overrides:
    """The overrides of a text of one's own, with the text in them."""
    unlisted = option.unlisted_choice
    if unlisted is None:
        raise Refused(f"{_called(profile, option)} takes no other text; {_allowed(option)}")
    if len(text) > LONGEST:
        raise Refused(f"the text for {_called(profile, option)} is longer than {LONGEST} characters")
    # JupyterHub and KubeSpawner put names into settings by `{username}` and the like: this is not for others to write.
    if not text.isprintable() or "{" in text or "}" in text:
        raise Refused(f"the text for {_called(profile, option)} has braces or control characters")
    if unlisted.validation_regex and not _matches(unlisted.validation_regex, text):
        why = unlisted.validation_message or f"it must match {unlisted.validation_regex}"
        raise Refused(f"{shown(text)} does not do for {_called(profile, option)}: {why}")
    return Overrides(
        spawner_override=filled(unlisted.spawner_override, text),
        kubespawner_override=filled(unlisted.kubespawner_override, text),
    )


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.fullmatch(pattern, text, regex.VERSION0, timeout=REGEX_SECONDS) is not None
    except (TimeoutError, MemoryError, RecursionError, regex.error):
        return False


def _called(profile: Profile, option: Option) -> str:
    return f"the option {option.key} of the profile {profile.slug}"


def _allowed(option: Option) -> str:
    """What an option takes."""
    ways: list[str] = []
    if option.choices:
        ways.append(f"known choices: {listed(choice.key for choice in option.choices)}")
    if option.unlisted_choice is not None:
        ways.append(f"text of your own goes into {option.key}{UNLISTED}")
    return "; ".join(ways)
