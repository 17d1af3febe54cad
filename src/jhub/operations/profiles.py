"""Profiles: what a user may start servers from, as jhub.extension lists it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import BadRequest, HubError, NotAuthorized, NotFound, Unsupported
from jhub.models import Profile
from jhub.operations.requests import user_path
from jhub.profiles.model import LISTING_VERSION
from jhub.profiles.option_check import (
    FORM,
    NONE_AVAILABLE,
    known_profiles,
    start_names,
    unknown_option,
    unknown_profile,
    wrong_choice,
)
from jhub.steps import Emit, Flow, Request, call, send

FORM_PREFIXES = (FORM, "_")
"""Beginnings of names that the hub's own form sends. It also sends what is set for other profiles."""


class ProfileListing(Struct):
    """What jhub.extension answers with."""

    profiles: tuple[Profile, ...]
    version: int = LISTING_VERSION


def read_profiles(user: str | None = None) -> Request[ProfileListing]:
    """The profiles that a user may start, all at once; mine without a name."""
    if user is None:
        return call("GET", "/profiles", ProfileListing, about="profiles")
    return call("GET", f"{user_path(user)}/profiles", ProfileListing, about=f"profiles of {user}")


class ProfileOps:
    """Profiles of a hub that has jhub.extension."""

    @stream(Profile)
    def list(self, user: str | None = None) -> Flow[None]:
        """The profiles that a user may start servers from, in the hub's order; mine without a name. There may be none.

        `GET /profiles` and `GET /users/{user}/profiles` (jhub.extension on JupyterHub 5.3), scope `start:servers`
        (`servers` before 6.0). `Unsupported` where the hub lists no profiles; `NotFound` where there is no such user,
        or none to be seen; `BadRequest` for a service that names nobody.
        """
        for profile in (yield from _available_profiles(user)):
            yield Emit(profile)

    @operation
    def get(self, slug: str, user: str | None = None) -> Flow[Profile]:
        """One of the profiles that a user may start servers from; mine without a name.

        `GET /profiles` and `GET /users/{user}/profiles` (jhub.extension on JupyterHub 5.3), scope `start:servers`
        (`servers` before 6.0). `NotFound` where it is none of them, with those that are; other errors as for `list`.
        """
        profiles = yield from _available_profiles(user)
        for profile in profiles:
            if profile.slug == slug:
                return profile
        message = f"profile {slug}: not found, or not for {user or 'you'}; {known_profiles(profiles)}"
        raise NotFound(message, method="GET", path=read_profiles(user).path, status=404)


def check_options(user: str, options: Mapping[str, Any], about: str) -> Flow[None]:
    """Refuse what the hub would refuse of a start, where it names a profile and the hub lists its profiles.

    One look. Where the list cannot be had, whatever the reason, the hub will say itself what it thinks of the start.
    """
    if not isinstance(options.get("profile"), str) or not options["profile"]:
        return
    request = read_profiles(user)
    try:
        listed = yield from request.once()  # it is the start that counts
    except HubError:
        return
    if listed.version == LISTING_VERSION:
        check_against_profiles(listed.profiles, options, about, request.path)


def check_against_profiles(
    profiles: Sequence[Profile], options: Mapping[str, Any], about: str = "server", path: str = ""
) -> None:
    """Hold options, which name a profile, against all profiles that their owner may start.

    Refused is only what jhub.extension is sure to refuse; all else is left to the hub. The list does not tell a
    profile of others from one that there is not.

    Raises
    ------
    NotFound
        It is none of them.
    BadRequest
        It has no such option, or the option no such choice.
    NotAuthorized
        There is no profile at all for this owner.
    """
    fields = {"method": "GET", "path": path}
    if not profiles:
        raise NotAuthorized(f"{about}: {NONE_AVAILABLE}", status=403, **fields)
    slug = options["profile"]
    profile = next((profile for profile in profiles if profile.slug == slug), None)
    if profile is None:
        raise NotFound(f"{about}: {unknown_profile(slug, profiles)}", status=404, **fields)
    names = {"profile", *start_names(profile.profile_options), *profile.user_options}
    for name in options:
        if name not in names and not name.startswith(FORM_PREFIXES):
            raise BadRequest(f"{about}: {unknown_option(name, profile)}", status=400, **fields)
    # The hub judges the value of an option that is not text.
    texts = {name: value for name, value in options.items() if isinstance(value, str)}
    for option in profile.profile_options:
        problem = wrong_choice(profile, option, texts.get(option.key), texts.get(option.unlisted_key))
        if problem:
            raise BadRequest(f"{about}: {problem}", status=400, **fields)


def _available_profiles(user: str | None) -> Flow[tuple[Profile, ...]]:
    request = read_profiles(user)
    try:
        return (yield from request).profiles
    except (NotFound, Unsupported) as error:
        # JupyterHub says the same of a route that it does not have as of a user; one's own list is there or not.
        if _is_from_profiles_route(error) or (user is not None and (yield from _has_profiles_route())):
            raise
        raise Unsupported(
            f"{request.about}: this hub has no jhub.extension with profiles, which would list them",
            method=error.method,
            path=error.path,
            status=error.status,
            hint="a start can name a profile all the same: ask the hub's administrator which there are",
        ) from None


def _has_profiles_route() -> Flow[bool]:
    try:
        yield from send("GET", read_profiles().path)
    except HubError as error:
        return _is_from_profiles_route(error)
    return True


def _is_from_profiles_route(error: HubError) -> bool:
    """Whether an error, such as the refusal that a service gets, comes from a route that the hub has."""
    return error.filtered if isinstance(error, NotFound) else not isinstance(error, Unsupported)


class Profiles(ProfileOps, Bound):
    """`hub.profiles`"""


class AsyncProfiles(ProfileOps, AsyncBound):
    """`hub.profiles`"""
