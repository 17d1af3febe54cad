"""What is particular to KubeSpawner: its `profile_list`, from which it makes its form and checks what was chosen.

It becomes a function that gives each owner the profiles that are theirs, without settings: these are in place before
KubeSpawner looks, put there as for any spawner, and pages that show the whole list have no secret to show.
"""

from __future__ import annotations

from typing import Any

from msgspec import to_builtins
from tornado.web import HTTPError

from jhub.errors import InvalidInput
from jhub.extension.access import owner_of, taken, visible
from jhub.extension.store import store
from jhub.models import UNLISTED_SUFFIX
from jhub.profiles.model import Profile, public
from jhub.profiles.option_check import NONE_AVAILABLE

SETTING = "profile_list"


def is_kubespawner(kind: type) -> bool:
    """Whether it is KubeSpawner, or made from it. By name: the hub may have no KubeSpawner to import."""
    return any(each.__name__ == "KubeSpawner" for each in kind.__mro__)


def adopt(config: Any, kind: type) -> None:
    """Make the profiles KubeSpawner's own. Raises InvalidInput where the administrator has given it others."""
    for each in kind.__mro__:
        settings = dict.get(config, each.__name__) or {}
        own = SETTING in vars(each) and is_kubespawner(each) and each.__name__ != "KubeSpawner"
        if own or (settings.get(SETTING) or profile_list) is not profile_list:
            raise InvalidInput(
                f"{each.__name__}.{SETTING} and the profiles of jhub.extension exclude each other: move its entries "
                "into the file of profiles, or leave out profiles="
            )
    config[kind.__name__][SETTING] = profile_list


def profile_list(spawner: Any) -> list[dict[str, Any]]:
    """The profiles that the spawner's owner may start, in KubeSpawner's words, for its form. Raises HTTPError 403
    without any: an empty list would let KubeSpawner start its default image.

    The form has each text's expression, for the browser. KubeSpawner (7.1) itself holds texts that are saved against
    it, by `re` and without a time limit: where there are any, it does not get it.
    """
    return _entries(spawner, expressions=not any(name.endswith(UNLISTED_SUFFIX) for name in spawner.user_options or ()))


def judged_profile_list(spawner: Any) -> list[dict[str, Any]]:
    """As `profile_list`, for a start that was judged: KubeSpawner has nothing to match."""
    return _entries(spawner, expressions=False)


def _entries(spawner: Any, *, expressions: bool) -> list[dict[str, Any]]:
    mine = visible(store.current, owner_of(spawner.user))
    if not mine:
        raise HTTPError(403, NONE_AVAILABLE)
    default = taken(mine)
    return [_entry(profile, default=profile is default, expressions=expressions) for profile in mine]


def _entry(profile: Profile, *, default: bool, expressions: bool) -> dict[str, Any]:
    """Return a profile as KubeSpawner has it: options and choices are mappings, and have no null."""
    entry: dict[str, Any] = to_builtins(public(profile, default=default))
    for option in entry["profile_options"]:
        # Also where there are none: KubeSpawner's form (7.1) fails without.
        option["choices"] = _by_key(option["choices"])
        unlisted = option.pop("unlisted_choice")
        if unlisted is not None:
            option["unlisted_choice"] = {**unlisted, "enabled": True}
            if not expressions:
                option["unlisted_choice"]["validation_regex"] = ""
    entry["profile_options"] = _by_key(entry["profile_options"])
    return entry


def _by_key(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {entry.pop("key"): entry for entry in entries}
