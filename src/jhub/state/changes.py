"""Plan of the changes that bring a hub to the state of a document, as plain values that are saved as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, TypeAlias, TypeVar, get_args

from msgspec import field, json

from jhub.models import Model

PLAN_VERSION = 1
"""Version of the format of a saved plan."""


class _Change(Model, frozen=True, kw_only=True, tag_field="change"):
    """A change of one object. Its `before` is checked again when it is applied."""

    why: str = ""
    """The reason, if the change does not explain itself."""


class CreateUser(_Change, frozen=True, kw_only=True, tag="create user"):
    """Creation of a user."""

    user: str
    admin: bool = False


class SetAdmin(_Change, frozen=True, kw_only=True, tag="set admin"):
    """Change of whether a user is an administrator."""

    user: str
    before: bool | None = None
    after: bool


class CreateGroup(_Change, frozen=True, kw_only=True, tag="create group"):
    """Creation of a group."""

    group: str


class SetOwner(_Change, frozen=True, kw_only=True, tag="set owner"):
    """Change of a group's owner."""

    group: str
    before: str | None = None
    after: str


class SetProperties(_Change, frozen=True, kw_only=True, tag="set properties"):
    """Change of some properties of a group. A property that `before` lacks does not exist yet."""

    group: str
    before: dict[str, Any]
    after: dict[str, Any]


class AddMembers(_Change, frozen=True, kw_only=True, tag="add members"):
    """Addition of users to a group."""

    group: str
    users: tuple[str, ...]
    exact: bool = True
    """True if the document has all members of the group, False if it only adds some."""


class BeginGrace(_Change, frozen=True, kw_only=True, tag="begin grace"):
    """Record that members are missing from the document. They leave the group after the document's grace."""

    group: str
    users: tuple[str, ...]
    since: datetime


class EndGrace(_Change, frozen=True, kw_only=True, tag="end grace"):
    """Removal of the record that members are missing, because the document has them again, or they have left."""

    group: str
    users: tuple[str, ...]


class EndApply(_Change, frozen=True, kw_only=True, tag="end apply"):
    """Removal of the claim of an application that was interrupted."""

    group: str
    document: str


class RemoveMembers(_Change, frozen=True, kw_only=True, tag="remove members"):
    """Removal of users from a group."""

    group: str
    users: tuple[str, ...]


class CreateServer(_Change, frozen=True, kw_only=True, tag="create server"):
    """Creation of a named server, without a start."""

    user: str
    name: str
    options: dict[str, Any] | None = None
    display_name: str | None = None


class EditServer(_Change, frozen=True, kw_only=True, tag="edit server"):
    """Change of the options or the display name of a stopped server; None leaves a value unchanged.

    JupyterHub 6 shows the new options only after the server's next start, which uses them, or its own restart.
    """

    user: str
    name: str
    options: dict[str, Any] | None = None
    options_before: dict[str, Any] | None = None
    display_name: str | None = None
    display_name_before: str | None = None


class DeleteServer(_Change, frozen=True, kw_only=True, tag="delete server"):
    """Deletion of a stopped named server."""

    user: str
    name: str


class DeleteGroup(_Change, frozen=True, kw_only=True, tag="delete group"):
    """Deletion of a group; its members stay users of the hub."""

    group: str
    owner: str
    members: tuple[str, ...] = ()
    """The members when the plan was made. With others, the deletion is stale."""


class DeleteUser(_Change, frozen=True, kw_only=True, tag="delete user"):
    """Deletion of a user. The spawner may delete the user's storage."""

    user: str


Change: TypeAlias = (
    CreateUser
    | SetAdmin
    | CreateGroup
    | SetOwner
    | SetProperties
    | AddMembers
    | BeginGrace
    | EndGrace
    | EndApply
    | RemoveMembers
    | CreateServer
    | EditServer
    | DeleteServer
    | DeleteGroup
    | DeleteUser
)
"""A change of one user, group or server."""

GroupChange: TypeAlias = SetOwner | SetProperties | BeginGrace | EndGrace | EndApply | AddMembers | RemoveMembers
"""A change of an existing group."""

C = TypeVar("C", bound=Change)

PHASES: tuple[type[Change], ...] = (
    CreateUser,
    SetAdmin,
    CreateGroup,
    SetOwner,
    SetProperties,
    BeginGrace,
    EndGrace,
    EndApply,
    AddMembers,
    CreateServer,
    EditServer,
    RemoveMembers,
    DeleteServer,
    DeleteGroup,
    DeleteUser,
)
"""Kinds of changes in the order in which they are applied."""

PruneKind: TypeAlias = Literal["groups", "servers", "users"]
"""Kind of objects that are deleted when the document does not have them."""
PRUNE_KINDS: tuple[PruneKind, ...] = get_args(PruneKind)
"""All of them."""
NoticeKind: TypeAlias = Literal["unmanaged", "waiting", "unknown", "warning"]
"""Kind of a notice."""


class Notice(Model, frozen=True, kw_only=True):
    """A remark of a plan about an object that it does not change.

    "unmanaged": it differs from the document, and jhub never changes it. "waiting": a later plan changes it, such as a
    membership in its grace. "unknown": a part of the document that cannot be applied: a user who does not exist, or
    rows of a roster without a name. "warning": something that is likely a mistake.
    """

    kind: NoticeKind
    subject: str
    """The object: `group geo`."""
    message: str


class Refusal(Model, frozen=True, kw_only=True):
    """A reason because of which nothing of a plan is applied."""

    subject: str
    message: str
    hint: str = ""


class GroupBefore(Model, frozen=True, kw_only=True):
    """A group when the plan was made. Its changes are stale if somebody else has changed it since."""

    owner: str | None = None
    members: tuple[str, ...] = ()


class Plan(Model, frozen=True, kw_only=True):
    """The difference between a document and a hub. `hub.state.plan` returns it."""

    version: int = PLAN_VERSION
    hub: str = ""
    """The hub's URL. A plan is applied to this hub only. Empty for a comparison with an exported file."""
    owner: str | None = None
    changes: tuple[Change, ...] = ()
    """The changes, in the order in which they are applied."""
    notices: tuple[Notice, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    """Reasons because of which nothing is applied."""
    missing_scopes: tuple[str, ...] = ()
    """Scopes that the token which made the plan lacks for some of the changes. `apply` looks at its own token."""
    document: str = ""
    """The digest of the document."""
    groups: dict[str, GroupBefore] = field(default_factory=dict[str, GroupBefore])
    """The groups that change, as they were."""

    @property
    def empty(self) -> bool:
        """True if there is nothing to change."""
        return not self.changes

    @property
    def in_sync(self) -> bool:
        """True if the hub is as the document wants it: nothing is to change, and no part of it cannot be applied."""
        return not self.changes and not self.refusals and all(notice.kind != "unknown" for notice in self.notices)

    def of(self, *kinds: type[C]) -> tuple[C, ...]:
        """Return the changes of some kinds."""
        return tuple(change for change in self.changes if isinstance(change, kinds))


def same_json(first: object, second: object) -> bool:
    """Return whether two values are the same JSON. In Python, 1, 1.0 and True are equal."""
    return json.encode(first, order="sorted") == json.encode(second, order="sorted")
