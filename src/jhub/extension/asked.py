"""What the user options of a start ask for, whichever way they came. Pure.

By the REST API they come in KubeSpawner's JSON, `{"profile": "gpu", "image": "scipy"}`; by its form with longer names
and each value in a list, `{"profile": ["gpu"], "profile-option-gpu--image": ["scipy"]}`. KubeSpawner up to 6.1 has a
single dash there. The form sends what is set for the other profiles as well.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from jhub.extension.verdict import Refused
from jhub.profiles.model import Profile
from jhub.profiles.option_check import FORM, start_names, unknown_option
from jhub.profiles.problems import shown

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
