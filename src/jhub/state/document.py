"""Document of a state file: the users, groups, servers and roles that a hub should have.

A document has no rosters any more: `jhub.state.load` has read them. A field that is None is not managed.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from jhub.errors import InvalidInput
from jhub.models import Model

LEAVE_PATTERN = r"^(?:(?:100(?:\.0+)?|[0-9]{1,2}(?:\.[0-9]+)?) ?%|[0-9]{1,9})$"
"""Pattern of a limit in a text."""


class UserEntry(Model, frozen=True, kw_only=True):
    """A user who should exist."""

    name: str
    admin: bool | None = None
    """True if the user should be an administrator, False if not."""


class MembersEntry(Model, frozen=True, kw_only=True):
    """The users who should be in a group."""

    names: tuple[str, ...] = ()
    exact: bool = True
    """True if nobody else may be in the group; False to only add users."""
    unreadable: tuple[str, ...] = ()
    """Descriptions of the roster's rows without a usable name, with their lines. With any, nobody leaves the group."""


class GroupEntry(Model, frozen=True, kw_only=True):
    """A group that should exist."""

    name: str
    owner: str | None = None
    """The owner that is marked on the hub, in the group's properties.

    "": nobody. None: the document's owner, or nobody for a group to which the document only adds members.
    """
    members: MembersEntry | None = None
    properties: dict[str, Any] | None = None
    """Properties to set; others stay unchanged."""
    create_users: bool = False
    """True if members who are not users of the hub are created."""


class ServerEntry(Model, frozen=True, kw_only=True):
    """A named server that should exist, running or not."""

    user: str
    name: str
    options: dict[str, Any] | None = None
    """The user options of the next start."""
    display_name: str | None = None

    @classmethod
    def from_hub(cls, user: str, name: str, options: dict[str, Any] | None, display_name: str | None) -> ServerEntry:
        """Return the entry of a server on a hub, which leaves out what is the default on hubs.

        The default of the display name is the name.
        """
        shown = None if display_name in ("", name) else display_name
        return cls(user=user, name=name, options=options or None, display_name=shown)


class RoleEntry(Model, frozen=True, kw_only=True):
    """A role of the hub's configuration. It is compared with the hub, and never changed."""

    name: str
    scopes: tuple[str, ...] | None = None
    """Scopes of the role. The REST API does not show them, so they are not compared."""
    users: tuple[str, ...] | None = None
    groups: tuple[str, ...] | None = None


class LeaveLimit(Model, frozen=True, kw_only=True):
    """The maximum number of members who may leave a group in one change."""

    number: int | None = None
    percent: float | None = 20.0
    """Per cent of the present members, if `number` is None."""

    @classmethod
    def parse(cls, text: str) -> LeaveLimit:
        """Return the limit in a text such as "20%", "12.5%" or "5".

        Raises
        ------
        InvalidInput
            It is neither a number nor a percentage.
        """
        if not re.fullmatch(LEAVE_PATTERN, text):
            raise InvalidInput(f"invalid limit {text!r}", hint="use a number of members such as 5, or 0% to 100%")
        if text.endswith("%"):
            return cls(percent=float(text[:-1]))
        return cls(number=int(text), percent=None)

    def allowed(self, members: int) -> int:
        """Return how many of so many members may leave. One may always leave if the limit is in per cent above 0."""
        if self.number is not None:
            return self.number
        percent = self.percent or 0.0
        return max(1, int(members * percent / 100)) if percent else 0

    def __str__(self) -> str:
        """Return the limit as it is written: 20% or 5."""
        return f"{decimal_text(self.percent or 0)}%" if self.number is None else str(self.number)


class Document(Model, frozen=True, kw_only=True):
    """The state that a hub should have."""

    owner: str | None = None
    """The owner of the groups; `--prune` deletes groups of this owner only."""
    users: tuple[UserEntry, ...] = ()
    groups: tuple[GroupEntry, ...] = ()
    servers: tuple[ServerEntry, ...] | None = None
    roles: tuple[RoleEntry, ...] = ()
    protected_users: tuple[str, ...] = ()
    """Users who are never deleted, and who never leave a group."""
    leave_limit: LeaveLimit = LeaveLimit()
    grace_seconds: float = 0.0
    """Seconds from the first plan without a member until they leave the group."""

    def owner_of(self, group: GroupEntry) -> str | None:
        """Return the owner that a group should have; None for nobody, or for whoever owns it."""
        if group.owner is not None:
            return group.owner or None
        only_adds = group.members is not None and not group.members.exact and group.properties is None
        return None if only_adds else self.owner


def decimal_text(number: float) -> str:
    """Return a number without an exponent, and without needless zeros."""
    text = format(Decimal(repr(float(number))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
