"""Whether the options of a start fit the profiles that its owner may start. Pure.

Refused is only what jhub.extension is sure to refuse, in its words; all else is left to the hub. The list does not
tell a profile of others from one that there is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from jhub.errors import BadRequest, NotAuthorized, NotFound, listed
from jhub.models import UNLISTED_SELECTED, Profile, ProfileOption

OF_FORMS = ("profile-option-", "_")
"""What names begin with that the hub's own form sends. It sends what is set for other profiles too."""


def check(profiles: Sequence[Profile], options: Mapping[str, Any], about: str = "server", path: str = "") -> None:
    """Hold options, which name a profile, against all profiles that there are for the owner.

    Raises
    ------
    NotFound
        It is none of them.
    BadRequest
        It has no such option, or the option no such choice.
    NotAuthorized
        There is no profile at all for this owner.
    """
    where = {"method": "GET", "path": path}
    if not profiles:
        raise NotAuthorized(f"{about}: no profile is available", status=403, **where)
    named = options["profile"]
    profile = next((profile for profile in profiles if profile.slug == named), None)
    if profile is None:
        others = known("profiles", (profile.slug for profile in profiles))
        raise NotFound(f"{about}: unknown profile {named!r}; {others}", status=404, **where)
    said = _unknown_option(profile, options) or next(_bad_choices(profile, options), "")
    if said:
        raise BadRequest(f"{about}: {said}", status=400, **where)


def known(what: str, names: Iterable[str]) -> str:
    """The names that are allowed, for a message; empty where there are none."""
    told = listed(names)
    return f"known {what}: {told}" if told else ""


def _unknown_option(profile: Profile, options: Mapping[str, Any]) -> str:
    """What is wrong with the names of options; of those for text of one's own, only the ones that take it are told."""
    own = profile.profile_options
    names = {"profile", *(name for option in own for name in (option.key, option.unlisted_key)), *profile.user_options}
    for key in options:
        if key not in names and not key.startswith(OF_FORMS):
            told = [option.key for option in own if option.choices]
            told += [option.unlisted_key for option in own if option.unlisted_choice is not None]
            others = known("options", [*told, *profile.user_options])
            return f"unknown option {key!r} of the profile {profile.slug}; {others or 'it has no options'}"
    return ""


def _bad_choices(profile: Profile, options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the values of each option. One that is no text, or empty, is the hub's to judge."""
    for option in profile.profile_options:
        called = f"the option {option.key} of the profile {profile.slug}"
        allowed = {choice.key for choice in option.choices}
        if option.unlisted_choice is not None:
            allowed.add(UNLISTED_SELECTED)
        value = _text(options, option.key)
        if value and value not in allowed:
            yield f"unknown choice {value!r} of {called}; {_ways(option)}"
        if _text(options, option.unlisted_key) and option.unlisted_choice is None:
            yield f"{called} takes no other text; {_ways(option)}"


def _text(options: Mapping[str, Any], key: str) -> str:
    value = options.get(key)
    return value if isinstance(value, str) else ""


def _ways(option: ProfileOption) -> str:
    """What an option takes."""
    text = f"text of your own goes into {option.unlisted_key}" if option.unlisted_choice is not None else ""
    return "; ".join(filter(None, (known("choices", (choice.key for choice in option.choices)), text)))
