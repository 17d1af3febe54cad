"""Applications of a plan on a hub that has changed since the plan was made."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from jhub.errors import HubError, NotAHub, Unavailable
from jhub.fleet.outage import MAX_OUTAGE_SECONDS
from jhub.messages import from_answer
from jhub.operations.groups import GroupOps
from jhub.state import AddMembers, DeleteGroup, Document, GroupEntry, MembersEntry, Plan, StateEvent, StateSummary
from jhub.state.apply import apply
from jhub.state.export import export
from jhub.state.operations import StateOps
from jhub.steps import Listen, Request
from jhub.testing import FakeHub, play
from jhub.testing.fake_call import FakeReply

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


class ProxyInFront:
    """A proxy that answers some requests itself, as one without routes does, or one that forbids a path."""

    def __init__(self, fake: FakeHub, answers_itself: Callable[[Request[Any] | Listen[Any]], bool]) -> None:
        self._fake = fake
        self._answers_itself = answers_itself

    def __call__(self, step: Request[Any] | Listen[Any]) -> FakeReply | HubError:
        if not self._answers_itself(step):
            return self._fake(step)
        return from_answer("GET", step.path, 404, {"content-type": "text/plain"}, b"404 page not found")


def two_groups(fake: FakeHub) -> Plan:
    groups = tuple(GroupEntry(name=name, members=MembersEntry(names=("ana", "bo"))) for name in ("bio", "geo"))
    plan: Plan = play(StateOps.plan(Document(owner="me", groups=groups)), fake).result
    return plan


def groups_that_add(events: Iterable[StateEvent]) -> set[str]:
    return {event.change.group for event in events if isinstance(event.change, AddMembers)}


@pytest.mark.parametrize("first", range(1, 12))
def test_a_proxy_that_has_no_routes_yet_is_an_outage(first: int) -> None:
    fake = FakeHub(["ana", "bo"])
    plan, count = two_groups(fake), itertools.count()
    summary: StateSummary = play(apply(plan), ProxyInFront(fake, lambda step: first <= next(count) < first + 5)).result
    assert summary.ok, summary.failed
    assert two_groups(fake).in_sync


def test_a_request_that_a_proxy_refuses_fails_alone() -> None:
    fake = FakeHub(["ana", "bo"], groups={"bio": [], "geo": []})
    plan = two_groups(fake)
    played = play(apply(plan), ProxyInFront(fake, lambda step: step.path == "/groups/bio/properties"))
    summary: StateSummary = played.result
    assert groups_that_add(summary.failed) == {"bio"}
    assert play(GroupOps.get("geo"), fake).result.users == ("ana", "bo")
    assert summary.seconds < 30


def test_an_address_that_never_was_a_hub_is_not_waited_for() -> None:
    fake = FakeHub(["ana", "bo"])
    plan = two_groups(fake)
    played = play(apply(plan), ProxyInFront(fake, lambda step: True))
    assert isinstance(played.error, NotAHub)
    assert played.seconds == 0


def test_after_an_outage_that_does_not_end_nothing_more_is_attempted() -> None:
    fake = FakeHub(["ana", "bo"])
    plan, count = two_groups(fake), itertools.count()
    summary: StateSummary = play(apply(plan), ProxyInFront(fake, lambda step: next(count) > 2)).result
    assert MAX_OUTAGE_SECONDS < summary.seconds < MAX_OUTAGE_SECONDS + 60
    assert {type(event.error) for event in summary.failed} == {Unavailable}
    assert groups_that_add(summary.failed) == {"bio"}
    assert groups_that_add(summary.skipped) == {"geo"}
