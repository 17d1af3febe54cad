"""`hub.users`: the operations on one user, and the creation of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jhub.binding import AsyncBound, Bound, fleet
from jhub.bulk.chunks import failed_event, match_name, message_name, write_in_chunks
from jhub.bulk.events import NameEvent, NameSummary
from jhub.bulk.existing import existing_users
from jhub.errors import APIError, BadRequest, Conflict, InvalidInput, InvalidUsername, UserNotCreated
from jhub.models import User
from jhub.operations.requests import list_of
from jhub.operations.users import UserOps, user_conflict
from jhub.outcome import Tally
from jhub.steps import Emit, Flow, Now, call, segment

POSSIBLY_CREATED = "exists now; perhaps since this call, whose chunk failed half-way"


class BulkUserOps:
    """Many users."""

    @fleet(NameEvent)
    def create_many(self, names: Iterable[str], *, admin: bool = False, exist_ok: bool = True) -> Flow[NameSummary]:
        """Create users, a few in each call and a pause after it, so that the hub goes on answering others.

        Parameters
        ----------
        admin
            Make all of them administrators.
        exist_ok
            Who exists already is done, and stays as they are; otherwise that is a failure. With `admin`, it is one
            where they are no administrator.

        Emits a `NameEvent` for each, by the name that was given: "created", with the user that the hub made of it,
        "exists" or "failed". A name that the hub refuses is left out, with the hub's reason in its event, and the
        others are created. Any other error ends it. Running it again finishes the rest.

        `POST /users` (all versions), scope `admin:users`, with `exist_ok` and `admin` `read:users` and
        `list:users` too.
        """
        return _create(list(dict.fromkeys(list_of(names))), admin, exist_ok)

    @fleet(NameEvent)
    def get_many(self, names: Iterable[str]) -> Flow[NameSummary]:
        """Read users, one by one, or from the listing of all where that takes fewer requests.

        Emits a `NameEvent` for each, by the name that was given: "exists", with the user, or "failed". Any other error
        than `NotFound` ends it.

        `GET /users/{name}` or `GET /users` (all versions), scopes `read:users` and `list:users`.
        """
        return _read(list(dict.fromkeys(list_of(names))))


def _read(names: list[str]) -> Flow[NameSummary]:
    began = yield from Now()
    tally: Tally[NameEvent] = Tally()
    for event in (yield from existing_users(names, admin=False)):
        yield Emit(tally.take(event))
    return NameSummary(*tally.parts(), (yield from Now()) - began)


def _create(names: list[str], admin: bool, exist_ok: bool) -> Flow[NameSummary]:
    began = yield from Now()
    tally: Tally[NameEvent] = Tally()
    valid: list[str] = []
    for name in names:
        try:
            segment(name, "user")
        except InvalidInput as error:
            yield Emit(tally.take(NameEvent("failed", name, str(error), error=error)))
        else:
            valid.append(name)
    creation = _Creation(admin, exist_ok)
    yield from write_in_chunks(valid, creation, tally)
    for event in (yield from existing_users(creation.existing, admin=admin)):
        yield Emit(tally.take(event))
    return NameSummary(*tally.parts(), (yield from Now()) - began)


class _Creation:
    def __init__(self, admin: bool, exist_ok: bool) -> None:
        self.admin = admin
        self.exist_ok = exist_ok
        self.existing: list[str] = []
        """Those who exist, and may be no administrators."""
        self.possibly_created: set[str] = set()
        """Those whom a chunk may have created that failed half-way."""

    def send(self, names: list[str]) -> Flow[tuple[User, ...]]:
        body = {"usernames": names, "admin": self.admin}
        # Where they may exist already, those whose answer got lost may be asked for again.
        request = call("POST", "/users", tuple[User, ...], body=body, about="users", repeatable=self.exist_ok)
        try:
            return (yield from request)
        except Conflict:
            return ()  # all of them exist

    def refused_names(self, error: APIError, names: list[str]) -> list[str] | None:
        if not isinstance(error, BadRequest):
            return None
        if isinstance(error, InvalidUsername) and error.name:
            return match_name(error.name, names)
        if isinstance(error, InvalidUsername):
            listed = error.names.lower()
            matched = [name for name in names if message_name(name) in listed.split(", ")]
            # A name may have commas: then those in the message cannot be told apart.
            unambiguous = ", ".join(map(message_name, matched)) == listed and not any(
                ", " in message_name(name) for name in names
            )
            return matched if unambiguous else []
        # The hub goes from one to the next, and keeps those before the one that it could not create.
        parts = error.failure.split(": ") if isinstance(error, UserNotCreated) else []
        matched = [name for end in range(1, len(parts)) for name in match_name(": ".join(parts[:end]), names)]
        if len(matched) != 1:
            matched = []
        self.possibly_created.update(names[: names.index(matched[0])] if matched else names)
        return matched

    def accepted(self, names: list[str], answer: tuple[User, ...]) -> Iterator[NameEvent]:
        created = _match_created(names, answer)
        for name in names:
            if name in created:
                yield NameEvent("created", name, user=created[name])
            elif not self.exist_ok and name not in self.possibly_created:
                error = user_conflict(name, "already exists")
                yield NameEvent("failed", name, "already exists", error=error)
            elif self.admin:
                self.existing.append(name)
            else:
                yield NameEvent("exists", name, POSSIBLY_CREATED if name in self.possibly_created else "")

    def refused(self, name: str, error: APIError) -> NameEvent:
        several = isinstance(error, InvalidUsername) and error.names
        return failed_event(name, f"Invalid username: {message_name(name)}" if several else error.message, error)


def _match_created(names: list[str], created: tuple[User, ...]) -> dict[str, User]:
    """Who was made of which name: the hub tells only the names that it made of them."""
    users = {user.name: user for user in created}
    matched = {name: users[spelling] for name in names for spelling in (name.lower(), name) if spelling in users}
    # Some authenticators know users by other names; the order is that of the request.
    unmatched = [name for name in names if name not in matched]
    others = [user for user in created if user not in matched.values()]
    return {**matched, **dict(zip(unmatched, others, strict=True))} if len(unmatched) == len(others) else matched


class Users(UserOps, BulkUserOps, Bound):
    """`hub.users`"""


class AsyncUsers(UserOps, BulkUserOps, AsyncBound):
    """`hub.users`"""
