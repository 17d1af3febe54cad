"""The REST API that lists profiles: `GET /hub/api/profiles` and `GET /hub/api/users/{name}/profiles`.

The list never contains settings, which can hold secrets, or the names of groups and users.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.user import User
from tornado.web import HTTPError

from jhub.extension.api_handlers import requires_start_scope
from jhub.extension.current_profiles import profiles_and_owner
from jhub.extension.enforcement import refresh_groups
from jhub.extension.patching import add_routes
from jhub.extension.profile_access import Owner, available_profiles, cached_for_owners, default_profile
from jhub.profiles.model import LISTING_VERSION, Profile, Profiles, public_profile


class ProfilesResponse(msgspec.Struct):
    """The body of a response."""

    version: int
    profiles: tuple[msgspec.Raw, ...]


def install() -> None:
    """Add the routes before JupyterHub's own, once."""
    add_routes((r"/api/profiles", OwnProfilesHandler), (r"/api/users/([^/]+)/profiles", UserProfilesHandler))


class UserProfilesHandler(APIHandler):
    """The profiles of a named user, for callers that may start that user's servers."""

    async def get(self, user_name: str) -> None:
        """Respond with the profiles of the named user."""
        await write_profiles(self, user_name)


class OwnProfilesHandler(APIHandler):
    """The profiles of the caller."""

    async def get(self) -> None:
        """Respond with the profiles of the caller."""
        caller: Any = self.current_user
        if caller is None:
            raise HTTPError(403, "Missing or invalid credentials.")
        if not isinstance(caller, User):
            raise HTTPError(400, "a service has no profiles of its own: name a user, GET /users/NAME/profiles")
        await write_profiles(self, caller.name)


@requires_start_scope
async def write_profiles(handler: Any, user_name: str) -> None:
    """Respond with the profiles of a user."""
    caller: Any = handler.current_user
    # JupyterHub's find_user takes longer than the rest of this handler.
    user = caller if isinstance(caller, User) and caller.name == user_name else handler.find_user(user_name)
    if user is None:
        raise HTTPError(404, f"No such user: {user_name}")
    await refresh_groups(handler, user)
    profiles, owner = await profiles_and_owner(user.spawner)
    handler.finish(msgspec.json.encode(ProfilesResponse(LISTING_VERSION, encode_profiles(profiles, owner))))


@cached_for_owners(64)
def encode_profiles(profiles: Profiles, owner: Owner) -> tuple[msgspec.Raw, ...]:
    """Return the profiles that the owner may start, as JSON, in the order of the file."""
    available = available_profiles(profiles, owner)
    default = default_profile(available) if available else None
    encoded = _encode_all(profiles)
    whole = {profile.slug: profile for profile in profiles.all}
    return tuple(
        encoded[profile.slug]
        if profile is whole[profile.slug] and profile is not default
        else _encode(profile, default=profile is default)
        for profile in available
    )


@functools.lru_cache(maxsize=1)
def _encode_all(profiles: Profiles) -> dict[str, msgspec.Raw]:
    """Return each profile as JSON, by its slug.

    Cached: for hundreds of profiles, encoding takes longer than the rest of a request.
    """
    return {profile.slug: _encode(profile, default=False) for profile in profiles.all}


def _encode(profile: Profile, *, default: bool) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(public_profile(profile, default=default)))
