"""Access to profiles: the owner of a server, and the profiles that the owner may start. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from jhub.profiles.model import Profile, Profiles


class Owner(Struct, frozen=True, kw_only=True):
    """The owner of a server.

    Never the caller: an administrator starts a user's server as that user would.
    """

    name: str
    """The name in the hub, in lower case."""
    groups: frozenset[str] = frozenset()


def owner_of(user: Any) -> Owner:
    """Return a user of the hub as an owner, with the current groups."""
    return Owner(name=user.name, groups=frozenset(group.name for group in user.groups))


def may_start(profile: Profile, owner: Owner) -> bool:
    """Return whether `owner` may start a profile: as one of its `users`, or as a member of one of its `groups`.

    A profile with neither key is open to everybody. An empty list admits nobody.
    """
    if profile.groups is None and profile.users is None:
        return True
    return owner.name in (profile.users or ()) or not owner.groups.isdisjoint(profile.groups or ())


def available_profiles(profiles: Profiles, owner: Owner) -> tuple[Profile, ...]:
    """Return the profiles that `owner` may start, in the order of the file."""
    return tuple(profile for profile in profiles.all if may_start(profile, owner))


def default_profile(available: Sequence[Profile]) -> Profile:
    """Return the profile for a start that names none, out of the profiles that its owner may start, at least one."""
    return next((profile for profile in available if profile.default), available[0])
