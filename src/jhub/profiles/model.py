"""What a profile is, whichever file it was read from.

The words are those of KubeSpawner's `profile_list`. What differs from it:

- `spawner_override` stands beside each `kubespawner_override`, and holds settings of any spawner; values are never
  functions.
- `groups` and `users` say whose profile it is.
- A `validation_regex` must match the whole text, as it must in KubeSpawner's form. KubeSpawner itself is content with
  a match at its beginning.
- Of a text only `{value}` is filled in, by what a person typed; all else stays as it is written.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from msgspec import Struct, field

from jhub.models import UNLISTED


class Overrides(Struct, frozen=True, kw_only=True):
    """Settings that take the place of the spawner's, by name."""

    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """For any spawner. `environment` is merged into what the spawner has, the others replace it."""
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """For KubeSpawner alone. Mappings are merged into what it has, at any depth, and null takes a key away."""


class Choice(Overrides, frozen=True, kw_only=True):
    """One of the values of an option."""

    key: str
    """What a start names."""
    display_name: str
    default: bool = False


class UnlistedChoice(Overrides, frozen=True, kw_only=True):
    """That an option takes text which is none of its choices. `{value}` in its overrides stands for this text."""

    display_name: str = ""
    display_name_in_choices: str = "Other..."
    validation_regex: str = ""
    """What the whole text must match, if not empty."""
    validation_message: str = ""


class Option(Struct, frozen=True, kw_only=True):
    """What can be chosen within a profile."""

    key: str
    """What a start names."""
    display_name: str
    choices: tuple[Choice, ...] = ()
    unlisted_choice: UnlistedChoice | None = None
    """None where it is not enabled."""

    @property
    def default(self) -> Choice | None:
        """The choice of a start that makes none: the default one, else the first. None without choices."""
        return next((choice for choice in self.choices if choice.default), next(iter(self.choices), None))


class Profile(Overrides, frozen=True, kw_only=True):
    """One way to start a server."""

    slug: str
    """What a start names; unique."""
    display_name: str
    description: str = ""
    default: bool = False
    groups: tuple[str, ...] | None = None
    """Whose members may start it. None says nothing, and an empty one lets nobody in."""
    users: tuple[str, ...] | None = None
    """Who may start it beside them. None says nothing, and an empty one lets nobody in."""
    profile_options: tuple[Option, ...] = ()
    user_options: tuple[str, ...] = ()
    """Further options that a start may bring, for the spawner or a hook: nothing here looks at their values."""


class Problem(Struct, frozen=True):
    """What is wrong in a file."""

    line: int
    message: str
    warning: bool = False
    """That the file works all the same."""

    def __str__(self) -> str:
        return f"warning: {self.message}" if self.warning else self.message


class Profiles(Struct, frozen=True):
    """The profiles of a hub, in the order of the file."""

    all: tuple[Profile, ...]
    warnings: tuple[Problem, ...] = ()


def start_names(options: Iterable[Option]) -> list[str]:
    """What a start may name of these options: each, and the text of one's own for it."""
    return [option.key + end for option in options for end in ("", UNLISTED)]
