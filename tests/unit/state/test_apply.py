"""Applications of a plan on a hub that has changed since the plan was made."""

from __future__ import annotations

from datetime import UTC, datetime

from jhub.operations.groups import GroupOps
from jhub.state import DeleteGroup, Document, GroupEntry, MembersEntry, StateSummary
from jhub.state.apply import apply
from jhub.state.export import export
from jhub.state.operations import StateOps
from jhub.testing import FakeHub, play

OWNED = {"jhub": {"owner": "me"}}


def test_a_group_with_new_members_is_not_deleted() -> None:
    fake = FakeHub(["ana", "bo"], groups={"geo": ["ana"], "bio": []}, properties={"geo": OWNED, "bio": OWNED})
    document = Document(owner="me", groups=(GroupEntry(name="bio"),))
    plan = play(StateOps.plan(document, prune=["groups"]), fake).result
    assert [change.group for change in plan.of(DeleteGroup)] == ["geo"]
    play(GroupOps.add_users("geo", ["bo"]), fake)
    summary: StateSummary = play(apply(plan), fake).result
    assert [(event.kind, event.message) for event in summary.failed] == [
        ("stale", "group geo: has other members now: bo"),
    ]
    assert play(GroupOps.get("geo"), fake).result.users == ("ana", "bo")


def test_an_export_leaves_a_grace_as_it_is() -> None:
    since = datetime(2026, 1, 1, tzinfo=UTC).isoformat()
    mark = {"jhub": {"owner": "me", "leaving": {"bo": since}}}
    fake = FakeHub(groups={"geo": ["ana", "bo"]}, properties={"geo": mark})
    document = play(export(["geo"]), fake).result
    assert play(StateOps.plan(document), fake).result.changes == ()


def test_names_that_are_no_users_are_failures_and_not_in_sync() -> None:
    fake = FakeHub(["ana"], groups={"geo": ["ana"]}, properties={"geo": OWNED})
    members = MembersEntry(names=("ana", "zoe"))
    plan = play(StateOps.plan(Document(owner="me", groups=(GroupEntry(name="geo", members=members),))), fake).result
    assert (plan.empty, plan.in_sync) == (True, False)
    summary: StateSummary = play(apply(plan), fake).result
    assert [event.change for event in summary.failed] == [None]
