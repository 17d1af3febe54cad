"""`hub.users`: the operations on one user, and the creation of many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from jhub.binding import AsyncBound, Bound, fleet
from jhub.bulk.chunks import among, failed_event, message_name, write_in_chunks
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
    sound: list[str] = []
    for name in names:
        try:
            segment(name, "user")
        except InvalidInput as error:
            yield Emit(tally.take(NameEvent("failed", name, str(error), error=error)))
        else:
            sound.append(name)
    creation = _Creation(admin, exist_ok)
    yield from write_in_chunks(sound, creation, tally)
    for event in (yield from existing_users(creation.there, admin=admin)):
        yield Emit(tally.take(event))
    return NameSummary(*tally.parts(), (yield from Now()) - began)


class _Creation:
    def __init__(self, admin: bool, exist_ok: bool) -> None:
        self.admin = admin
        self.exist_ok = exist_ok
        self.there: list[str] = []
        """Those who exist, and may be no administrators."""
        self.perhaps: set[str] = set()
        """Those whom a chunk may have created that failed half-way."""

    def send(self, some: list[str]) -> Flow[tuple[User, ...]]:
        body = {"usernames": some, "admin": self.admin}
        # Where they may exist already, those whose answer got lost may be asked for again.
        request = call("POST", "/users", tuple[User, ...], body=body, about="users", repeatable=self.exist_ok)
        try:
            return (yield from request)
        except Conflict:
            return ()  # all of them exist

    def refused_names(self, error: APIError, some: list[str]) -> list[str] | None:
        if not isinstance(error, BadRequest):
            return None
        if isinstance(error, InvalidUsername) and error.name:
            return among(error.name, some)
        if isinstance(error, InvalidUsername):
            listed = error.names.lower()
            found = [name for name in some if message_name(name) in listed.split(", ")]
            # A name may have commas: then those in the message cannot be told apart.
            clear = ", ".join(map(message_name, found)) == listed and not any(
                ", " in message_name(name) for name in some
            )
            return found if clear else []
        # The hub goes from one to the next, and keeps those before the one that it could not create.
        words = error.failure.split(": ") if isinstance(error, UserNotCreated) else []
        found = [name for end in range(1, len(words)) for name in among(": ".join(words[:end]), some)]
        if len(found) != 1:
            found = []
        self.perhaps.update(some[: some.index(found[0])] if found else some)
        return found

    def accepted(self, some: list[str], answer: tuple[User, ...]) -> Iterator[NameEvent]:
        made = _by_given(some, answer)
        for name in some:
            if name in made:
                yield NameEvent("created", name, user=made[name])
            elif not self.exist_ok and name not in self.perhaps:
                error = user_conflict(name, "already exists")
                yield NameEvent("failed", name, "already exists", error=error)
            elif self.admin:
                self.there.append(name)
            else:
                yield NameEvent("exists", name, POSSIBLY_CREATED if name in self.perhaps else "")

    def refused(self, name: str, error: APIError) -> NameEvent:
        several = isinstance(error, InvalidUsername) and error.names
        return failed_event(name, f"Invalid username: {message_name(name)}" if several else error.message, error)


def _by_given(some: list[str], made: tuple[User, ...]) -> dict[str, User]:
    """Who was made of which name: the hub tells only the names that it made of them."""
    users = {user.name: user for user in made}
    found = {name: users[own] for name in some for own in (name.lower(), name) if own in users}
    # Some authenticators know users by other names; the order is that of the request.
    names = [name for name in some if name not in found]
    others = [user for user in made if user not in found.values()]
    return {**found, **dict(zip(names, others, strict=True))} if len(names) == len(others) else found


class Users(UserOps, BulkUserOps, Bound):
    """`hub.users`"""


class AsyncUsers(UserOps, BulkUserOps, AsyncBound):
    """`hub.users`"""
