"""Access to profiles and to the choices in them: what the owner of a server may start from. Pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from msgspec import Struct
from msgspec.structs import replace

from jhub.profiles.group_names import groups_of
from jhub.profiles.model import Choice, Option, Overrides, Profile, Profiles


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


def is_admitted(rules: Overrides, owner: Owner) -> bool:
    """Return whether access rules admit `owner`: as one of their `users`, or as a member of one of their `groups`.

    Without either key everybody is admitted. An empty list admits nobody.
    """
    if rules.groups is None and rules.users is None:
        return True
    return owner.name in (rules.users or ()) or not owner.groups.isdisjoint(rules.groups or ())


T = TypeVar("T")


def cached_for_owners(
    max_owners: int,
) -> Callable[[Callable[[Profiles, Owner], T]], Callable[[Profiles, Owner], T]]:
    """Cache the results of a function for up to `max_owners` owners, for as long as the profiles are in use.

    A function that is KubeSpawner's list may make new profiles for each decision, so the cache must not keep them.
    """

    def decorate(function: Callable[[Profiles, Owner], T]) -> Callable[[Profiles, Owner], T]:
        results: WeakKeyDictionary[Profiles, dict[Owner, T]] = WeakKeyDictionary()

        @functools.wraps(function)
        def cached(profiles: Profiles, owner: Owner) -> T:
            known = results.setdefault(profiles, {})
            if owner not in known:
                if len(known) >= max_owners:
                    known.clear()
                known[owner] = function(profiles, owner)
            return known[owner]

        return cached

    return decorate


@cached_for_owners(256)
def available_profiles(profiles: Profiles, owner: Owner) -> tuple[Profile, ...]:
    """Return the profiles that `owner` may start, in the order of the file, each with the choices that they may make.

    A default choice that is not for the owner gives way to the next default that is, else to the first choice. A
    profile with an option that has nothing left to choose is not available.
    """
    if profiles.casefold_groups:
        owner = replace(owner, groups=frozenset(name.casefold() for name in owner.groups))
    available = (_available_part(profile, owner) for profile in profiles.all if is_admitted(profile, owner))
    return tuple(profile for profile in available if profile is not None)


def _available_part(profile: Profile, owner: Owner) -> Profile | None:
    """Return a profile with the choices that its owner may make; None if an option has none left."""
    if not (_has_rules(profile) or any(_has_several_defaults(option.choices) for option in profile.profile_options)):
        return profile
    options = tuple(_available_option(option, owner) for option in profile.profile_options)
    if not all(option.choices or option.unlisted_choice for option in options):
        return None
    return replace(profile, profile_options=options)


def _has_rules(profile: Profile) -> bool:
    """Return whether a choice in a profile has access rules."""
    layers = [layer for option in profile.profile_options for layer in (*option.choices, option.unlisted_choice)]
    return any(layer and not (layer.groups is None and layer.users is None) for layer in layers)


def _available_option(option: Option, owner: Owner) -> Option:
    unlisted = option.unlisted_choice
    if unlisted is not None and not is_admitted(unlisted, owner):
        unlisted = None
    choices = tuple(choice for choice in option.choices if is_admitted(choice, owner))
    available = replace(option, choices=choices, unlisted_choice=unlisted)
    return replace(available, choices=tuple(replace(choice, default=choice is available.default) for choice in choices))


def _has_several_defaults(choices: Sequence[Choice]) -> bool:
    return sum(choice.default for choice in choices) > 1


def default_profile(available: Sequence[Profile]) -> Profile:
    """Return the profile for a start that names none, from those that its owner may start (at least one)."""
    return next((profile for profile in available if profile.default), available[0])


def map_rules(profiles: Profiles, change: Callable[[Any], Any]) -> Profiles:
    """Return the profiles with `change` applied to each profile, choice and unlisted choice."""

    def change_option(option: Option) -> Option:
        unlisted = option.unlisted_choice
        choices: tuple[Choice, ...] = tuple(map(change, option.choices))
        return replace(option, choices=choices, unlisted_choice=unlisted and change(unlisted))

    def change_profile(profile: Profile) -> Profile:
        changed: Profile = change(replace(profile, profile_options=tuple(map(change_option, profile.profile_options))))
        return changed

    return replace(profiles, all=tuple(map(change_profile, profiles.all)))


def case_differences(profiles: Profiles, groups: frozenset[str]) -> list[tuple[str, str]]:
    """Return each group of the hub that the profiles do not name, with one that they name in another case."""
    if profiles.casefold_groups:
        return []
    named = _names_by_folded_name(profiles)
    return [
        (group, others[0])
        for group in sorted(groups)
        if (others := named.get(group.casefold(), ())) and group not in others
    ]


@functools.lru_cache(maxsize=1)
def _names_by_folded_name(profiles: Profiles) -> Mapping[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for name in sorted(groups_of(profiles)):
        names[name.casefold()] = (*names.get(name.casefold(), ()), name)
    return names
