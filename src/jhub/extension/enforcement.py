"""The judge, for the hub's own users, servers and requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tornado.web import Finish, HTTPError

from jhub.extension.access import owner_of
from jhub.extension.policy import decide
from jhub.extension.spawner_settings import rejected_setting
from jhub.extension.store import store
from jhub.extension.verdict import Decision, Refusal

MAX_SERVER_NAME_CHARACTERS = 255
"""Maximum number of characters in the name of a server, by JupyterHub's database."""


def enforce(user: Any, options: Mapping[str, Any] | None) -> Decision:
    """By what a server of the hub's `user` starts with these options. Raises HTTPError where it must not."""
    decision = decide(store.current, owner_of(user), options)
    if isinstance(decision, Refusal):
        raise HTTPError(decision.status, decision.message)
    return decision


def check_user_texts(decision: Decision, spawner: Any) -> None:
    """Raise HTTPError 400 where the user's own text is not a value that the spawner's setting takes."""
    name = rejected_setting(decision, spawner)
    if name:
        raise HTTPError(400, f"profile {decision.profile.slug}: a text does not do for the setting {name}")


async def enforce_request(handler: Any, user: Any, server_name: str, options: Mapping[str, Any] | None) -> Decision:
    """Raise HTTPError unless a request for a start may go on. Without options, the saved ones count.

    Where the authenticator is asked again before each start, it is asked first: it may know of other groups. JupyterHub
    does so itself a moment later, and at most once a request.
    """
    check_server_name(server_name)
    await refresh_groups(handler, user)
    decision = enforce(user, saved_options(user, server_name) if options is None else options)
    if decision.user_text_settings:
        # Any spawner of the user's can say so, and there is always one for the default server.
        check_user_texts(decision, user.spawner)
    return decision


def check_server_name(name: str) -> None:
    """Raise HTTPError 400 for a server's name that no start can succeed with, whatever the profile.

    JupyterHub 5 takes any name; a process cannot have NUL in its environment, nor the database more characters.
    """
    if len(name) > MAX_SERVER_NAME_CHARACTERS or "\0" in name:
        raise HTTPError(
            400, f"a server's name has at most {MAX_SERVER_NAME_CHARACTERS} characters, and NUL is not one of them"
        )


async def refresh_groups(handler: Any, user: Any) -> None:
    """Ask the authenticator for the user's groups of now, where the hub is told to before each start.

    Raises HTTPError 403 where the hub would not start a server either, and 503 where the authenticator fails:
    JupyterHub asks once a request, and would go on with the groups that it knew before.
    """
    if not handler.authenticator.refresh_pre_spawn:
        return
    try:
        refreshed = await handler.refresh_auth(user, force=True)
    except (HTTPError, Finish):
        raise
    except Exception as error:
        handler.log.exception("The authenticator failed to refresh %s", user.name)
        raise HTTPError(
            503,
            f"the groups of {user.name} are not known, for the authenticator failed ({type(error).__name__}): "
            "try again later",
        ) from None
    if refreshed is None:
        raise HTTPError(403, f"auth has expired for {user.name}, login again")


def saved_options(user: Any, server_name: str) -> Mapping[str, Any] | None:
    """With which a start begins that brings none."""
    saved = user.orm_spawners.get(server_name)
    return saved.user_options if saved is not None else None
