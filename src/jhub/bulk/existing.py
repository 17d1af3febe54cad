"""Reads of existing users: one by one, or from the list of all users if that takes fewer requests."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from jhub.bulk.events import NameEvent
from jhub.errors import Conflict, NotFound
from jhub.interpreter import collect
from jhub.models import Identity, User
from jhub.operations.hub import read_caller
from jhub.operations.paging import MAX_PAGE_SIZE, count_items
from jhub.operations.requests import user_path
from jhub.operations.users import UserOps, check_admin, existing_user
from jhub.steps import Flow

MAX_SINGLE_READS = 4
"""Maximum number of users that are always read one by one."""


def existing_users(names: Sequence[str], *, admin: bool) -> Flow[list[NameEvent]]:
    """Return an event for each user: "exists", or "failed" if they are missing, or not an administrator as requested.

    `GET /users/{name}` or `GET /users` (all versions), scopes `read:users` and `list:users`.
    """
    users: dict[str, User] = {}
    all_listed = False
    if len(names) > MAX_SINGLE_READS and (yield from _page_count()) < len(names):
        users = yield from _find_in_listing({spelling for name in names for spelling in (name, name.lower())})
        missing = [name for name in names if not {name, name.lower()} & users.keys()]
        # With this scope without a filter, a user who is not in the list does not exist.
        all_listed = len(missing) > MAX_SINGLE_READS and "list:users" in (yield from read_caller(Identity)).scopes
    events: list[NameEvent] = []
    for name in names:
        user = users.get(name.lower()) or users.get(name)
        try:
            if user is None and all_listed:
                raise NotFound(f"user {name}: not found", method="GET", path=user_path(name), status=404)
            user = check_admin(name, user, admin) if user else (yield from existing_user(name, admin=admin))
        except (Conflict, NotFound) as error:
            events.append(NameEvent("failed", name, str(error).removeprefix(f"user {name}: "), error=error))
        else:
            events.append(NameEvent("exists", name, user=user))
    return events


def _page_count() -> Flow[int]:
    """Return the number of requests for the list of all users."""
    return ceil((yield from count_items("/users", about="users")) / MAX_PAGE_SIZE)


def _find_in_listing(wanted: set[str]) -> Flow[dict[str, User]]:
    users: dict[str, User] = {}

    def keep(user: User) -> None:
        if user.name in wanted:
            users[user.name] = user

    yield from collect(UserOps.list(), keep)
    return users
