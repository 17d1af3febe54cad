"""Enforcement of the policy on the hub's own users, servers and requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tornado.web import Finish, HTTPError

from jhub.extension.current_profiles import profiles_and_owner, spawner_of
from jhub.extension.policy import decide, is_extra_option
from jhub.extension.profile_access import Owner
from jhub.extension.spawner_settings import is_own_setting, rejected_setting
from jhub.extension.verdict import Decision, Refusal
from jhub.profiles.model import Profiles
from jhub.profiles.option_check import unknown_option

MAX_SERVER_NAME_CHARACTERS = 255
"""Maximum number of characters in the name of a server, by JupyterHub's database."""


def enforce(profiles: Profiles, owner: Owner, user: Any, options: Mapping[str, Any] | None) -> Decision:
    """Return the decision about a start of a server of the hub's `user`. Raises HTTPError if the policy refuses it."""
    decision = decide(profiles, owner, options)
    if isinstance(decision, Refusal):
        raise HTTPError(decision.status, decision.message)
    if decision.profile.any_user_options:
        # Any spawner of the user has the class and its configuration, and the one of the default server always exists.
        for name in options or ():
            if is_extra_option(name, decision.profile) and is_own_setting(user.spawner, name):
                raise HTTPError(400, f"{unknown_option(name, decision.profile)}; the hub's spawner has this setting")
    return decision


def check_user_texts(decision: Decision, spawner: Any) -> None:
    """Raise HTTPError 400 if a setting of the spawner does not accept the user's own text."""
    name = rejected_setting(decision, spawner)
    if name:
        raise HTTPError(400, f"profile {decision.profile.slug}: invalid text for setting {name}")


async def enforce_request(handler: Any, user: Any, server_name: str, options: Mapping[str, Any] | None) -> Decision:
    """Raise HTTPError unless a request for a start may proceed. Without options, the saved ones apply.

    If the hub refreshes users before each start, this refreshes them first, because the groups may have changed.
    JupyterHub does the same right after this check, but at most once per request.
    """
    check_server_name(server_name)
    await refresh_groups(handler, user)
    profiles, owner = await profiles_and_owner(spawner_of(user, server_name))
    decision = enforce(profiles, owner, user, saved_options(user, server_name) if options is None else options)
    if decision.user_text_settings:
        # Any spawner of the user can validate the texts, and the one of the default server always exists.
        check_user_texts(decision, user.spawner)
    return decision


def check_server_name(name: str) -> None:
    """Raise HTTPError 400 for a server name with which a start fails whatever the profile.

    JupyterHub 5 accepts any name; but an environment variable cannot contain NUL, and the database has a maximum
    length.
    """
    if len(name) > MAX_SERVER_NAME_CHARACTERS or "\0" in name:
        raise HTTPError(400, f"invalid server name: use at most {MAX_SERVER_NAME_CHARACTERS} characters, without NUL")


async def refresh_groups(handler: Any, user: Any) -> None:
    """Refresh the user's groups from the authenticator, if the hub is configured to do so before each start.

    Raises HTTPError 403 if the hub would not start a server either, and 503 if the authenticator fails: JupyterHub
    refreshes a user once per request, and would otherwise go on with the groups that it has saved.
    """
    if not handler.authenticator.refresh_pre_spawn:
        return
    try:
        refreshed = await handler.refresh_auth(user, force=True)
    except (HTTPError, Finish):
        raise
    except Exception as error:
        handler.log.exception("The authenticator failed to refresh the user %s", user.name)
        raise HTTPError(
            503,
            f"cannot refresh the groups of {user.name}: "
            f"the authenticator failed ({type(error).__name__}); try again later",
        ) from None
    if refreshed is None:
        raise HTTPError(403, f"auth has expired for {user.name}, login again")


def saved_options(user: Any, server_name: str) -> Mapping[str, Any] | None:
    """Return the options that the hub has saved for a server, for a start without options; None without a server."""
    saved = user.orm_spawners.get(server_name)
    return saved.user_options if saved is not None else None
