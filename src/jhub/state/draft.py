"""Draft of a plan: the changes, notices and refusals that a comparison has found so far."""

from __future__ import annotations

from hashlib import sha256

from msgspec import json

from jhub.state.changes import PHASES, Change, CreateUser, GroupBefore, Notice, NoticeKind, Plan, PruneKind, Refusal
from jhub.state.document import Document
from jhub.state.observed import PROPERTIES_VERSION, Observed
from jhub.state.plan_scopes import missing_scopes


class Draft:
    """A draft of the plan for a document and an observed state."""

    def __init__(self, document: Document, observed: Observed, prune: frozenset[PruneKind], *, adopt: bool) -> None:
        self.document = document
        self.digest = sha256(json.encode(document)).hexdigest()[:12]
        self.observed = observed
        self.prune = prune
        """Kinds of objects to delete that the document does not have."""
        self.adopt = adopt
        """True if groups of other owners are taken over."""
        self.changes: list[Change] = []
        self.new_users: dict[str, CreateUser] = {}
        """The users to create, by their names in lower case."""
        self.groups: dict[str, GroupBefore] = {}
        self._notices: list[Notice] = []
        self._refusals: list[Refusal] = []

    @property
    def has_properties(self) -> bool:
        """True if the hub has properties of groups."""
        return self.observed.version >= PROPERTIES_VERSION

    def note(self, kind: NoticeKind, subject: str, message: str) -> None:
        """Add a notice."""
        self._notices.append(Notice(kind=kind, subject=subject, message=message))

    def refuse(self, subject: str, message: str, hint: str = "") -> None:
        """Add a reason because of which nothing of the plan is applied."""
        self._refusals.append(Refusal(subject=subject, message=message, hint=hint))

    def create_user(self, name: str, *, admin: bool = False, why: str = "") -> None:
        """Add the creation of a user, once."""
        self.new_users.setdefault(name.lower(), CreateUser(user=name, admin=admin, why=why))

    def exists(self, name: str) -> bool | None:
        """Return whether a user exists, or will; None if the token cannot see it."""
        if self.observed.spelling(name) is not None or name.lower() in self.new_users:
            return True
        return False if self.observed.all_users or name.lower() in self.observed.missing else None

    def is_caller(self, name: str) -> bool:
        """Return whether a user owns the token in use."""
        caller = self.observed.caller
        return caller is not None and (caller.kind, caller.name) == ("user", name)

    def plan(self) -> Plan:
        """Return the plan, with the changes in the order in which they are applied."""
        order = {kind: number for number, kind in enumerate(PHASES)}
        caller = self.observed.caller
        changes = tuple(sorted([*self.new_users.values(), *self.changes], key=lambda change: order[type(change)]))
        return Plan(
            hub=self.observed.hub,
            owner=self.document.owner,
            changes=changes,
            notices=tuple(self._notices),
            refusals=tuple(self._refusals),
            missing_scopes=missing_scopes(changes, caller) if caller else (),
            document=self.digest,
            groups=self.groups,
        )
