"""Properties of plans that hold for all documents and hubs."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from jhub.errors import HubError
from jhub.state import Document, GroupEntry, MembersEntry, Plan
from jhub.state.apply import apply
from jhub.state.changes import DeleteGroup, DeleteServer, DeleteUser, RemoveMembers
from jhub.state.comparison import compare
from jhub.state.export import export
from jhub.state.observed import from_document
from jhub.state.operations import StateOps
from jhub.steps import Listen, Request
from jhub.testing import FakeHub, play
from jhub.testing.fake_call import FakeReply
from unit.state.simulation import run_together
from unit.state.worlds import ANYBODY, NAMES, documents, hubs, properties


def plan_of(fake: FakeHub, document: Document, **options: Any) -> Plan:
    return play(StateOps.plan(document, **options), fake).result


def state_of(fake: FakeHub) -> Document:
    return play(export(), fake).result


@given(hubs(), documents())
def test_apply_then_plan_is_empty(fake: FakeHub, document: Document) -> None:
    plan = plan_of(fake, document)
    assert not plan.refusals
    summary = play(apply(plan), fake).result
    assert [event for event in summary.failed if event.change is not None] == []
    again = plan_of(fake, document)
    assert again.changes == ()
    calls = len(fake.calls)
    play(apply(again), fake)
    assert [call for call in fake.calls[calls:] if not call.startswith("GET ")] == []


class Killed(BaseException):
    """The process is gone."""


@given(hubs(), documents(), st.integers(0, 60), st.booleans())
def test_an_apply_that_is_killed_and_repeated_equals_one(
    fake: FakeHub, document: Document, requests: int, carried_out: bool
) -> None:
    other = copy_of(fake)
    play(apply(plan_of(other, document)), other)
    plan, left = plan_of(fake, document), [requests]

    def until_killed(step: Request[Any] | Listen[Any]) -> FakeReply | HubError:
        left[0] -= 1
        if left[0] < 0:
            if carried_out:
                fake(step)
            raise Killed
        return fake(step)

    try:
        play(apply(plan), until_killed)
    except Killed:
        play(apply(plan_of(fake, document)), fake)
    assert state_of(fake) == state_of(other)
    assert plan_of(fake, document).changes == ()


def copy_of(fake: FakeHub) -> FakeHub:
    document = state_of(fake)
    groups = {entry.name: entry.members.names if entry.members else () for entry in document.groups}
    marks: dict[str, dict[str, Any]] = {}
    for entry in document.groups:
        owner = entry.owner or document.owner
        marks[entry.name] = {**(entry.properties or {}), **({"jhub": {"owner": owner}} if owner else {})}
    observed = from_document(document)
    servers = [f"{user}/{name}" for user, each in observed.users.items() for name in each.servers or ()]
    copy = FakeHub([entry.name for entry in document.users], groups=groups, properties=marks, servers=servers)
    assert [entry.name for entry in state_of(copy).groups] == [entry.name for entry in document.groups]
    return copy


@given(hubs(), documents(), st.sets(st.sampled_from(["groups", "servers", "users"])))
def test_no_plan_has_a_deletion_that_was_not_asked_for(fake: FakeHub, document: Document, prune: set[Any]) -> None:
    before = state_of(fake)
    plan = plan_of(fake, document, prune=prune)
    assert "groups" in prune or not plan.of(DeleteGroup)
    assert "servers" in prune or not plan.of(DeleteServer)
    assert "users" in prune or not plan.of(DeleteUser)
    exact = {entry.name for entry in document.groups if entry.members and entry.members.exact}
    assert {change.group for change in plan.of(RemoveMembers)} <= exact
    admins = {entry.name for entry in before.users if entry.admin}
    in_file = {entry.name.lower() for entry in document.users}
    assert not {change.user for change in plan.of(DeleteUser)} & (admins | in_file)
    if plan.refusals:
        assert prune
        assert not document.users or not document.groups
        return
    play(apply(plan), fake)
    after = state_of(fake)
    assert {entry.name for entry in before.users} - {change.user for change in plan.of(DeleteUser)} <= {
        entry.name for entry in after.users
    }


@given(hubs(owners=(None, "me", "other")))
def test_the_plan_of_an_export_is_empty(fake: FakeHub) -> None:
    document = state_of(fake)
    assert plan_of(fake, document).changes == ()
    assert compare(document, document).changes == ()


@given(hubs(owners=(None, "me", "other")))
def test_export_apply_on_an_empty_hub_and_export_is_the_same_file(fake: FakeHub) -> None:
    document = state_of(fake)
    empty = FakeHub()
    plan = plan_of(empty, document)
    assert not plan.refusals
    assert play(apply(plan), empty).result.ok
    assert state_of(empty) == document


members = st.sets(st.sampled_from(NAMES)).map(lambda names: tuple(sorted(names)))


@given(members, members, members, properties, properties, st.randoms(use_true_random=False))
def test_two_applies_at_once_end_as_one_of_the_documents_and_lose_no_property(
    present: tuple[str, ...],
    first: tuple[str, ...],
    second: tuple[str, ...],
    first_properties: dict[str, Any],
    second_properties: dict[str, Any],
    random: Any,
) -> None:
    fake = FakeHub(NAMES, groups={"geo": present}, properties={"geo": {"old": 1}})
    other = {f"{key}2": value for key, value in second_properties.items()}

    def document(names: tuple[str, ...], values: dict[str, Any]) -> Document:
        entry = GroupEntry(name="geo", members=MembersEntry(names=names), properties=values)
        return Document(owner="me", groups=(entry,), leave_limit=ANYBODY)

    plans = [plan_of(fake, document(first, first_properties)), plan_of(fake, document(second, other))]
    summaries = run_together(fake, [apply(plan) for plan in plans], lambda: random.uniform(0.0005, 0.02))
    group = play(StateOps.export(["geo"]), fake).result.groups[0]
    assert group.members is not None
    result = set(group.members.names)
    assert result in (set(first), set(second))
    events = [event for summary in summaries for event in summary.failed]
    assert {event.kind for event in events} <= {"stale"}
    stale = {number for number, summary in enumerate(summaries) if summary.failed}
    expected: dict[str, Any] = {"old": 1}
    for number, values in enumerate((first_properties, other)):
        if number not in stale:
            expected |= values
    assert (group.properties or {}).items() >= expected.items()


@given(members, members, properties, st.randoms(use_true_random=False))
def test_two_applies_of_the_same_file_at_once_both_succeed(
    present: tuple[str, ...], wanted: tuple[str, ...], values: dict[str, Any], random: Any
) -> None:
    fake = FakeHub(NAMES, groups={"geo": present}, properties={"geo": {"old": 1}})
    entry = GroupEntry(name="geo", members=MembersEntry(names=wanted), properties=values)
    document = Document(owner="me", groups=(entry,), leave_limit=ANYBODY)
    plan = plan_of(fake, document)
    summaries = run_together(fake, [apply(plan), apply(plan)], lambda: random.uniform(0.0005, 0.02))
    assert [event for summary in summaries for event in summary.failed] == []
    assert plan_of(fake, document).in_sync
    group = play(StateOps.export(["geo"]), fake).result.groups[0]
    assert group.properties == {"old": 1, **values}
