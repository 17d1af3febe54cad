"""`hub.groups`: the operations on groups, and their exact membership."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from jhub.binding import AsyncBound, Bound, operation
from jhub.bulk.chunks import failed_event, match_name, write_in_chunks
from jhub.bulk.events import NameEvent, NameSummary
from jhub.errors import APIError, Conflict, UnknownUser
from jhub.models import Group
from jhub.operations.groups import GroupOps, unique_names, users_in
from jhub.outcome import Tally
from jhub.steps import Emit, Flow, Now, Operation


class BulkGroupOps:
    """Groups of many members."""

    @operation
    def set_users(self, name: str, users: Iterable[str]) -> Flow[NameSummary]:
        """Make these users the members of a group, and nobody else.

        The group is read once, and only the difference is sent, first those who come and then those who go: a few in
        each call and a pause after it, so that the hub goes on answering others. An unknown user is left out and is
        in `failed` of the result, with the hub's reason; the others become members all the same. Running it again
        finishes what an error ended. Without users the group is emptied.

        Where the hub's authenticator manages groups (`manage_groups`), hubs before 5.3 refuse, which is a
        `BadRequest`, and later ones undo it when the user signs in again.

        `POST /groups/{name}/users` and `DELETE /groups/{name}/users` (all versions), scopes `groups` and
        `read:groups`. `NotFound` where there is no such group.
        """
        return (yield from _change((yield from BulkGroupOps.compare_users(name, users))))

    @operation
    def compare_users(self, name: str, users: Iterable[str]) -> Flow[Difference]:
        """Compare a group's members with those that it is to have, and change nothing.

        `change_users` makes exactly the change that this returns. `set_users` is the two in one.

        `GET /groups/{name}` (all versions), scope `read:groups`. `NotFound` where there is no such group.
        """
        wanted = unique_names(users, "user")
        return _compare((yield from GroupOps.get(name)), wanted)

    @operation
    def change_users(self, difference: Difference) -> Flow[NameSummary]:
        """Add and remove the members that `compare_users` found to be missing or too many, and nobody else.

        `POST /groups/{name}/users` and `DELETE /groups/{name}/users` (all versions), scope `groups`; otherwise as
        `set_users`.
        """
        return _change(difference)


@dataclass(frozen=True, slots=True)
class Difference:
    """Between the members that a group has and those that it is to have."""

    group: Group
    """The group as it is."""
    to_add: tuple[str, ...]
    to_remove: tuple[str, ...]


def _compare(group: Group, wanted: Iterable[str]) -> Difference:
    """Who is to come, and who is to go. The hub keeps names in lower case, mostly."""
    names, current = list(wanted), users_in(group)
    members = set(current)
    kept = {spelling for name in names for spelling in (name, name.lower())}
    to_add = tuple(name for name in names if not {name, name.lower()} & members)
    return Difference(group, to_add, tuple(user for user in current if user not in kept))


def _change(difference: Difference) -> Flow[NameSummary]:
    """Carry a difference out, and emit what became of each."""
    began = yield from Now()
    tally: Tally[NameEvent] = Tally()
    group, to_remove, members = difference.group.name, difference.to_remove, set(users_in(difference.group))
    adding = _Addition(group)
    yield from write_in_chunks(difference.to_add, adding, tally)
    if adding.renamed and to_remove:
        reason = f"may be whom the hub means by {', '.join(adding.renamed)}; name them as the hub does"
        for user in to_remove:
            yield Emit(tally.take(NameEvent("skipped", user, reason)))
    else:
        # The hub would take such a one for another member, who stays.
        twins = {user for user in to_remove if user != user.lower() and user.lower() in members}
        yield from write_in_chunks([user for user in to_remove if user not in twins], _Removal(group), tally)
        for user in sorted(twins):
            yield Emit(tally.take(NameEvent("skipped", user, f"the hub would take them for {user.lower()}")))
    return NameSummary(*tally.parts(), (yield from Now()) - began)


class _MemberWrite:
    def __init__(self, group: str) -> None:
        self.group = group

    def refused_names(self, error: APIError, names: list[str]) -> list[str] | None:
        return match_name(error.user, names) if isinstance(error, UnknownUser) else None


class _Addition(_MemberWrite):
    def __init__(self, group: str) -> None:
        super().__init__(group)
        self.renamed: list[str] = []
        """Those whom the hub knows by another name."""

    def send(self, names: list[str]) -> Operation[Group | None]:
        return GroupOps.add_users(self.group, names)

    def accepted(self, names: list[str], answer: Group | None) -> Iterator[NameEvent]:
        for name in names:
            if answer is not None and answer.users is not None and not {name, name.lower()} & set(answer.users):
                self.renamed.append(name)
            yield NameEvent("added", name)

    def refused(self, name: str, error: APIError) -> NameEvent:
        return failed_event(name, error.message, error)


class _Removal(_MemberWrite):
    def send(self, names: list[str]) -> Operation[Group]:
        return GroupOps.remove_users(self.group, names)

    def accepted(self, names: list[str], answer: Group) -> Iterator[NameEvent]:
        # A token that may change members and not see them takes the hub's word.
        members = answer.users or ()
        return (self._still_member(name) if name in members else NameEvent("removed", name) for name in names)

    def refused(self, name: str, error: APIError) -> NameEvent:
        # Who is no user any more is no member; but the hub looks for names in lower case.
        return self._still_member(name) if name != name.lower() else NameEvent("removed", name)

    def _still_member(self, name: str) -> NameEvent:
        reason = "is a member still: the hub does not know them by that name"
        error = Conflict(f"user {name}: {reason}", method="DELETE", path=f"/groups/{self.group}/users", status=409)
        return NameEvent("failed", name, reason, error=error)


class Groups(GroupOps, BulkGroupOps, Bound):
    """`hub.groups`"""


class AsyncGroups(GroupOps, BulkGroupOps, AsyncBound):
    """`hub.groups`"""
