"""The policy of a hub with profiles: which profile a start gets, and with which settings. Pure: no hub, no spawner.

User options arrive by the REST API in KubeSpawner's JSON, `{"profile": "gpu", "image": "scipy"}`. From KubeSpawner's
form they have longer names, and each value in a list: `{"profile": ["gpu"], "profile-option-gpu--image": ["scipy"]}`.
KubeSpawner up to 6.1 uses a single dash there. The form also sends the fields of the other profiles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import regex
from msgspec.structs import replace

from jhub.extension.option_limits import check_limits
from jhub.extension.overrides import fill_template, merge_deep, merge_settings
from jhub.extension.profile_access import Owner, available_profiles, default_profile
from jhub.extension.verdict import Decision, Refusal, Refused
from jhub.models import UNLISTED_SELECTED_VALUE
from jhub.profiles.model import Option, Overrides, Profile, Profiles, UnlistedChoice
from jhub.profiles.option_check import (
    FORM_PREFIX,
    NONE_AVAILABLE,
    invalid_choice,
    known_choices,
    known_profiles,
    option_label,
    option_names,
    unknown_option,
    unknown_profile,
)
from jhub.profiles.problems import quote

MAX_UNLISTED_CHARACTERS = 500
"""Maximum number of characters of an unlisted choice. The longest names of images have fewer."""

REGEX_TIMEOUT_SECONDS = 0.1
"""Time limit for matching a text. Some expressions take hours for forty characters, and would block the hub."""


def decide(profiles: Profiles, owner: Owner, options: Mapping[str, Any] | None) -> Decision | Refusal:
    """Return the decision about a start of a server of `owner` with the user options `options`, or the refusal.

    Refusals: 403 for a profile that the owner may not use, or if no profile is available to the owner; 400 for an
    unknown profile, option or choice, for options that are too large, and for any other invalid option. They list what
    is available to the owner, and nothing else.
    """
    try:
        check_limits(options or {})
        return _decide(profiles, owner, options or {})
    except Refused as refused:
        return refused.refusal


def _decide(profiles: Profiles, owner: Owner, options: Mapping[str, Any]) -> Decision:
    profile = _select_profile(profiles, owner, options)
    requested = requested_options(options, profile, lambda: available_profiles(profiles, owner))
    chosen = [_choose(profile, option, requested, profiles, owner) for option in profile.profile_options]
    layers: list[Overrides] = [profile, *(layer for _, _, layer in chosen)]
    texts = [layer for layer in layers if isinstance(layer, UnlistedChoice)]
    extra_options = {name: options[name] for name in options if is_extra_option(name, profile)}
    return Decision(
        profile=profile,
        user_options={"profile": profile.slug, **{name: value for name, value, _ in chosen}, **extra_options},
        spawner_override=merge_settings(layer.spawner_override for layer in layers),
        kubespawner_override=merge_deep(layer.kubespawner_override for layer in layers),
        user_text_settings=frozenset(
            name for layer in texts for name in (*layer.spawner_override, *layer.kubespawner_override)
        ),
        user_controlled=bool(extra_options or texts),
    )


def _select_profile(profiles: Profiles, owner: Owner, options: Mapping[str, Any]) -> Profile:
    requested = requested_profile(options)
    available = available_profiles(profiles, owner)
    profile = next((profile for profile in available if profile.slug == requested), None)
    if profile is not None:
        return profile
    if not available:
        # Refuse, because a spawner with an empty list would start its default image.
        raise Refused(NONE_AVAILABLE, status=403)
    if requested is None:
        return default_profile(available)
    if not isinstance(requested, str):
        raise Refused(f"the option 'profile' must be text; {known_profiles(available)}")
    if any(profile.slug == requested for profile in profiles.all):
        raise Refused(
            f"{owner.name} may not use profile {quote(requested)}; {known_profiles(available)}",
            status=403,
        )
    raise Refused(unknown_profile(requested, available))


def _choose(
    profile: Profile, option: Option, requested: Mapping[str, str], profiles: Profiles, owner: Owner
) -> tuple[str, str, Overrides]:
    """Return the name of an option in a start, its value, and the overrides that result from it."""
    key, text = requested.get(option.key), requested.get(option.unlisted_key)
    if refusal := invalid_choice(profile, option, key, text):
        if invalid_choice(profile, _whole_option(profiles, profile, option), key, text):
            raise Refused(refusal)
        # The choice exists, and is not for this owner.
        is_choice = key and key != UNLISTED_SELECTED_VALUE and all(choice.key != key for choice in option.choices)
        value = f"choice {quote(key)}" if is_choice and key else "a text"
        label = option_label(profile, option)
        raise Refused(f"{owner.name} may not use {value} for {label}; {known_choices(option)}", status=403)
    if text is not None and option.unlisted_choice is not None:
        return option.unlisted_key, text, _fill_unlisted(option_label(profile, option), option.unlisted_choice, text)
    if key is None and option.default is not None:
        key = option.default.key
    choice = next((choice for choice in option.choices if choice.key == key), None)
    if choice is None:
        raise Refused(f"{option_label(profile, option)} needs a value; {known_choices(option)}")
    return option.key, choice.key, choice


def _whole_option(profiles: Profiles, profile: Profile, option: Option) -> Option:
    """Return an option with all its choices, also those that the owner may not make."""
    (whole,) = (entry for entry in profiles.all if entry.slug == profile.slug)
    return next(entry for entry in whole.profile_options if entry.key == option.key)


def _fill_unlisted(option: str, unlisted: UnlistedChoice, text: str) -> UnlistedChoice:
    """Fill the user's own text into the overrides of an unlisted choice."""
    if error := find_text_error(option, unlisted, text):
        raise Refused(error)
    return replace(
        unlisted,
        spawner_override=fill_template(unlisted.spawner_override, text),
        kubespawner_override=fill_template(unlisted.kubespawner_override, text),
    )


def find_text_error(option: str, unlisted: UnlistedChoice, text: str) -> str:
    """Return the refusal of a text for an unlisted choice; empty if the text is valid."""
    if len(text) > MAX_UNLISTED_CHARACTERS:
        return f"the text for {option} is longer than {MAX_UNLISTED_CHARACTERS} characters"
    # JupyterHub and KubeSpawner fill templates such as `{username}` in settings; a user's text must not be one.
    if not text.isprintable() or "{" in text or "}" in text:
        return f"the text for {option} contains braces or control characters"
    if unlisted.validation_regex and not _matches(unlisted.validation_regex, text):
        rule = unlisted.validation_message or f"it must match {unlisted.validation_regex}"
        return f"invalid text {quote(text)} for {option}: {rule}"
    return ""


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.fullmatch(pattern, text, regex.VERSION0, timeout=REGEX_TIMEOUT_SECONDS) is not None
    except (TimeoutError, MemoryError, RecursionError, regex.error):
        return False


IGNORED_KEYS = {"_xsrf"}
"""Keys that a form of the hub sends besides its fields."""


def requested_profile(options: Mapping[str, Any]) -> object:
    """Return the profile that the options name, which should be a slug; None if they name none."""
    slug = single_value(options.get("profile"))
    return None if slug == "" else slug


def requested_options(
    options: Mapping[str, Any], profile: Profile, available: Callable[[], tuple[Profile, ...]]
) -> dict[str, str]:
    """Return the values that the options request from `profile`, by the short names of its options.

    Raises Refused for every unknown name. `available` returns all profiles that the owner may start: a form also sends
    the fields of the other ones, and these are ignored.
    """
    names = option_names(profile.profile_options)
    aliases = _form_names(profile)
    others: set[str] | None = None
    requested: dict[str, str] = {}
    for key, raw in options.items():
        if key == "profile" or key in IGNORED_KEYS or is_extra_option(key, profile):
            continue
        name = aliases.get(key, key)
        if name not in names:
            if others is None:
                others = {name for other in available() for name in _form_names(other)}
            if key in others:
                continue
            raise Refused(unknown_option(str(key), profile))
        value = single_value(raw)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise Refused(f"the option {quote(key)} must be text")
        if requested.setdefault(name, value) != value:
            raise Refused(f"the option {quote(name)} is set twice, to different values")
    return requested


def is_extra_option(name: str, profile: Profile) -> bool:
    """Return whether a profile lets an option through, unread: one of its `user_options`, or with `any`, all others."""
    if not profile.any_user_options:
        return name in profile.user_options
    is_own = name in option_names(profile.profile_options) or name == "profile" or name in IGNORED_KEYS
    return not is_own and not name.startswith(FORM_PREFIX)


def _form_names(profile: Profile) -> dict[str, str]:
    """Return the names that forms use, with the short names that they stand for. Current names override older ones."""
    return {
        f"{FORM_PREFIX}{profile.slug}{dash}{name}": name
        for dash in ("-", "--")
        for name in option_names(profile.profile_options)
    }


def single_value(value: object) -> object:
    """Return the value of a form's field, which arrives as a list of one item; return any other value unchanged."""
    if isinstance(value, list):
        values = cast("list[object]", value)
        return values[0] if len(values) == 1 else values
    return value
