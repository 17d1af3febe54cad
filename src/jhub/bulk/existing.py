"""Users who exist already: read one by one, or from the listing of all where that takes fewer requests."""

from __future__ import annotations

from collections.abc import Sequence

from jhub.bulk.events import NameEvent
from jhub.errors import Conflict, NotFound
from jhub.interpreter import collect
from jhub.models import User
from jhub.operations.paging import MAX_PAGE_SIZE, total
from jhub.operations.users import UserOps, check_admin, existing_user
from jhub.steps import Flow

MAX_SINGLE_READS = 4
"""Users who are read one by one; more are looked for in the listing of all."""


def existing_users(names: Sequence[str], *, admin: bool) -> Flow[list[NameEvent]]:
    """What is known of each who was to be created, perhaps as an administrator, and exists.

    `GET /users/{name}` or `GET /users` (all versions), scopes `read:users` and `list:users`.
    """
    listed: dict[str, User] = {}
    if len(names) > MAX_SINGLE_READS and -((yield from total("/users", about="users")) // -MAX_PAGE_SIZE) < len(names):
        listed = yield from _listed({known for name in names for known in (name, name.lower())})
    found: list[NameEvent] = []
    for name in names:
        user = listed.get(name.lower()) or listed.get(name)
        try:
            user = check_admin(name, user, admin) if user else (yield from existing_user(name, admin=admin))
        except (Conflict, NotFound) as error:
            found.append(NameEvent("failed", name, str(error).removeprefix(f"user {name}: "), error=error))
        else:
            found.append(NameEvent("exists", name, user=user))
    return found


def _listed(wanted: set[str]) -> Flow[dict[str, User]]:
    found: dict[str, User] = {}

    def keep(user: User) -> None:
        if user.name in wanted:
            found[user.name] = user

    yield from collect(UserOps.list(), keep)
    return found
