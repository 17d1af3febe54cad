"""Filters of users: by group, admin rights, role, and time of the last activity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from jhub.errors import InvalidInput, MissingScope
from jhub.models import User, as_utc
from jhub.operations.groups import read_members
from jhub.operations.server_filter import ADMIN_SCOPES, hub_time, seconds_of
from jhub.steps import Flow


@dataclass(frozen=True, slots=True, kw_only=True)
class UserCriteria:
    """The parameters of `hub.users.list` that the hub has no query for."""

    group: str | None = None
    not_in_group: str | None = None
    admin: bool | None = None
    role: str | None = None
    inactive_for: float | timedelta | None = None
    active_since: datetime | None = None
    never_used: bool = False


@dataclass(frozen=True, slots=True)
class UserFilter:
    """A filter of users, with the members and the time that the hub answered for it."""

    criteria: UserCriteria
    members: frozenset[str] | None = None
    """The users that match; None: all users."""
    excluded: frozenset[str] = frozenset()
    inactive_since: datetime | None = None
    """The latest last activity of a matching user; None: any time."""

    @property
    def empty(self) -> bool:
        """True if no user can match, because the group has no members."""
        return self.members is not None and not self.members

    def matches(self, user: User) -> bool:
        """Return whether a user matches.

        Raises
        ------
        MissingScope
            The answer lacks the field that decides.
        """
        if self.members is not None and user.name not in self.members:
            return False
        if user.name in self.excluded or not self._matches_admin(user) or not self._matches_role(user):
            return False
        return self._matches_activity(user)

    def _matches_admin(self, user: User) -> bool:
        if self.criteria.admin is None:
            return True
        if user.admin is None:
            raise _invisible(user, "whether they are an administrator", ADMIN_SCOPES)
        return user.admin is self.criteria.admin

    def _matches_role(self, user: User) -> bool:
        if self.criteria.role is None:
            return True
        if user.roles is None:
            raise _invisible(user, "which roles they have", ("read:roles",))
        return self.criteria.role in user.roles

    def _matches_activity(self, user: User) -> bool:
        criteria = self.criteria
        if self.inactive_since is None and criteria.active_since is None and not criteria.never_used:
            return True
        last = user.last_activity and as_utc(user.last_activity)
        if last is None and user.created is None:
            # The hub leaves out what a token may not read. Such a user must not look inactive.
            raise _invisible(user, "when they were last active", ("read:users",))
        if criteria.never_used and last is not None:
            return False
        if criteria.active_since is not None and (last is None or last < criteria.active_since):
            return False
        if self.inactive_since is None:
            return True
        created = user.created and as_utc(user.created)
        return max(moment for moment in (last, created) if moment is not None) <= self.inactive_since


def prepare_user_filter(criteria: UserCriteria) -> Flow[UserFilter]:
    """Return a filter, after reading the groups and the hub's time if they are needed.

    `InvalidInput`, before any request, for criteria that no user can match.
    """
    if criteria.active_since is not None:
        if criteria.active_since.tzinfo is None:
            raise InvalidInput("active_since needs a time zone", hint="for example datetime(..., tzinfo=timezone.utc)")
        if criteria.never_used:
            raise InvalidInput("cannot combine active_since with never_used")
    inactive = seconds_of(criteria.inactive_for, "inactive_for")
    members = None if criteria.group is None else frozenset((yield from read_members(criteria.group)))
    excluded = frozenset(() if criteria.not_in_group is None else (yield from read_members(criteria.not_in_group)))
    since = None if inactive is None else (yield from hub_time()) - timedelta(seconds=inactive)
    return UserFilter(criteria, members, excluded, since)


def _invisible(user: User, what: str, scopes: tuple[str, ...]) -> MissingScope:
    return MissingScope(f"user {user.name}: this token cannot see {what}", scopes)
