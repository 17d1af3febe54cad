"""What somebody may start, for clients and pages: `GET /hub/api/profiles` and `GET /hub/api/users/{name}/profiles`.

Settings are never in it, for they can hold secrets; nor is whose a profile is.
"""

# JupyterHub carries no types.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportUntypedBaseClass=false

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from jupyterhub import apihandlers
from jupyterhub.apihandlers.base import APIHandler
from jupyterhub.user import User
from tornado.web import HTTPError

from jhub import models
from jhub.extension.gate import Owner, taken, visible
from jhub.extension.judging import owner_of
from jhub.extension.routes import starters_only
from jhub.extension.source import current
from jhub.profiles.model import Option, Profiles

VERSION = 1
"""Of the answer's form."""


class Answer(msgspec.Struct):
    """What is answered, as JSON."""

    version: int
    profiles: list[models.Profile]


def install() -> None:
    """Put the routes before JupyterHub's own, once."""
    routes = apihandlers.default_handlers
    if all(handler is not OfUser for _, handler, *_ in routes):
        routes[:0] = [(r"/api/profiles", OfCaller), (r"/api/users/([^/]+)/profiles", OfUser)]


class Listing(APIHandler):  # type: ignore[misc]  # JupyterHub carries no types
    """Answers with the profiles of a user, for whoever may start that user's servers."""

    @starters_only
    def answer(self, user_name: str) -> None:
        user = self.find_user(user_name)
        if user is None:
            raise HTTPError(404, f"No such user: {user_name}")
        self.finish(msgspec.json.encode(Answer(VERSION, list(listed(current(), owner_of(user))))))


class OfUser(Listing):
    """The profiles of a user who is named."""

    def get(self, user_name: str) -> None:
        self.answer(user_name)


class OfCaller(Listing):
    """The profiles of whoever asks."""

    def get(self) -> None:
        caller: Any = self.current_user
        if caller is None:
            raise HTTPError(403, "Missing or invalid credentials.")
        if not isinstance(caller, User):
            raise HTTPError(400, "a service has no profiles of its own: name a user, GET /users/NAME/profiles")
        self.answer(caller.name)


def listed(profiles: Profiles, owner: Owner) -> Iterator[models.Profile]:
    """The profiles that the owner may start, in the order of the file."""
    mine = visible(profiles, owner)
    default = taken(mine) if mine else None
    for profile in mine:
        yield models.Profile(
            slug=profile.slug,
            display_name=profile.display_name,
            description=profile.description,
            default=profile is default,
            profile_options=tuple(map(_option, profile.profile_options)),
            user_options=profile.user_options,
        )


def _option(option: Option) -> models.ProfileOption:
    unlisted = option.unlisted_choice
    return models.ProfileOption(
        key=option.key,
        display_name=option.display_name,
        choices=tuple(
            models.ProfileChoice(key=choice.key, display_name=choice.display_name, default=choice is option.default)
            for choice in option.choices
        ),
        unlisted_choice=None
        if unlisted is None
        else models.UnlistedChoice(
            display_name=unlisted.display_name,
            display_name_in_choices=unlisted.display_name_in_choices,
            validation_regex=unlisted.validation_regex,
            validation_message=unlisted.validation_message,
        ),
    )
