"""Deciding which profile a start gets, if any, and with which settings. Pure: no hub, no spawner.

User options come by the REST API in KubeSpawner's JSON, `{"profile": "gpu", "image": "scipy"}`; by its form with longer
names and each value in a list, `{"profile": ["gpu"], "profile-option-gpu--image": ["scipy"]}`. KubeSpawner up to 6.1
has a single dash there. The form sends what is set for the other profiles as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import regex
from msgspec.structs import replace

from jhub.extension.access import Owner, admits, taken, visible
from jhub.extension.option_limits import check_bounds
from jhub.extension.overrides import filled, merged_deeply, merged_settings
from jhub.extension.verdict import Refusal, Refused, Verdict
from jhub.profiles.model import Option, Overrides, Profile, Profiles, UnlistedChoice
from jhub.profiles.option_check import (
    FORM,
    NONE_AVAILABLE,
    called,
    known_choices,
    known_profiles,
    start_names,
    unknown_option,
    unknown_profile,
    wrong_choice,
)
from jhub.profiles.problems import shown

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
    chosen = [_chosen(profile, option, asked) for option in profile.profile_options]
    layers: list[Overrides] = [profile, *(layer for _, _, layer in chosen)]
    texts = [layer for layer in layers if isinstance(layer, UnlistedChoice)]
    through = {name: options[name] for name in profile.user_options if name in options}
    return Verdict(
        profile=profile,
        user_options={"profile": profile.slug, **{name: value for name, value, _ in chosen}, **through},
        spawner_override=merged_settings(layer.spawner_override for layer in layers),
        kubespawner_override=merged_deeply(layer.kubespawner_override for layer in layers),
        typed=frozenset(name for layer in texts for name in (*layer.spawner_override, *layer.kubespawner_override)),
        free=bool(through or texts),
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
    if not isinstance(named, str):
        raise Refused(f"the option 'profile' must be text; {known_profiles(mine)}")
    if found is not None:
        raise Refused(
            f"the profile {shown(named)} is not for the owner of this server; {known_profiles(mine)}", status=403
        )
    raise Refused(unknown_profile(named, mine))


def _chosen(profile: Profile, option: Option, asked: Mapping[str, str]) -> tuple[str, str, Overrides]:
    """What a start names, its value, and the overrides of an option that come of it."""
    key, text = asked.get(option.key), asked.get(option.unlisted_key)
    if refusal := wrong_choice(profile, option, key, text):
        raise Refused(refusal)
    if text is not None and option.unlisted_choice is not None:
        return option.unlisted_key, text, _unlisted(called(profile, option), option.unlisted_choice, text)
    if key is None and option.default is not None:
        key = option.default.key
    choice = next((choice for choice in option.choices if choice.key == key), None)
    if choice is None:
        raise Refused(f"{called(profile, option)} needs a value; {known_choices(option)}")
    return option.key, choice.key, choice


def _unlisted(option: str, unlisted: UnlistedChoice, text: str) -> UnlistedChoice:
    """Fill a text of the user's own into the overrides for it."""
    if len(text) > LONGEST:
        raise Refused(f"the text for {option} is longer than {LONGEST} characters")
    # JupyterHub and KubeSpawner put names into settings by `{username}` and the like: this is not for others to write.
    if not text.isprintable() or "{" in text or "}" in text:
        raise Refused(f"the text for {option} has braces or control characters")
    if unlisted.validation_regex and not _matches(unlisted.validation_regex, text):
        why = unlisted.validation_message or f"it must match {unlisted.validation_regex}"
        raise Refused(f"{shown(text)} does not do for {option}: {why}")
    return replace(
        unlisted,
        spawner_override=filled(unlisted.spawner_override, text),
        kubespawner_override=filled(unlisted.kubespawner_override, text),
    )


def _matches(pattern: str, text: str) -> bool:
    try:
        return regex.fullmatch(pattern, text, regex.VERSION0, timeout=REGEX_SECONDS) is not None
    except (TimeoutError, MemoryError, RecursionError, regex.error):
        return False


OF_THE_HUB = {"_xsrf"}
"""What a form may send that is none of its fields."""


def profile_named(options: Mapping[str, Any]) -> object:
    """What names the profile in the options, which should be a slug; None if they name none."""
    named = _single(options.get("profile"))
    return None if named == "" else named


def of_profile(options: Mapping[str, Any], profile: Profile, mine: Callable[[], tuple[Profile, ...]]) -> dict[str, str]:
    """What the options ask of `profile`, by the short names of its options. Raises Refused for all that is unknown.

    `mine` gives all profiles that the owner may start: what a form sends for the others of them is left out.
    """
    short = start_names(profile.profile_options)
    aliases = _form_names(profile)
    others: set[str] | None = None
    found: dict[str, str] = {}
    for key, given in options.items():
        if key == "profile" or key in OF_THE_HUB or key in profile.user_options:
            continue
        name = aliases.get(key, key)
        if name not in short:
            if others is None:
                others = {each for other in mine() for each in _form_names(other)}
            if key in others:
                continue
            raise Refused(unknown_option(str(key), profile))
        value = _single(given)
        if value is None or value == "":
            continue
        if not isinstance(value, str):
            raise Refused(f"the option {shown(key)} must be text")
        if found.setdefault(name, value) != value:
            raise Refused(f"the option {shown(name)} is given twice, with different values")
    return found


def _form_names(profile: Profile) -> dict[str, str]:
    """The names that forms use, and the short ones that they stand for. Today's come last, and beat the older."""
    return {
        f"{FORM}{profile.slug}{dash}{name}": name
        for dash in ("-", "--")
        for name in start_names(profile.profile_options)
    }


def _single(value: object) -> object:
    """A form's values arrive as lists of one."""
    if isinstance(value, list):
        values = cast("list[object]", value)
        return values[0] if len(values) == 1 else values
    return value
