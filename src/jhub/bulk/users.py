"""The namespace `hub.users`: operations on one user, and on many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from jhub.binding import AsyncBound, Bound, fleet
from jhub.bulk.chunks import failed_event, match_name, message_name, write_in_chunks
from jhub.bulk.deletion import delete_users, preview_deletion
from jhub.bulk.each import call_each
from jhub.bulk.events import NameEvent, NameSummary
from jhub.bulk.existing import existing_users
from jhub.errors import APIError, BadRequest, Conflict, InvalidInput, InvalidUsername, UserNotCreated
from jhub.models import User
from jhub.operations.requests import list_of
from jhub.operations.servers import STOP_TIMEOUT_SECONDS
from jhub.operations.users import UserOps, user_conflict
from jhub.outcome import Tally
from jhub.preview import Preview, preview_each
from jhub.steps import Emit, Flow, Now, call, segment

POSSIBLY_CREATED = "exists; possibly created by this call, whose chunk failed halfway"
"""Message for a user that exists after a chunk has failed."""


def preview_edits(
    names: Iterable[str], *, admin: bool | None = None, auth_state: Mapping[str, Any] | None = None
) -> Flow[Preview]:
    """Preview `edit_many`."""
    _check_changes(admin, auth_state)
    edit = partial(UserOps.edit, admin=admin, auth_state=auth_state)
    return preview_each(partial(edit, name) for name in dict.fromkeys(list_of(names)))


def _check_changes(admin: bool | None, auth_state: Mapping[str, Any] | None) -> None:
    if admin is None and auth_state is None:
        raise InvalidInput("nothing to change", hint="pass admin, auth_state, or both")


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
            Leave existing users unchanged and count them as done; otherwise they count as failures. With `admin`, an
            existing user who is not an administrator always counts as a failure.

        Emits a `NameEvent` for each name that you pass: "created", with the user that the hub created, "exists" or
        "failed". A name that the hub refuses is skipped, with the hub's reason in its event, and the others are
        created. Any other error ends the call; run it again to create the remaining users.

        `POST /users` (all versions), scope `admin:users`; with `exist_ok` and `admin` also `read:users` and
        `list:users`.
        """
        return _create(list(dict.fromkeys(list_of(names))), admin, exist_ok)

    @fleet(NameEvent)
    def get_many(self, names: Iterable[str]) -> Flow[NameSummary]:
        """Read users one by one, or from the list of all users if that takes fewer requests.

        Emits a `NameEvent` for each name that you pass: "exists", with the user, or "failed". Any error other than
        `NotFound` ends the call. If nobody has the name, a user whose name has other capital letters counts.

        `GET /users/{name}` or `GET /users` (all versions), scopes `read:users` and `list:users`.
        """
        return _read(list(dict.fromkeys(list_of(names))))

    @fleet(NameEvent, preview=preview_deletion)
    def delete_many(
        self, names: Iterable[str], *, timeout: float = STOP_TIMEOUT_SECONDS, missing_ok: bool = False
    ) -> Flow[NameSummary]:
        """Delete users as `delete` does, several at a time.

        Parameters
        ----------
        timeout
            Seconds for the servers of each user to stop. A user whose servers take longer is kept, and is a failure.
        missing_ok
            Count users that do not exist as done; otherwise they are failures.

        Emits a `NameEvent` "deleting" for each user when the work begins, another one with the servers that are
        stopped, and at the end "deleted", "failed", or "skipped" after an error that concerns all users: the hub does
        not answer, or the token lacks a scope. To delete the rest later, repeat the call with `missing_ok`.

        `DELETE /users/{name}` (all versions); scopes and errors as for `delete`, in the events.
        """
        return delete_users(list(dict.fromkeys(list_of(names))), timeout, missing_ok)

    @fleet(NameEvent, preview=preview_edits)
    def edit_many(
        self, names: Iterable[str], *, admin: bool | None = None, auth_state: Mapping[str, Any] | None = None
    ) -> Flow[NameSummary]:
        """Change the admin rights or the auth state of users as `edit` does, one user after the other.

        Emits a `NameEvent` for each name that you pass: "edited", with the user, "failed", or "skipped" after an error
        that concerns all users: the hub does not answer, or the token lacks a scope. The call can be repeated.

        `PATCH /users/{name}` (all versions), scope `admin:users`; errors as for `edit`, in the events.
        """
        _check_changes(admin, auth_state)

        def edit(name: str) -> Flow[NameEvent]:
            user = yield from UserOps.edit(name, admin=admin, auth_state=auth_state)
            return NameEvent("edited", name, user=user)

        return call_each(names, edit, "the change can be repeated: run it again")


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
        """The existing users whose administrator rights are unknown."""
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
