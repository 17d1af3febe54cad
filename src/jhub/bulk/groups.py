"""The namespace `hub.groups`: operations on one group, and bulk changes of members."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jhub.binding import AsyncBound, Bound, operation
from jhub.bulk.chunks import failed_event, match_name, write_in_chunks
from jhub.bulk.events import NameEvent, NameSummary
from jhub.bulk.spellings import Spellings
from jhub.errors import APIError, Conflict, NotFound, UnknownUser, join_names
from jhub.models import Group
from jhub.operations.groups import GroupOps, unique_names, users_in
from jhub.outcome import Tally
from jhub.steps import Emit, Flow, Now, Operation


class BulkGroupOps:
    """Bulk changes of the members of a group."""

    @operation
    def set_users(self, name: str, users: Iterable[str], *, create: bool = False) -> Flow[NameSummary]:
        """Make these users the only members of a group; with `create`, of a new group if it does not exist.

        Reads the group once and sends only the difference, additions first, in chunks with a pause after each, so that
        the hub can answer other requests. An unknown user is skipped and listed in `failed` of the result, with the
        hub's reason; the others become members. The call is idempotent: after an error, run it again to finish. An
        empty list of users empties the group. Names are compared as in `compare_users`.

        If the hub's authenticator manages groups (`manage_groups`), hubs before 5.3 refuse with a `BadRequest`, and
        later ones undo the change when the user signs in again.

        `POST /groups/{name}/users` and `DELETE /groups/{name}/users` (all versions), scopes `groups` and
        `read:groups`, with `create` `admin:groups` too. `NotFound` if the group does not exist.
        """
        wanted = unique_names(users, "user")
        try:
            group = yield from GroupOps.get(name)
        except NotFound:
            if not create:
                raise
            yield from GroupOps.create(name)
            group = Group(name=name, users=())
        return (yield from _change(_compare(group, wanted)))

    @operation
    def compare_users(self, name: str, users: Iterable[str]) -> Flow[Difference]:
        """Compare a group's members with the wanted ones, without changing them.

        `change_users` makes exactly the change that this returns. `set_users` combines both.

        Most hubs store names in lower case, and some keep capital letters. So if neither a wanted name nor its
        lower-case form is that of a member, a member whose name has other capital letters counts as the wanted one.

        `GET /groups/{name}` (all versions), scope `read:groups`. `NotFound` if the group does not exist.
        """
        wanted = unique_names(users, "user")
        return _compare((yield from GroupOps.get(name)), wanted)

    @operation
    def change_users(self, difference: Difference) -> Flow[NameSummary]:
        """Add and remove the members of a difference that `compare_users` returned.

        `POST /groups/{name}/users` and `DELETE /groups/{name}/users` (all versions), scope `groups`; otherwise as
        `set_users`.
        """
        return _change(difference)


@dataclass(frozen=True, slots=True)
class Difference:
    """The difference between the members of a group and the wanted members."""

    group: Group
    """The group as it was read."""
    to_add: tuple[str, ...]
    to_remove: tuple[str, ...]


def _compare(group: Group, wanted: Iterable[str]) -> Difference:
    """Return the members to add and to remove."""
    current = users_in(group)
    spellings = Spellings(current)
    kept: set[str] = set()
    to_add: list[str] = []
    for name in wanted:
        if found := spellings.find(name):
            kept.update(found)
        else:
            to_add.append(name)
    return Difference(group, tuple(to_add), tuple(user for user in current if user not in kept))


def _change(difference: Difference) -> Flow[NameSummary]:
    """Apply a difference, and emit an event for each member."""
    began = yield from Now()
    tally: Tally[NameEvent] = Tally()
    group, to_remove, members = difference.group.name, difference.to_remove, set(users_in(difference.group))
    adding = _Addition(group)
    yield from write_in_chunks(difference.to_add, adding, tally)
    if adding.renamed and to_remove:
        reason = f"may be the same user as {join_names(adding.renamed)}; use the names that the hub uses"
        for user in to_remove:
            yield Emit(tally.take(NameEvent("skipped", user, reason)))
    else:
        # The hub looks names up in lower case, so it would remove the other member, who stays.
        ambiguous = {user for user in to_remove if user != user.lower() and user.lower() in members}
        yield from write_in_chunks([user for user in to_remove if user not in ambiguous], _Removal(group), tally)
        for user in sorted(ambiguous):
            yield Emit(tally.take(NameEvent("skipped", user, f"the hub would remove {user.lower()} instead")))
    return NameSummary(*tally.parts(), (yield from Now()) - began)


class _MemberWrite:
    """The common part of the bulk writes of members."""

    def __init__(self, group: str) -> None:
        self.group = group

    def refused_names(self, error: APIError, names: list[str]) -> list[str] | None:
        return match_name(error.user, names) if isinstance(error, UnknownUser) else None


class _Addition(_MemberWrite):
    """The bulk write that adds members."""

    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.renamed: list[str] = []
        """The added names that the hub stores as other names."""

    def send(self, names: list[str]) -> Operation[Group | None]:
        return GroupOps.add_users(self.group, names)

    def accepted(self, names: list[str], answer: Group | None) -> Iterator[NameEvent]:
        members = None if answer is None or answer.users is None else set(answer.users)
        for name in names:
            if members is not None and not {name, name.lower()} & members:
                self.renamed.append(name)
            yield NameEvent("added", name)

    def refused(self, name: str, error: APIError) -> NameEvent:
        return failed_event(name, error.message, error)


class _Removal(_MemberWrite):
    """The bulk write that removes members."""

    def send(self, names: list[str]) -> Operation[Group]:
        return GroupOps.remove_users(self.group, names)

    def accepted(self, names: list[str], answer: Group) -> Iterator[NameEvent]:
        # A token that may change members but not read them gets no list: assume that all were removed.
        members = set(answer.users or ())
        return (self._still_member(name) if name in members else NameEvent("removed", name) for name in names)

    def refused(self, name: str, error: APIError) -> NameEvent:
        # A user who no longer exists is not a member. But the hub looks names up in lower case.
        return self._still_member(name) if name != name.lower() else NameEvent("removed", name)

    def _still_member(self, name: str) -> NameEvent:
        reason = "is still a member: the hub does not find a user of that name"
        error = Conflict(f"user {name}: {reason}", method="DELETE", path=f"/groups/{self.group}/users", status=409)
        return NameEvent("failed", name, reason, error=error)


class Groups(GroupOps, BulkGroupOps, Bound):
    """The namespace `hub.groups`."""


class AsyncGroups(GroupOps, BulkGroupOps, AsyncBound):
    """The namespace `hub.groups`."""
