"""Operations on the profiles that jhub.extension lists for a user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import BadRequest, HubError, NotAuthorized, NotFound, Unsupported
from jhub.models import Profile, Server
from jhub.operations.requests import user_path
from jhub.profiles.model import LISTING_VERSION
from jhub.profiles.option_check import (
    FORM_PREFIX,
    NONE_AVAILABLE,
    invalid_choice,
    known_profiles,
    option_names,
    unknown_option,
    unknown_profile,
)
from jhub.steps import Emit, Flow, Request, call, send

FORM_PREFIXES = (FORM_PREFIX, "_")
"""Prefixes of the names that the hub's own form sends. It also sends the options of other profiles."""


class ProfileListing(Struct):
    """The response body of jhub.extension."""

    profiles: tuple[Profile, ...]
    version: int = LISTING_VERSION


def read_profiles(user: str | None = None) -> Request[ProfileListing]:
    """Return the request for all profiles that a user may start; without a user, those of the token's owner."""
    if user is None:
        return call("GET", "/profiles", ProfileListing, about="profiles")
    return call("GET", f"{user_path(user)}/profiles", ProfileListing, about=f"profiles of {user}")


class ProfileOps:
    """Operations on the profiles of a hub with jhub.extension."""

    @stream(Profile)
    def list(self, user: str | None = None) -> Flow[None]:
        """List the profiles that a user may start servers from, in the hub's order.

        Without `user`, list those of the token's owner. The list may be empty.

        `GET /profiles` and `GET /users/{user}/profiles` (jhub.extension on JupyterHub 5.3), scope `start:servers`
        (`servers` before 6.0). `Unsupported` if the hub does not list profiles; `NotFound` if the user does not exist,
        or is not visible to the token; `BadRequest` for the token of a service without `user`.
        """
        for profile in (yield from _available_profiles(user)):
            yield Emit(profile)

    @operation
    def get(self, slug: str, user: str | None = None) -> Flow[Profile]:
        """Return a profile that a user may start servers from.

        Without `user`, the user is the token's owner.

        `GET /profiles` and `GET /users/{user}/profiles` (jhub.extension on JupyterHub 5.3), scope `start:servers`
        (`servers` before 6.0). `NotFound`, with the names of the available profiles, if it is not one of them; other
        errors as for `list`.
        """
        profiles = yield from _available_profiles(user)
        for profile in profiles:
            if profile.slug == slug:
                return profile
        message = f"profile {slug}: not found, or not available to {user or 'you'}; {known_profiles(profiles)}"
        raise NotFound(message, method="GET", path=read_profiles(user).path, status=404)


def check_options(user: str, options: Mapping[str, Any], about: str) -> Flow[None]:
    """Check the options of a start against the listed profiles, if the options name a profile.

    The list is requested once, without retries. If it cannot be read, for whatever reason, nothing is checked here:
    the hub checks the start itself.
    """
    if not isinstance(options.get("profile"), str) or not options["profile"]:
        return
    profiles = yield from _profiles_if_listed(user)
    if profiles is not None:
        check_against_profiles(profiles, options, about, read_profiles(user).path)


def options_to_compare(server: Server, options: Mapping[str, Any] | None) -> Flow[Mapping[str, Any]]:
    """Return the options of a start that an active server must have.

    They lack the profile if it is the only one of the owner: jhub.extension leaves the options of a server without it
    as they are if its start named no profile. The list of profiles is requested only if the server has no profile.
    """
    required = dict(options or {})
    if required.get("profile") is None or server.user_options is None or "profile" in server.user_options:
        return required
    profiles = yield from _profiles_if_listed(server.user)
    if [profile.slug for profile in profiles or ()] == [required["profile"]]:
        del required["profile"]
    return required


def _profiles_if_listed(user: str) -> Flow[tuple[Profile, ...] | None]:
    """Return the profiles of a user; None if the list cannot be read."""
    try:
        listed = yield from read_profiles(user).once()  # the checks are optional, so they do not retry
    except HubError:
        return None
    return listed.profiles if listed.version == LISTING_VERSION else None


def check_against_profiles(
    profiles: Sequence[Profile], options: Mapping[str, Any], about: str = "server", path: str = ""
) -> None:
    """Check options that name a profile against all profiles that their owner may start.

    This refuses only options that jhub.extension refuses for certain; the hub checks the rest. The list cannot
    distinguish a profile of other users from one that does not exist.

    Raises
    ------
    NotFound
        The profile is not available to the owner.
    BadRequest
        The profile does not have the option, or the option does not have the choice.
    NotAuthorized
        The owner has no profiles at all.
    """
    fields = {"method": "GET", "path": path}
    if not profiles:
        raise NotAuthorized(f"{about}: {NONE_AVAILABLE}", status=403, **fields)
    slug = options["profile"]
    profile = next((profile for profile in profiles if profile.slug == slug), None)
    if profile is None:
        raise NotFound(f"{about}: {unknown_profile(slug, profiles)}", status=404, **fields)
    names = {"profile", *option_names(profile.profile_options), *profile.user_options}
    for name in options:
        if name not in names and not profile.any_user_options and not name.startswith(FORM_PREFIXES):
            raise BadRequest(f"{about}: {unknown_option(name, profile)}", status=400, **fields)
    # The hub checks the values of options that are not text.
    texts = {name: value for name, value in options.items() if isinstance(value, str)}
    for option in profile.profile_options:
        problem = invalid_choice(profile, option, texts.get(option.key), texts.get(option.unlisted_key))
        if problem:
            raise BadRequest(f"{about}: {problem}", status=400, **fields)


def _available_profiles(user: str | None) -> Flow[tuple[Profile, ...]]:
    request = read_profiles(user)
    try:
        return (yield from request).profiles
    except (NotFound, Unsupported) as error:
        # JupyterHub answers a missing route and an unknown user alike. The own list needs no user, so it settles that.
        if _is_from_profiles_route(error) or (user is not None and (yield from _has_profiles_route())):
            raise
        raise Unsupported(
            f"{request.about}: this hub does not list profiles: it has no jhub.extension with profiles",
            method=error.method,
            path=error.path,
            status=error.status,
            hint="you can still start a server from a profile: ask the hub's administrator for its name",
        ) from None


def _has_profiles_route() -> Flow[bool]:
    try:
        yield from send("GET", read_profiles().path)
    except HubError as error:
        return _is_from_profiles_route(error)
    return True


def _is_from_profiles_route(error: HubError) -> bool:
    """Return whether an error, such as the refusal of a service's token, shows that the hub has the route."""
    return error.filtered if isinstance(error, NotFound) else not isinstance(error, Unsupported)


class Profiles(ProfileOps, Bound):
    """The namespace `hub.profiles`."""


class AsyncProfiles(ProfileOps, AsyncBound):
    """The namespace `hub.profiles`."""
