"""Application of the changes of one group: its owner and properties, the users who join, and those who leave.

Two applications may run at the same time, and the hub replaces all properties with each write. So properties are read,
merged, written, and read again after a pause in which another application would write, too. A claim among them keeps
two documents from changing the members of a group together: the last claim that was written counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from jhub.bulk.events import NameEvent
from jhub.bulk.groups import BulkGroupOps, Difference
from jhub.errors import HubError, join_names
from jhub.interpreter import map_steps
from jhub.models import Group
from jhub.operations.groups import GroupOps, users_in
from jhub.state.changes import (
    AddMembers,
    BeginGrace,
    EndApply,
    EndGrace,
    GroupBefore,
    GroupChange,
    RemoveMembers,
    SetOwner,
    SetProperties,
    same_json,
)
from jhub.state.events import StateKind
from jhub.state.mark import CLAIM_SECONDS, Claim, Mark, own_properties, read_mark, with_mark
from jhub.state.observed import check_properties
from jhub.state.record import Record, Stale
from jhub.steps import Emit, Flow, HubVersion, Now, Sleep, Step, call, segment

C = TypeVar("C", bound=GroupChange)

MAX_REWRITES = 5
"""Maximum number of times that lost properties are written again."""
MIN_PAUSE_SECONDS = 0.1
"""Minimum pause between a write of properties and the read that checks it, in seconds."""
PAUSE_RATIO = 4.0
"""Length of that pause, as a multiple of the time between a read of properties and their write."""
RENEW_SECONDS = CLAIM_SECONDS / 3
"""Seconds after which a claim is written again, while members change."""


@dataclass(frozen=True, slots=True)
class Claimant:
    """The document whose plan is applied, and the hub's clock."""

    document: str
    """The digest of the document."""
    hub_time: datetime
    read_at: float
    """The time of `Now` at which the hub's clock was read."""

    def now(self) -> Flow[datetime]:
        """Return the time on the hub."""
        return self.hub_time + timedelta(seconds=(yield from Now()) - self.read_at)

    def claim(self) -> Flow[Claim]:
        """Return a claim of this time."""
        return Claim(self.document, (yield from self.now()))


class GroupApplication:
    """The changes of one group, in the phases of an application."""

    def __init__(
        self, name: str, before: GroupBefore, changes: list[GroupChange], claimant: Claimant, record: Record
    ) -> None:
        self.name = name
        self._claimant = claimant
        self._before = before
        self._record = record
        self._changes = changes
        self._add = self._find(AddMembers)
        self._remove = self._find(RemoveMembers)
        self._exact = self._remove is not None or (self._add is not None and self._add.exact)
        self._blocked = False
        """True if the members must not be changed any more."""
        self._claim: Claim | None = None
        """The claim that was written; None if none is needed."""
        self._claimed_at = 0.0
        """Time of `Now` at which the claim was written last."""
        self.pause = 0.0
        """Seconds between the last write of the properties and the read that checks it.

        Another application that read them before that write has written by then.
        """
        self._properties_changed = False
        """True if more than the claim was written."""

    def _find(self, kind: type[C]) -> C | None:
        return next((change for change in self._changes if isinstance(change, kind)), None)

    @property
    def _property_changes(self) -> tuple[GroupChange, ...]:
        return tuple(change for change in self._changes if not isinstance(change, AddMembers | RemoveMembers))

    @property
    def _member_changes(self) -> tuple[AddMembers | RemoveMembers, ...]:
        return tuple(change for change in self._changes if isinstance(change, AddMembers | RemoveMembers))

    def write_properties(self) -> Flow[bool]:
        """Write the properties and the claim, and return whether there was anything to write."""
        if reason := self._record.stopped or (
            self._record.is_lost("group", self.name) and "the group could not be created"
        ):
            self._blocked = True
            for change in self._property_changes:
                yield from self._record.emit("skipped", change, message=reason)
            for members in self._member_changes:
                yield from self._record.skip(members, members.users, reason)
            return False
        try:
            group = yield from self._read()
            # Before JupyterHub 4.0 groups have no properties.
            claim = (yield from self._claimant.claim()) if self._exact and not self._is_finished(group) else None
            if group.properties is not None and (yield from self._write(group.properties, claim)):
                return True
        except HubError as error:
            yield from self._fail(error)
            return False
        for change in self._property_changes:
            yield from self._record.emit("unchanged", change)
        return False

    def verify(self) -> Flow[None]:
        """Read the properties again, write those that another program has overwritten, and emit the results."""
        try:
            for _ in range(MAX_REWRITES):
                group = yield from self._read()
                if not (yield from self._write(group.properties or {}, self._expected_claim(group))):
                    break
                yield Sleep(self.pause, 1.0)
            else:
                raise self._overwritten()
        except HubError as error:
            yield from self._fail(error)
            return
        for change in self._property_changes:
            yield from self._record.emit("changed" if self._properties_changed else "unchanged", change)

    def add_members(self) -> Flow[None]:
        """Add the users who join."""
        change = self._add
        if change is None or self._blocked:
            return
        lost = {name: None for name in change.users if self._record.is_lost("user", name)}
        yield from self._record.skip(change, lost, "the user could not be created")
        yield from self._change_members(change, [name for name in change.users if name not in lost])

    def remove_members(self) -> Flow[None]:
        """Remove the users who leave, unless a user who joined may be one of them under another name."""
        change = self._remove
        if change is None or self._blocked:
            return
        try:
            group = yield from self._hold_claim()
            members = users_in(group)
        except HubError as error:
            yield from self._fail_users(change, change.users, error)
            return
        known = {*self._before.members, *(name.lower() for name in (self._add.users if self._add else ()))}
        if renamed := [name for name in members if name not in known and name.lower() not in known]:
            reason = f"may be the same user as {join_names(renamed)}; use the names that the hub uses"
            yield from self._record.skip(change, change.users, reason)
            return
        yield from self._change_members(change, change.users, group)

    def finish(self) -> Flow[None]:
        """Remove the claim, and the records of the grace of those who have left."""
        ended = self._find(EndGrace)
        if self._claim is None or self._record.stopped:
            return
        try:
            group = yield from GroupOps.get(self.name)
            mark, members = read_mark(group.properties), users_in(group)
            if mark.apply is None or mark.apply.document != self._claimant.document:
                return
            gone = set(ended.users if ended else ()) - set(members)
            leaving = {name: since for name, since in mark.leaving.items() if name not in gone}
            yield from self._put(with_mark(group.properties or {}, replace(mark, apply=None, leaving=leaving)))
        except HubError as error:
            yield from self._record.fail(EndApply(group=self.name, document=self._claimant.document), error)

    def _read(self) -> Flow[Group]:
        """Read the group, and check that the changes still apply to it."""
        group = yield from GroupOps.get(self.name)
        if self._exact or self._property_changes:
            check_properties(group, (yield from HubVersion()))
        self._check_before(group, (yield from self._claimant.now()))
        return group

    def _expected_claim(self, group: Group) -> Claim | None:
        """Return the claim that the group should have now; `Stale` if it has that of another file.

        Another application of the same file may have written its own claim, and removes it when it ends.
        """
        if self._claim is None:
            return None
        present = read_mark(group.properties).apply
        if present is None:
            return None if self._is_finished(group) else self._claim
        if present.document != self._claimant.document:
            raise Stale(f"group {self.name}: another file is being applied to it")
        return present

    def _hold_claim(self) -> Flow[Group]:
        """Return the group, once it has the claim. An application of the same file may have removed it."""
        for _ in range(MAX_REWRITES):
            group = yield from GroupOps.get(self.name)
            mark = read_mark(group.properties)
            if (expected := self._expected_claim(group)) is None or expected == mark.apply:
                return group
            yield from self._put_claim(group)
            yield Sleep(self.pause, 1.0)
        raise self._overwritten()

    def _put_claim(self, group: Group) -> Flow[None]:
        self._claim = yield from self._claimant.claim()
        mark = replace(read_mark(group.properties), apply=self._claim)
        yield from self._put(with_mark(group.properties or {}, mark))
        self._claimed_at = yield from Now()

    def _overwritten(self) -> Stale:
        return Stale(f"group {self.name}: another program overwrites the properties again and again")

    def _renew_claim(self) -> Flow[None]:
        """Write the claim again, before it has no effect any more."""
        if self._claim is None or (yield from Now()) - self._claimed_at < RENEW_SECONDS:
            return
        group = yield from GroupOps.get(self.name)
        if self._expected_claim(group) is not None:
            yield from self._put_claim(group)

    def _check_before(self, group: Group, now: datetime) -> None:
        """Raise `Stale` if the group is neither as it was when the plan was made, nor as the plan wants it."""
        mark = read_mark(group.properties)
        owner = self._find(SetOwner)
        if mark.owner not in (self._before.owner, owner.after if owner else self._before.owner):
            raise Stale(f"group {self.name}: belongs to {mark.owner or 'nobody'} now")
        if not self._exact:
            return
        if mark.apply is not None and mark.apply.blocks(self._claimant.document, now):
            raise Stale(f"group {self.name}: another file is being applied to it")
        joining = {name.lower() for name in self._add.users} if self._add else set[str]()
        leaving = set(self._remove.users) if self._remove else set[str]()
        before, members = set(self._before.members), set(users_in(group))
        others = {name for name in members - before if name.lower() not in joining} | (before - leaving - members)
        if others:
            changed = join_names(sorted(others))
            raise Stale(f"group {self.name}: its members have changed since the plan was made: {changed}")

    def _is_finished(self, group: Group) -> bool:
        """Return whether an earlier application has changed the members, and has left no record of itself."""
        mark, members, ended = read_mark(group.properties), set(users_in(group)), self._find(EndGrace)
        joined = all({name, name.lower()} & members for name in (self._add.users if self._add else ()))
        left = not members & set(self._remove.users if self._remove else ())
        recorded = mark.apply is not None or mark.leaving.keys() & set(ended.users if ended else ())
        return joined and left and not recorded

    def _write(self, properties: Mapping[str, Any], claim: Claim | None) -> Flow[bool]:
        """Write what is missing in the properties, and return whether anything was. `Stale` for other values."""
        began = yield from Now()
        present_mark, values = read_mark(properties), own_properties(properties)
        mark = self._wanted_mark(present_mark)
        self._claim = claim
        change = self._find(SetProperties)
        for key, after in change.after.items() if change else ():
            before = change.before if change else {}
            present = key in values
            if present and same_json(values[key], after):
                continue
            if present != (key in before) or (present and not same_json(values[key], before[key])):
                raise Stale(f"group {self.name}: the property {key} has changed since the plan was made")
            values[key] = after
        if claim is not None:
            # A claim alone is no change of the plan.
            unclaimed = replace(present_mark, apply=mark.apply)
            self._properties_changed |= not same_json(with_mark(values, mark), with_mark(properties, unclaimed))
            mark = replace(mark, apply=claim)
        wanted = with_mark(values, mark)
        if same_json(wanted, dict(properties)):
            return False
        self._properties_changed |= claim is None
        yield from self._put(wanted)
        self._claimed_at = yield from Now()
        self.pause = MIN_PAUSE_SECONDS + PAUSE_RATIO * ((yield from Now()) - began)
        return True

    def _wanted_mark(self, present: Mark) -> Mark:
        """Return the mark with the changes of the plan, except for the claim."""
        owner, begin, end = self._find(SetOwner), self._find(BeginGrace), self._find(EndGrace)
        leaving = dict(present.leaving)
        for name in begin.users if begin else ():
            leaving.setdefault(name, begin.since if begin else datetime.max)
        # The record of a user who leaves is kept until they have left: an interruption must not begin a new grace.
        for name in set(end.users if end else ()) - set(self._remove.users if self._remove else ()):
            leaving.pop(name, None)
        finished = self._find(EndApply)
        claim = present.apply
        if finished is not None and claim is not None and claim.document == finished.document:
            claim = None
        return Mark(owner.after if owner else present.owner, leaving, claim)

    def _put(self, properties: dict[str, Any]) -> Flow[Group]:
        path = f"/groups/{segment(self.name, 'group')}/properties"
        return (yield from call("PUT", path, Group, body=properties, about=f"group {self.name}"))

    def _change_members(
        self, change: AddMembers | RemoveMembers, names: tuple[str, ...] | list[str], group: Group | None = None
    ) -> Flow[None]:
        """Add or remove users, and emit an event for each."""
        if not names:
            return
        if self._record.stopped:
            yield from self._record.skip(change, names, self._record.stopped)
            return
        adds = isinstance(change, AddMembers)
        yield from self._record.emit("changing", change)
        left = dict.fromkeys(names)

        def translate(step: Step) -> Flow[Any]:
            if not isinstance(step, Emit):
                return (yield step)
            yield from self._renew_claim()
            event: NameEvent = step.event  # type: ignore[assignment]
            left.pop(event.name, None)
            if event.error is not None:
                yield from self._record.fail(change, event.error, event.name)
            else:
                kind: StateKind = "skipped" if event.kind == "skipped" else "changed"
                yield from self._record.emit(kind, change, event.name, event.message)
            return None

        try:
            yield from self._renew_claim()
            group = group or (yield from GroupOps.get(self.name))
            members = set(users_in(group))
            for name in names:
                if ({name, name.lower()} & members != set()) == adds:
                    del left[name]
                    yield from self._record.emit("unchanged", change, name)
            pending = tuple(left)
            difference = Difference(group, pending if adds else (), () if adds else pending)
            yield from map_steps(BulkGroupOps.change_users(difference), translate)
        except HubError as error:
            yield from self._fail_users(change, left, error)

    def _fail(self, error: HubError) -> Flow[None]:
        """Emit an error for all changes of the group."""
        self._blocked = True
        for change in self._property_changes:
            yield from self._record.fail(change, error)
        for members in self._member_changes:
            yield from self._fail_users(members, members.users, error)

    def _fail_users(self, change: GroupChange, names: Iterable[str], error: HubError) -> Flow[None]:
        for name in tuple(names):
            yield from self._record.fail(change, error, name)
