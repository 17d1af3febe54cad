"""The profiles of a hub: what `jhub.models` says of them in public, and what stays in the hub.

The words are those of KubeSpawner's `profile_list`. What differs from it:

- `spawner_override` stands beside each `kubespawner_override`, and holds settings of any spawner; values are never
  functions.
- `groups` and `users` say whose profile it is.
- A `validation_regex` must match the whole text, as it must in KubeSpawner's form. KubeSpawner itself is content with
  a match at its beginning.
- Of a text only `{value}` is filled in, by what a person typed; all else stays as it is written.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct, convert, field
from msgspec.structs import replace

from jhub import models

LISTING_VERSION = 1
"""Version of the answer in which a hub lists profiles."""


class Choice(models.ProfileChoice, frozen=True, kw_only=True):
    """A choice, with its settings."""

    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of any spawner, by name. `environment` is merged into what the spawner has, the others replace it."""
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of KubeSpawner alone. Mappings are merged into what it has, at any depth, and null removes a key."""


class UnlistedChoice(models.UnlistedChoice, frozen=True, kw_only=True):
    """A text of the user's own, with its settings. `{value}` in them stands for the text."""

    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])


class Option(models.ProfileOption, frozen=True, kw_only=True):
    """An option, with the settings of its choices."""

    choices: tuple[Choice, ...] = ()
    unlisted_choice: UnlistedChoice | None = None
    """None where it is not enabled."""


class Profile(models.Profile, frozen=True, kw_only=True):
    """A profile, with its settings, and with the users that it is for."""

    profile_options: tuple[Option, ...] = ()
    groups: tuple[str, ...] | None = None
    """Members of these groups may start it. None adds no rule; with an empty list, nobody may."""
    users: tuple[str, ...] | None = None
    """These users may start it too. None adds no rule; with an empty list, nobody may."""
    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])


Overrides: TypeAlias = Profile | Choice | UnlistedChoice
"""Everything that has settings."""


def public_profile(profile: Profile, *, default: bool) -> models.Profile:
    """Return the part of a profile that its users may see: no settings, and no names of groups and users."""
    return convert(replace(profile, default=default), models.Profile, from_attributes=True)


class Problem(Struct, frozen=True):
    """What is wrong in a file."""

    line: int
    message: str
    warning: bool = False
    """That the file works all the same."""

    def __str__(self) -> str:
        return f"warning: {self.message}" if self.warning else self.message


class Profiles(Struct, frozen=True, eq=False):
    """The profiles of a hub, in the order of the file. Equal to itself alone, and so a key of caches."""

    all: tuple[Profile, ...]
    warnings: tuple[Problem, ...] = ()
