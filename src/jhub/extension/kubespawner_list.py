"""KubeSpawner's own `profile_list` as the hub's profiles, with access rules that KubeSpawner does not know.

The list is read after all configuration. If it is a function, it is called with the owner's spawner for each decision,
and what it returns is read as a file is.
"""

from __future__ import annotations

import json
from typing import Any, cast

from jupyterhub.utils import maybe_future
from tornado.web import HTTPError

from jhub.errors import InvalidInput
from jhub.extension.profile_store import Adapt
from jhub.profiles import loader
from jhub.profiles.model import Profiles

NAME = "KubeSpawner.profile_list"
"""Name of the setting, for messages."""
MAX_KNOWN_LISTS = 16
"""Maximum number of different lists of a function that are kept."""
NO_PROFILES = Profiles(all=())
"""The profiles of an owner for whom the function returns none."""


class KubeSpawnerList:
    """KubeSpawner's own list: its profiles, or the function that returns those of an owner."""

    def __init__(self, profile_list: object, adapt: Adapt, normalize: Adapt) -> None:
        """Read a list or a mapping, and adapt it to the hub; what a function returns is only normalized.

        Raises InvalidInput for an invalid list, and for settings that the spawner does not accept.
        """
        self._normalize = normalize
        self._known: dict[str, Profiles] = {}
        self._function = profile_list if callable(profile_list) else None
        self.profiles = NO_PROFILES if self._function else adapt(read_list(profile_list))

    async def profiles_for(self, spawner: Any) -> Profiles:
        """Return the profiles for a decision about a server.

        Without profiles, none is available. Raises HTTPError if the function fails, or returns an invalid list.
        """
        if self._function is None:
            return self.profiles
        try:
            profile_list = await maybe_future(self._function(spawner))
            remaining = drop_exhausted(profile_list)
            return self._read(remaining) if remaining else NO_PROFILES
        except HTTPError:
            raise
        except Exception as error:  # the administrator's function may raise anything
            spawner.log.exception("%s failed for %s", NAME, spawner.user.name)
            raise HTTPError(500, f"{NAME} failed ({type(error).__name__}): see the log of the hub") from None

    def _read(self, profile_list: object) -> Profiles:
        """Return the profiles that the function has returned. Equal lists are read once: that takes milliseconds."""
        try:
            # Values that are equal in Python may differ in JSON, such as 1 and true.
            text = json.dumps(profile_list, allow_nan=False)
        except (TypeError, ValueError, RecursionError):  # settings that are functions, or no list of profiles
            return self._normalize(read_list(profile_list))
        profiles = self._known.get(text)
        if profiles is None:
            profiles = self._normalize(read_list(profile_list))
            if len(self._known) >= MAX_KNOWN_LISTS:
                self._known.clear()
            self._known[text] = profiles
        return profiles


def drop_exhausted(profile_list: object) -> object:
    """Return a list or a mapping without the profiles of which an option has nothing left to choose.

    Functions remove choices that are not for the owner, as that of 2i2c does, and leave the option.
    """
    match profile_list:
        case list() | tuple():
            return [profile for profile in cast("list[object]", profile_list) if not _is_exhausted(profile)]
        case dict():
            items = profile_list.items()
            return {key: profile for key, profile in items if not _is_exhausted(profile)}
        case _:
            return profile_list


def _is_exhausted(profile: object) -> bool:
    match profile:
        case {"profile_options": {**options}}:
            return any(_has_no_choice(option) for option in options.values())
        case _:
            return False


def _has_no_choice(option: object) -> bool:
    match option:
        case {"choices": {**choices}}:
            unlisted: Any = cast("dict[str, object]", option).get("unlisted_choice")
            return not choices and not (isinstance(unlisted, dict) and unlisted.get("enabled"))
        case _:
            return False


def read_list(profile_list: object) -> Profiles:
    """Return the profiles in a list or a mapping. Raises InvalidInput if it is invalid."""
    checked = loader.check_list(profile_list)
    if checked.profiles is None:
        raise InvalidInput(f"{NAME}: {loader.summarize(checked.errors)}")
    return checked.profiles
