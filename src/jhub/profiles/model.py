"""The model of a hub's profiles: the public part of `jhub.models`, with settings and access rules that stay in the hub.

The keys are those of KubeSpawner's `profile_list`. The differences:

- Each `kubespawner_override` may have a `spawner_override` beside it, with settings of any spawner; values are never
  functions.
- `groups` and `users` restrict a profile, a choice or an unlisted choice.
- Keys that only a form reads are kept for it in `form_keys`.
- A `validation_regex` must match the whole text, as it must in KubeSpawner's form. KubeSpawner itself accepts a match
  at the beginning.
- Only `{value}` in a text is replaced, by the text that a person typed; everything else is literal.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

from msgspec import Struct, convert, field
from msgspec.structs import replace

from jhub import models

LISTING_VERSION = 1
"""Version of the response in which a hub lists profiles."""

Path: TypeAlias = tuple[str, ...]
"""The slug of a profile, and the keys that lead from the profile to a value, as in the file."""


class Choice(models.ProfileChoice, frozen=True, kw_only=True):
    """A choice, with its settings, and with the users that may make it."""

    groups: tuple[str, ...] | None = None
    """Groups whose members may make the choice. None adds no rule; an empty list admits nobody."""
    users: tuple[str, ...] | None = None
    """Users who may make it, besides members of the groups. None adds no rule; an empty list admits nobody."""
    form_keys: dict[str, Any] = field(default_factory=dict[str, Any])
    """Keys that jhub does not read. KubeSpawner's form and those of its extensions may."""
    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of any spawner, by name. `environment` is merged into the spawner's, the others replace it."""
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    """Settings of KubeSpawner alone. Mappings are merged into the spawner's, at any depth, and null removes a key."""


class UnlistedChoice(models.UnlistedChoice, frozen=True, kw_only=True):
    """A text of the user's own, with its settings, in which `{value}` stands for the text."""

    groups: tuple[str, ...] | None = None
    """Groups whose members may enter a text, as for a choice."""
    users: tuple[str, ...] | None = None
    form_keys: dict[str, Any] = field(default_factory=dict[str, Any])
    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])


class Option(models.ProfileOption, frozen=True, kw_only=True):
    """An option, with the settings of its choices."""

    choices: tuple[Choice, ...] = ()
    unlisted_choice: UnlistedChoice | None = None
    """The unlisted choice; None if it is not enabled."""
    form_keys: dict[str, Any] = field(default_factory=dict[str, Any])


class KubernetesObject(Struct, frozen=True, kw_only=True):
    """An object on Kubernetes that is created before the pod of a server."""

    manifest: dict[str, Any]
    """The whole manifest, without a namespace: it belongs into that of the pod. Its texts may be templates."""
    persist: bool
    """True if it remains when the server has stopped."""
    shared: bool = False
    """True if it is meant for all users of a namespace: it is created once, and never removed."""
    path: Path = ()
    """Where it is described in the file."""

    @property
    def kind(self) -> str:
        """The kind."""
        kind: str = self.manifest["kind"]
        return kind

    @property
    def name(self) -> str:
        """The name, which may be a template."""
        name: str = self.manifest["metadata"]["name"]
        return name


class Profile(models.Profile, frozen=True, kw_only=True):
    """A profile, with its settings, and with the users that may start it."""

    profile_options: tuple[Option, ...] = ()
    groups: tuple[str, ...] | None = None
    """Groups whose members may start it. None adds no rule; an empty list admits nobody."""
    users: tuple[str, ...] | None = None
    """Users who may start it, besides members of the groups. None adds no rule; an empty list admits nobody."""
    form_keys: dict[str, Any] = field(default_factory=dict[str, Any])
    spawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    kubespawner_override: dict[str, Any] = field(default_factory=dict[str, Any])
    kubespawner_additions: dict[str, Any] = field(default_factory=dict[str, Any])
    """Items to add to KubeSpawner's own settings: to lists, and to the lists in mappings."""
    objects: tuple[KubernetesObject, ...] = ()
    """Objects that a server needs, in the order in which they are created."""
    has_templates: bool = False
    """True if texts of the settings and objects are templates of `jhub.profiles.templates`, also those of choices."""
    kubernetes_paths: tuple[Path, ...] = ()
    """Paths of the keys beside the overrides that need KubeSpawner."""


Overrides: TypeAlias = Profile | Choice | UnlistedChoice
"""Everything that has settings, and rules about who may have them."""


def iter_layers(profile: Profile) -> Iterator[tuple[Path, Overrides]]:
    """Yield a profile, its choices and its unlisted choices, with their paths."""
    yield (profile.slug,), profile
    for option in profile.profile_options:
        path = (profile.slug, "profile_options", option.key)
        for choice in option.choices:
            yield (*path, "choices", choice.key), choice
        if option.unlisted_choice is not None:
            yield (*path, "unlisted_choice"), option.unlisted_choice


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


class Profiles(Struct, frozen=True, eq=False, weakref=True):
    """The profiles of a hub, in the order of the file. Compared by identity, and so usable as a key of caches."""

    all: tuple[Profile, ...]
    warnings: tuple[Problem, ...] = ()
    casefold_groups: bool = False
    """True if the groups are in lower case, to be compared with names in lower case."""
    lines: dict[Path, int] = field(default_factory=dict[Path, int])
    """The line of each key in the file; empty for profiles that are not from a file."""

    def line(self, path: Path) -> int:
        """Return the line of a value, or of the nearest mapping around it in the file; 0 if they are in no file."""
        return next((self.lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in self.lines), 0)
