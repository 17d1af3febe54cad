"""The model of a hub's profiles: the public part of `jhub.models`, with settings and access rules that stay in the hub.

The keys are those of KubeSpawner's `profile_list`. The differences:

- Each `kubespawner_override` may have a `spawner_override` beside it, with settings of any spawner; values are never
  functions.
- `groups` and `users` restrict a profile.
- A `validation_regex` must match the whole text, as it must in KubeSpawner's form. KubeSpawner itself accepts a match
  at the beginning.
- Only `{value}` in a text is replaced, by the text that a person typed; everything else is literal.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from msgspec import Struct, convert, field
from msgspec.structs import replace

from jhub import models

LISTING_VERSION = 1
"""Version of the response in which a hub lists profiles."""


class Choice(models.ProfileChoice, frozen=True, kw_only=True):
    """A choice, with its settings."""

    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of any spawner, by name. `environment` is merged into the spawner's, the others replace it."""
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of KubeSpawner alone. Mappings are merged into the spawner's, at any depth, and null removes a key."""


class UnlistedChoice(models.UnlistedChoice, frozen=True, kw_only=True):
    """A text of the user's own, with its settings, in which `{value}` stands for the text."""

    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])


class Option(models.ProfileOption, frozen=True, kw_only=True):
    """An option, with the settings of its choices."""

    choices: tuple[Choice, ...] = ()
    unlisted_choice: UnlistedChoice | None = None
    """The unlisted choice; None if it is not enabled."""


class Profile(models.Profile, frozen=True, kw_only=True):
    """A profile, with its settings, and with the users that may start it."""

    profile_options: tuple[Option, ...] = ()
    groups: tuple[str, ...] | None = None
    """Groups whose members may start it. None adds no rule; an empty list admits nobody."""
    users: tuple[str, ...] | None = None
    """Users who may start it, besides members of the groups. None adds no rule; an empty list admits nobody."""
    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])


Overrides: TypeAlias = Profile | Choice | UnlistedChoice
"""Everything that has settings."""


def public_profile(profile: Profile, *, default: bool) -> models.Profile:
    """Return the part of a profile that its users may see: no settings, and no names of groups and users."""
    return convert(replace(profile, default=default), models.Profile, from_attributes=True)


class Problem(Struct, frozen=True):
    """A problem in a file."""

    line: int
    message: str
    warning: bool = False
    """True if the file loads in spite of the problem."""

    def __str__(self) -> str:
        """Return the message, with a prefix if it is a warning."""
        return f"warning: {self.message}" if self.warning else self.message


class Profiles(Struct, frozen=True, eq=False):
    """The profiles of a hub, in the order of the file. Compared by identity, and so usable as a key of caches."""

    all: tuple[Profile, ...]
    warnings: tuple[Problem, ...] = ()
