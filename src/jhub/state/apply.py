"""Application of a plan: ordered phases, in each of which one failure does not stop the others.

Requests are sent one after the other, and those for many users in chunks, so that the hub can answer other people. An
application that was interrupted is finished by the next one, which makes the changes that are left.
"""

from __future__ import annotations

from functools import partial
from typing import Any, get_args

from jhub.bulk.events import NameEvent
from jhub.bulk.users import BulkUserOps
from jhub.errors import Conflict, HubError, InvalidInput, MissingScope, UnknownUser
from jhub.interpreter import map_steps
from jhub.models import Identity
from jhub.operations.hub import read_caller
from jhub.state.changes import (
    CreateGroup,
    CreateServer,
    CreateUser,
    DeleteGroup,
    DeleteServer,
    DeleteUser,
    EditServer,
    GroupBefore,
    GroupChange,
    Plan,
    SetAdmin,
)
from jhub.state.events import StateKind, StateSummary
from jhub.state.group_application import Claimant, GroupApplication
from jhub.state.observed import url_and_time
from jhub.state.outage import wait_for_hub
from jhub.state.plan_scopes import missing_scopes
from jhub.state.record import Record
from jhub.state.single_changes import SingleChange, make
from jhub.steps import Emit, Flow, Now, Sleep, Step

GROUP_CHANGES: tuple[type[GroupChange], ...] = get_args(GroupChange)


def apply(plan: Plan) -> Flow[StateSummary]:
    """Apply a plan, and emit a `StateEvent` for each change.

    Raises
    ------
    Conflict, MissingScope
        The plan has refusals, or the token in use lacks scopes.
    InvalidInput
        The plan is for another hub.
    """
    if plan.refusals:
        first, *others = plan.refusals
        more = f"; and {len(others)} more" if others else ""
        raise Conflict(f"{first.subject}: {first.message}{more}", status=409, hint=first.hint)
    return wait_for_hub(_apply(plan))


def _apply(plan: Plan) -> Flow[StateSummary]:
    began = yield from Now()
    url, now = yield from url_and_time()
    if plan.hub and url and plan.hub != url:
        raise InvalidInput(f"the plan is for {plan.hub}, and this hub is {url}", hint="make a plan for this hub")
    # A saved plan may have been made with another token.
    caller = yield from read_caller(Identity)
    if missing := missing_scopes(plan.changes, caller):
        raise MissingScope(f"the token lacks scopes for this plan: {', '.join(missing)}", missing)
    record = Record()
    for notice in plan.notices:
        if notice.kind == "unknown":
            message = f"{notice.subject}: {notice.message}"
            yield from record.emit("failed", None, message=message, error=UnknownUser(message, status=404))
    yield from _create_users(plan, record)
    yield from _make_each(plan, caller, record, SetAdmin, CreateGroup)
    groups = _group_applications(plan, Claimant(plan.document, now, began), record)
    written: list[GroupApplication] = []
    for group in groups:
        if (yield from group.write_properties()):
            written.append(group)  # noqa: PERF401 - a comprehension cannot yield
    if written:
        yield Sleep(max(group.pause for group in written))
    for group in written:
        yield from group.verify()
    for group in groups:
        yield from group.add_members()
    yield from _make_each(plan, caller, record, CreateServer, EditServer)
    for group in groups:
        yield from group.remove_members()
    for group in groups:
        yield from group.finish()
    yield from _make_each(plan, caller, record, DeleteServer, DeleteGroup, DeleteUser)
    return StateSummary(*record.tally.parts(), (yield from Now()) - began)


def _group_applications(plan: Plan, claimant: Claimant, record: Record) -> list[GroupApplication]:
    changes: dict[str, list[GroupChange]] = {}
    for change in plan.of(*GROUP_CHANGES):
        changes.setdefault(change.group, []).append(change)
    return [
        GroupApplication(name, plan.groups.get(name, GroupBefore()), each, claimant, record)
        for name, each in changes.items()
    ]


def _make_each(plan: Plan, caller: Identity, record: Record, *kinds: type[SingleChange]) -> Flow[None]:
    for change in plan.of(*kinds):
        if isinstance(change, CreateServer) and record.is_lost("user", change.user):
            yield from record.emit("skipped", change, message="the user could not be created")
            continue
        made = yield from record.carry_out(change, partial(make, change, caller))
        if isinstance(change, CreateGroup) and not made:
            record.lose("group", change.group)


def _create_users(plan: Plan, record: Record) -> Flow[None]:
    for admin in (False, True):
        changes = {change.user: change for change in plan.of(CreateUser) if change.admin == admin}
        if changes:
            yield from _create_many(changes, admin, record)


def _create_many(changes: dict[str, CreateUser], admin: bool, record: Record) -> Flow[None]:
    left = dict(changes)

    def translate(step: Step) -> Flow[Any]:
        if not isinstance(step, Emit):
            return (yield step)
        event: NameEvent = step.event  # type: ignore[assignment]  # that is what `create_many` emits
        change = left.pop(event.name)
        if event.error is not None:
            record.lose("user", change.user)
            yield from record.fail(change, event.error)
        else:
            kind: StateKind = "changed" if event.kind == "created" else "unchanged"
            yield from record.emit(kind, change, message=event.message)
        return None

    try:
        yield from map_steps(BulkUserOps.create_many(list(changes), admin=admin), translate)
    except HubError as error:
        for change in left.values():
            record.lose("user", change.user)
            yield from record.fail(change, error)
