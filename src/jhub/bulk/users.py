"""The namespace `hub.users`: operations on one user, and bulk creation of users."""

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

POSSIBLY_CREATED = "exists; possibly created by this call, whose chunk failed halfway"
"""Message for a user that exists after a chunk has failed."""


class BulkUserOps:
    """Operations on many users."""

    @fleet(NameEvent)
    def create_many(self, names: Iterable[str], *, admin: bool = False, exist_ok: bool = True) -> Flow[NameSummary]:
        """Create users in chunks, with a pause after each, so that the hub can answer other requests.

        Parameters
        ----------
        admin
            Make all of them administrators.
        exist_ok
            Count existing users as done, and leave them unchanged; otherwise they are failures. With `admin`, an
            existing user who is not an administrator is always a failure.

        Emits a `NameEvent` for each name that you pass: "created", with the user that the hub created, "exists" or
        "failed". A name that the hub refuses is skipped, with the hub's reason in its event, and the others are
        created. Any other error ends the call; run it again to create the remaining users.

        `POST /users` (all versions), scope `admin:users`, with `exist_ok` and `admin` `read:users` and
        `list:users` too.
        """
        return _create(list(dict.fromkeys(list_of(names))), admin, exist_ok)

    @fleet(NameEvent)
    def get_many(self, names: Iterable[str]) -> Flow[NameSummary]:
        """Read users one by one, or from the list of all users if that takes fewer requests.

        Emits a `NameEvent` for each name that you pass: "exists", with the user, or "failed". Any error other than
        `NotFound` ends the call.

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
    """The bulk write that creates users."""

    def __init__(self, admin: bool, exist_ok: bool) -> None:
        self.admin = admin
        self.exist_ok = exist_ok
        self.existing: list[str] = []
        """The existing users who may not be administrators."""
        self.possibly_created: set[str] = set()
        """The names that may have been created by a chunk that failed halfway."""

    def send(self, names: list[str]) -> Flow[tuple[User, ...]]:
        body = {"usernames": names, "admin": self.admin}
        # If users may exist already, the request can be retried after a lost answer.
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
            # A name may contain commas; then the names in the message are ambiguous.
            unambiguous = ", ".join(map(message_name, matched)) == listed and not any(
                ", " in message_name(name) for name in names
            )
            return matched if unambiguous else []
        # The hub creates one user after the other, and keeps those before the one that failed.
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
    """Return the created users by the requested names; the hub returns only its own, normalised names."""
    users = {user.name: user for user in created}
    matched = {name: users[spelling] for name in names for spelling in (name.lower(), name) if spelling in users}
    # Some authenticators rename users; the users are in the order of the request.
    unmatched = [name for name in names if name not in matched]
    others = [user for user in created if user not in matched.values()]
    return {**matched, **dict(zip(unmatched, others, strict=True))} if len(unmatched) == len(others) else matched


class Users(UserOps, BulkUserOps, Bound):
    """The namespace `hub.users`."""


class AsyncUsers(UserOps, BulkUserOps, AsyncBound):
    """The namespace `hub.users`."""
