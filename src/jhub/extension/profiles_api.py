"""What somebody may start, for clients and pages: `GET /hub/api/profiles` and `GET /hub/api/users/{name}/profiles`.

Settings are never in it, for they can hold secrets; nor is whose a profile is.
"""

from __future__ import annotations

import functools
from typing import Any

import msgspec
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.user import User
from tornado.web import HTTPError

from jhub.extension.access import Owner, owner_of, taken, visible
from jhub.extension.api_handlers import starters_only
from jhub.extension.enforcement import refresh
from jhub.extension.patching import add_routes
from jhub.extension.store import store
from jhub.profiles.model import LISTING_VERSION, Profile, Profiles, public


class Answer(msgspec.Struct):
    """What is answered, as JSON."""

    version: int
    profiles: list[msgspec.Raw]


def install() -> None:
    """Put the routes before JupyterHub's own, once."""
    add_routes((r"/api/profiles", OfCaller), (r"/api/users/([^/]+)/profiles", OfUser))


class OfUser(APIHandler):
    """The profiles of a user who is named, for whoever may start that user's servers."""

    async def get(self, user_name: str) -> None:
        await answer(self, user_name)


class OfCaller(APIHandler):
    """The profiles of whoever asks."""

    async def get(self) -> None:
        caller: Any = self.current_user
        if caller is None:
            raise HTTPError(403, "Missing or invalid credentials.")
        if not isinstance(caller, User):
            raise HTTPError(400, "a service has no profiles of its own: name a user, GET /users/NAME/profiles")
        await answer(self, caller.name)


@starters_only
async def answer(handler: Any, user_name: str) -> None:
    """Answer with the profiles of a user."""
    caller: Any = handler.current_user
    # Finding a user takes JupyterHub longer than all of this.
    user = caller if isinstance(caller, User) and caller.name == user_name else handler.find_user(user_name)
    if user is None:
        raise HTTPError(404, f"No such user: {user_name}")
    await refresh(handler, user)
    handler.finish(msgspec.json.encode(Answer(LISTING_VERSION, listed(store.current, owner_of(user)))))


def listed(profiles: Profiles, owner: Owner) -> list[msgspec.Raw]:
    """The profiles that the owner may start, in the order of the file."""
    mine = visible(profiles, owner)
    default = taken(mine) if mine else None
    texts = _texts(profiles)
    return [_text(profile, default=True) if profile is default else texts[profile.slug] for profile in mine]


@functools.lru_cache(maxsize=1)
def _texts(profiles: Profiles) -> dict[str, msgspec.Raw]:
    """Each as JSON, by its slug. Made once: of hundreds, that takes longer than all the rest of a request."""
    return {profile.slug: _text(profile, default=False) for profile in profiles.all}


def _text(profile: Profile, *, default: bool) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(public(profile, default=default)))
