"""The plan of `jhub group sync`: who joins a group, who leaves it, and who stays although the roster lacks them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

from jhub.cli.kit.output import note
from jhub.errors import MissingScope, NotFound, is_missing
from jhub.models import Group

if TYPE_CHECKING:
    from jhub import Difference, Hub, Server, User
    from jhub.state import Roster

MIN_SHARE_SIGNED_IN = 0.1
"""Share of a roster that must be members, or have signed in, for its names to be plausible."""


@dataclass(frozen=True, slots=True)
class SyncPlan:
    """The changes that make the people in a roster the members of a group."""

    group: Group
    exists: bool
    """False if the group has to be created."""
    to_add: tuple[str, ...]
    to_remove: tuple[str, ...]
    unknown: tuple[str, ...]
    """Names in the roster that are not users of the hub."""
    kept: dict[str, str]
    """Members who are not in the roster and stay, each with the reason."""
    people: Mapping[str, User]
    """The users to add and to remove, as far as the token sees them."""

    @property
    def members(self) -> tuple[str, ...]:
        """The members before the change."""
        return self.group.users or ()

    @property
    def size(self) -> int:
        """The number of members to add and to remove."""
        return len(self.to_add) + len(self.unknown) + len(self.to_remove)

    @property
    def running(self) -> list[Server]:
        """The running servers of the members to remove."""
        servers = (self.people[name].servers or {} for name in self.to_remove)
        return [server for each in servers for server in each.values() if server.active]

    @property
    def hidden(self) -> int:
        """The number of members to remove whose servers the token cannot see."""
        return sum(self.people[name].servers is None for name in self.to_remove)


def make_plan(
    hub: Hub, name: str, roster: Roster, keep: Iterable[str], *, create: bool, create_users: bool
) -> SyncPlan:
    """Return the plan for a group and a roster.

    If they differ in nothing, this takes one request; else it reads the users who differ, and the caller.

    Parameters
    ----------
    create
        Create the group if it does not exist.
    create_users
        Create the users that do not exist, as far as the token sees.

    Raises
    ------
    NotFound
        The group does not exist, and `create` is false.
    MissingScope
        The token cannot see the members, or whether one to remove is an administrator.
    """
    difference = _compare(hub, name, roster.names, create)
    group = Group(name=name, users=()) if difference is None else difference.group
    present, absent = (roster.names, ()) if difference is None else (difference.to_add, difference.to_remove)
    members = group.users or ()
    unchanged = len(members) - len(absent)
    # If hardly anybody is a member, the rule for names may be wrong.
    doubtful = bool(members) and unchanged < MIN_SHARE_SIGNED_IN * len(roster.names)
    people, missing = _read_people(hub, [*present, *(members if doubtful else absent)])
    if doubtful:
        _warn_of_names(roster, members, people)
    kept = _keep(hub, absent, people, list(keep), members, set(roster.names))
    # The hub checks the names that the token cannot see.
    unknown = {each for each in present if each in missing or (create_users and each not in people)}
    return SyncPlan(
        group,
        difference is not None,
        # The hub does not find a user whose name it writes with capital letters under the roster's name.
        tuple(people[each].name if each in people else each for each in present if each not in unknown),
        tuple(each for each in absent if each not in kept),
        tuple(each for each in present if each in unknown),
        kept,
        people,
    )


def _compare(hub: Hub, name: str, wanted: Sequence[str], create: bool) -> Difference | None:
    """Return the difference between a group and its wanted members; with `create`, None for a group to create."""
    try:
        return hub.groups.compare_users(name, wanted)
    except NotFound as error:
        if create and is_missing(error):
            return None
        error.hint = error.hint or "--create creates the group"
        raise


def _read_people(hub: Hub, names: Sequence[str]) -> tuple[dict[str, User], set[str]]:
    """Return the users that the token sees, by name, and the names of users who do not exist."""
    people: dict[str, User] = {}
    missing: set[str] = set()
    if names:
        summary = hub.users.get_many(names).run()
        people = {event.name: event.user for event in summary.done if event.user is not None}
        missing = {event.name for event in summary.failed if is_missing(event.error)}
    return people, missing


def _keep(
    hub: Hub,
    absent: Sequence[str],
    people: Mapping[str, User],
    keep: Sequence[str],
    members: Sequence[str],
    listed: Set[str],
) -> dict[str, str]:
    """Return the members who stay although they are not in the roster, each with the reason.

    `listed` are the names in the roster, which are in lower case.
    """
    wanted = {name.lower() for name in keep}
    lower_members = {name.lower() for name in members}
    for name in keep:
        if name.lower() not in lower_members:
            note(f"--keep {name}: not a member of the group")
    kept: dict[str, str] = {}
    caller = hub.whoami() if absent else None
    for name in absent:
        user = people.get(name)
        if name.lower() in wanted:
            kept[name] = "by --keep"
        elif name.lower() in listed:
            kept[name] = f"may be {name.lower()} of the roster"
        elif caller is not None and caller.kind == "user" and name == caller.name:
            kept[name] = "who runs this command"
        elif user is None or user.admin is None:
            raise MissingScope(
                f"user {name}: this token cannot see whether they are an administrator, who would be kept",
                ("read:users",),
            )
        elif user.admin:
            kept[name] = "an administrator"
    return kept


def _warn_of_names(roster: Roster, members: Sequence[str], people: Mapping[str, User]) -> None:
    """Print a warning if hardly any name in the roster has ever signed in, but members of the group have."""
    known = [people[name] for name in roster.names if name in people]
    active = sum(_has_signed_in(user) for user in known)
    members_active = sum(name in people and _has_signed_in(people[name]) for name in members)
    if active < MIN_SHARE_SIGNED_IN * len(roster.names) and (members_active or not known):
        have = f"{active} of {len(roster.names)} names have ever signed in"
        found = have if known else f"0 of {len(roster.names)} names are users of this hub"
        example = roster.members[0]
        note(
            f"warning: {found}; the group has {len(members)} members, of whom {members_active} have signed in. "
            f"Is --name right? In the roster: {example.value} -> {example.name}; in the group: {members[0]}"
        )


def _has_signed_in(user: User) -> bool:
    """Return whether a user has been active, or the token cannot see it."""
    return user.last_activity is not None or user.created is None
