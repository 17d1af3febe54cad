"""Reads of existing users: one by one, or from the list of all users if that takes fewer requests."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

from jhub.bulk.events import NameEvent
from jhub.bulk.spellings import Spellings
from jhub.errors import Conflict, MissingScope, NotFound
from jhub.interpreter import collect
from jhub.models import Identity, User
from jhub.operations.hub import read_caller
from jhub.operations.paging import MAX_PAGE_SIZE, count_items, page_request
from jhub.operations.requests import user_path
from jhub.operations.users import UserOps, check_admin, existing_user
from jhub.steps import Flow, HubVersion

MAX_SINGLE_READS = 4
"""Maximum number of users that are always read one by one."""
FILTER_VERSION = (2, 3)
"""First version of JupyterHub with `name_filter`."""


def existing_users(names: Sequence[str], *, admin: bool) -> Flow[list[NameEvent]]:
    """Return an event for each user: "exists", or "failed" if they are missing, or not an administrator as requested.

    If nobody has the name, a user whose name has other capital letters counts.

    `GET /users/{name}` or `GET /users` (all versions), scopes `read:users` and `list:users`.
    """
    users: dict[str, User] = {}
    is_listed = all_listed = False
    if len(names) > MAX_SINGLE_READS and (yield from _page_count()) < len(names):
        users = yield from _find_in_listing({name.lower() for name in names})
        is_listed = True
    spellings = Spellings(users)
    if is_listed:
        missing = [name for name in names if not spellings.find(name)]
        # With this scope without a filter, a user who is not in the list does not exist.
        all_listed = len(missing) > MAX_SINGLE_READS and "list:users" in (yield from read_caller(Identity)).scopes
    read = existing_user if is_listed else _existing_user_in_any_case
    events: list[NameEvent] = []
    for name in names:
        user = users.get(name.lower()) or next((users[each] for each in spellings.find(name)), None)
        try:
            if user is None and all_listed:
                raise NotFound(f"user {name}: not found", method="GET", path=user_path(name), status=404)
            user = check_admin(name, user, admin) if user else (yield from read(name, admin=admin))
        except (Conflict, NotFound) as error:
            events.append(NameEvent("failed", name, str(error).removeprefix(f"user {name}: "), error=error))
        else:
            events.append(NameEvent("exists", name, user=user))
    return events


def _page_count() -> Flow[int]:
    """Return the number of requests for the list of all users."""
    return ceil((yield from count_items("/users", about="users")) / MAX_PAGE_SIZE)


def _existing_user_in_any_case(name: str, *, admin: bool) -> Flow[User]:
    """Return an existing user as `existing_user` does, else the one whose name has other capital letters."""
    try:
        return (yield from existing_user(name, admin=admin))
    except NotFound as error:
        user = None if error.filtered else (yield from _with_other_capitals(name))
        if user is None:
            raise
        return check_admin(name, user, admin)


def _with_other_capitals(name: str) -> Flow[User | None]:
    """Return the user whose name has other capital letters; None if nobody has, or the token lists no users."""
    if (yield from HubVersion()) < FILTER_VERSION:
        return None
    # One page: more users than fit on it contain this name only if it has a few letters.
    request = page_request("/users", User, 0, (("name_filter", name),), about="users")
    try:
        page = yield from request
    except MissingScope:
        return None
    return next((user for user in page.entries() if user.name.lower() == name.lower()), None)


def _find_in_listing(wanted: set[str]) -> Flow[dict[str, User]]:
    """Return the users whose names in lower case are among the wanted ones, by name."""
    users: dict[str, User] = {}

    def keep(user: User) -> None:
        if user.name.lower() in wanted:
            users[user.name] = user

    yield from collect(UserOps.list(), keep)
    return users
