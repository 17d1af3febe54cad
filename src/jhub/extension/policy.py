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
from jhub.extension.profile_access import Owner, available_profiles, default_profile, may_start
from jhub.extension.verdict import Decision, Refusal, Refused
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
    chosen = [_choose(profile, option, requested) for option in profile.profile_options]
    layers: list[Overrides] = [profile, *(layer for _, _, layer in chosen)]
    texts = [layer for layer in layers if isinstance(layer, UnlistedChoice)]
    extra_options = {name: options[name] for name in profile.user_options if name in options}
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
    profile = next((profile for profile in profiles.all if profile.slug == requested), None)
    if profile is not None and may_start(profile, owner):
        return profile
    available = available_profiles(profiles, owner)
    if not available:
        # Refuse, because a spawner with an empty list would start its default image.
        raise Refused(NONE_AVAILABLE, status=403)
    if requested is None:
        return default_profile(available)
    if not isinstance(requested, str):
        raise Refused(f"the option 'profile' must be text; {known_profiles(available)}")
    if profile is not None:
        raise Refused(
            f"{owner.name} may not use profile {quote(requested)}; {known_profiles(available)}",
            status=403,
        )
    raise Refused(unknown_profile(requested, available))


def _choose(profile: Profile, option: Option, requested: Mapping[str, str]) -> tuple[str, str, Overrides]:
    """Return the name of an option in a start, its value, and the overrides that result from it."""
    key, text = requested.get(option.key), requested.get(option.unlisted_key)
    if refusal := invalid_choice(profile, option, key, text):
        raise Refused(refusal)
    if text is not None and option.unlisted_choice is not None:
        return option.unlisted_key, text, _fill_unlisted(option_label(profile, option), option.unlisted_choice, text)
    if key is None and option.default is not None:
        key = option.default.key
    choice = next((choice for choice in option.choices if choice.key == key), None)
    if choice is None:
        raise Refused(f"{option_label(profile, option)} needs a value; {known_choices(option)}")
    return option.key, choice.key, choice


def _fill_unlisted(option: str, unlisted: UnlistedChoice, text: str) -> UnlistedChoice:
    """Fill the user's own text into the overrides of an unlisted choice."""
    if len(text) > MAX_UNLISTED_CHARACTERS:
        raise Refused(f"the text for {option} is longer than {MAX_UNLISTED_CHARACTERS} characters")
    # JupyterHub and KubeSpawner fill templates such as `{username}` in settings; a user's text must not be one.
    if not text.isprintable() or "{" in text or "}" in text:
        raise Refused(f"the text for {option} contains braces or control characters")
    if unlisted.validation_regex and not _matches(unlisted.validation_regex, text):
        rule = unlisted.validation_message or f"it must match {unlisted.validation_regex}"
        raise Refused(f"invalid text {quote(text)} for {option}: {rule}")
    return replace(
        unlisted,
        spawner_override=fill_template(unlisted.spawner_override, text),
        kubespawner_override=fill_template(unlisted.kubespawner_override, text),
    )


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.fullmatch(pattern, text, regex.VERSION0, timeout=REGEX_TIMEOUT_SECONDS) is not None
    except (TimeoutError, MemoryError, RecursionError, regex.error):
        return False


IGNORED_KEYS = {"_xsrf"}
"""Keys that a form of the hub sends besides its fields."""


def requested_profile(options: Mapping[str, Any]) -> object:
    """Return the profile that the options name, which should be a slug; None if they name none."""
    slug = _single(options.get("profile"))
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
        if key == "profile" or key in IGNORED_KEYS or key in profile.user_options:
            continue
        name = aliases.get(key, key)
        if name not in names:
            if others is None:
                others = {name for other in available() for name in _form_names(other)}
            if key in others:
                continue
            raise Refused(unknown_option(str(key), profile))
        value = _single(raw)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise Refused(f"the option {quote(key)} must be text")
        if requested.setdefault(name, value) != value:
            raise Refused(f"the option {quote(name)} is set twice, to different values")
    return requested


def _form_names(profile: Profile) -> dict[str, str]:
    """Return the names that forms use, with the short names that they stand for. Current names override older ones."""
    return {
        f"{FORM_PREFIX}{profile.slug}{dash}{name}": name
        for dash in ("-", "--")
        for name in option_names(profile.profile_options)
    }


def _single(value: object) -> object:
    """Return the value of a form's field, which arrives as a list of one item; return any other value unchanged."""
    if isinstance(value, list):
        values = cast("list[object]", value)
        return values[0] if len(values) == 1 else values
    return value
