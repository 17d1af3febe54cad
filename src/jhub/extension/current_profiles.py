"""The profiles in force for a server, and its owner: what each decision is made from."""

from __future__ import annotations

from typing import Any

from jhub.extension.profile_access import Owner, available_profiles, case_differences, owner_of
from jhub.extension.profile_store import store
from jhub.profiles.model import Profile, Profiles

_logged_differences: set[tuple[str, str]] = set()


def spawner_of(user: Any, server_name: str) -> Any:
    """Return the spawner of a user's server, or of the default server, which always has one, if it has none yet."""
    # After a restart of the hub, a stopped server is only in the database until its spawner is requested.
    exists = server_name in user.spawners or server_name in user.orm_spawners
    return user.spawners[server_name] if exists else user.spawner


async def profiles_and_owner(spawner: Any) -> tuple[Profiles, Owner]:
    """Return the profiles for a decision about a server, and the server's owner.

    Logs a warning, once, for a group of the owner's that the profiles name in another case. Raises HTTPError if
    KubeSpawner's list is a function that fails.
    """
    profiles, owner = await store.profiles_for(spawner), owner_of(spawner.user)
    for difference in case_differences(profiles, owner.groups):
        if difference not in _logged_differences:
            _logged_differences.add(difference)
            spawner.log.warning(
                "The profiles name the group %r, and the hub has %r, which does not match; see group_match",
                *reversed(difference),
            )
    return profiles, owner


async def available_to(spawner: Any) -> tuple[Profile, ...]:
    """Return the profiles that the owner of a server may start. Raises HTTPError as `profiles_and_owner` does."""
    return available_profiles(*await profiles_and_owner(spawner))
