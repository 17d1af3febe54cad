"""Whose profile is it? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from jhub.profiles.model import Profile, Profiles


class Owner(Struct, frozen=True, kw_only=True):
    """Whose server it is. Never the one who asks: an administrator starts a user's server as that user would."""

    name: str
    """As the hub has it, in small letters."""
    groups: frozenset[str] = frozenset()


def owner_of(user: Any) -> Owner:
    """A user of the hub's as the judge sees it: with the groups of this moment."""
    return Owner(name=user.name, groups=frozenset(group.name for group in user.groups))


def may_start(profile: Profile, owner: Owner) -> bool:
    """Whether `owner` may start a profile: as one of its `users`, or as a member of one of its `groups`.

    A profile that has neither key is everybody's. One with an empty list lets nobody in by it.
    """
    if profile.groups is None and profile.users is None:
        return True
    return owner.name in (profile.users or ()) or not owner.groups.isdisjoint(profile.groups or ())


def available_profiles(profiles: Profiles, owner: Owner) -> tuple[Profile, ...]:
    """The profiles that `owner` may start, in the order of the file."""
    return tuple(profile for profile in profiles.all if may_start(profile, owner))


def default_profile(available: Sequence[Profile]) -> Profile:
    """Of the profiles that an owner may start, at least one, the one that a start gets which names none."""
    return next((profile for profile in available if profile.default), available[0])
