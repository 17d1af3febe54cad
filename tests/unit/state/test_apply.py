"""Applications of a plan on a hub that has changed since the plan was made."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jhub import Hub
from jhub.errors import HubError, InvalidInput, MissingScope, NotAHub, Unavailable
from jhub.fleet.outage import MAX_OUTAGE_SECONDS
from jhub.messages import from_answer
from jhub.operations.groups import GroupOps
from jhub.state import (
    AddMembers,
    DeleteGroup,
    DeleteUser,
    Document,
    GroupEntry,
    LeaveLimit,
    MembersEntry,
    Plan,
    ServerEntry,
    StateEvent,
    StateSummary,
    UserEntry,
)
from jhub.state.apply import apply
from jhub.state.export import export
from jhub.state.mark import CLAIM_SECONDS
from jhub.state.operations import StateOps
from jhub.steps import Answer, Listen, Request
from jhub.testing import FakeHub, play
from jhub.testing.fake_call import FakeReply
from jhub.testing.fake_hub import FIRST_MOMENT
from unit.state.simulation import run_together

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
    summary: StateSummary = play(apply(plan), ProxyInFront(fake, lambda step: next(count) > 3)).result
    assert MAX_OUTAGE_SECONDS < summary.seconds < MAX_OUTAGE_SECONDS + 60
    assert {type(event.error) for event in summary.failed} == {Unavailable}
    assert groups_that_add(summary.failed) == {"bio"}
    assert groups_that_add(summary.skipped) == {"geo"}


def answer_for(fake: FakeHub, change: Callable[[Request[Any], FakeReply | HubError], FakeReply | HubError]) -> Any:
    """Return a hub that changes the answers of another one."""

    def replies(step: Request[Any] | Listen[Any]) -> FakeReply | HubError:
        reply = fake(step)
        return change(step, reply) if isinstance(step, Request) else reply

    return replies


def identity(*scopes: str) -> Answer:
    return Answer(200, {}, json.dumps({"kind": "user", "name": "admin", "scopes": scopes}).encode())


def test_a_plan_is_checked_with_the_scopes_of_the_token_that_applies_it() -> None:
    fake = FakeHub(["ana", "bo"])
    readers = identity("list:users", "read:users", "list:groups", "read:groups")
    reader = answer_for(fake, lambda step, reply: readers if step.path == "/user" else reply)
    groups = (GroupEntry(name="geo", members=MembersEntry(names=("ana",))),)
    plan: Plan = play(StateOps.plan(Document(owner="me", groups=groups)), reader).result
    assert plan.missing_scopes == ("admin:groups", "groups")
    calls = len(fake.calls)
    assert isinstance(play(apply(plan), reader).error, MissingScope)
    assert fake.calls[calls:] == ["GET /", "GET /user"]
    assert play(apply(plan), fake).result.ok


def test_hidden_properties_are_not_taken_for_a_hub_without_properties() -> None:
    fake = FakeHub(["ana"], groups={"geo": ["ana"]})

    def hide(step: Request[Any], reply: FakeReply | HubError) -> FakeReply | HubError:
        if step.path != "/groups/geo" or not isinstance(reply, Answer):
            return reply
        fields = {key: value for key, value in json.loads(reply.content).items() if key != "properties"}
        return replace(reply, content=json.dumps(fields).encode())

    document = Document(groups=(GroupEntry(name="geo", properties={"room": 1}),))
    plan: Plan = play(StateOps.plan(document), fake).result
    (failed,) = play(apply(plan), answer_for(fake, hide)).result.failed
    assert isinstance(failed.error, MissingScope)


def test_a_plan_is_for_one_hub_and_not_for_its_neighbour_on_the_same_host() -> None:
    first, second = FakeHub(["ana"], base_url="/a/"), FakeHub(["ana"], base_url="/b/")
    with Hub(first.api_url, first.token, transport=first.transport) as hub:
        plan = hub.state.plan(Document(groups=(GroupEntry(name="geo"),)))
        assert plan.hub == hub.url
    with (
        Hub(second.api_url, second.token, transport=second.transport) as hub,
        pytest.raises(InvalidInput, match="the plan is for"),
    ):
        hub.run(apply(plan))
    with Hub(first.api_url, first.token, transport=first.transport) as hub:
        assert hub.run(apply(plan)).ok


def test_servers_of_a_user_who_could_not_be_created_are_skipped() -> None:
    fake = FakeHub()
    document = Document(users=(UserEntry(name="ana"),), servers=(ServerEntry(user="ana", name="lab"),))
    plan: Plan = play(StateOps.plan(document), fake).result
    fake.fail("POST /users", 400, "Invalid username: ana", times=9)
    summary: StateSummary = play(apply(plan), fake).result
    assert [(event.kind, event.message) for event in summary.skipped] == [("skipped", "the user could not be created")]
    assert [event.kind for event in summary.failed] == ["failed"]


class ClaimingHub(FakeHub):
    """A hub that notes when claims are written, and what they say."""

    claims: list[tuple[datetime, datetime]]

    def __call__(self, step: Request[Any] | Listen[Any]) -> FakeReply | HubError:
        body: Any = step.body if isinstance(step, Request) else None
        if step.path.endswith("/properties") and "apply" in body.get("jhub", {}):
            self.claims.append((self.time, datetime.fromisoformat(body["jhub"]["apply"]["since"])))
        return super().__call__(step)


def test_a_claim_is_written_at_the_time_of_the_hub_and_again_while_members_change() -> None:
    """The creation of 50,000 users takes longer than a claim lasts."""
    names = tuple(f"u{number:03}" for number in range(400))
    hub = ClaimingHub()
    hub.claims = []
    members = MembersEntry(names=names)
    document = Document(groups=(GroupEntry(name="geo", members=members, create_users=True),))
    plan: Plan = play(StateOps.plan(document), hub).result
    (summary,) = run_together(hub, [apply(plan)], lambda: 12.0)
    assert summary.ok, summary.failed
    first, *others = hub.claims
    assert first[0] - FIRST_MOMENT > timedelta(seconds=CLAIM_SECONDS)
    assert len(others) > 1
    for written, since in hub.claims:
        assert written - since < timedelta(seconds=60)
    for (before, _), (after, _) in itertools.pairwise([*hub.claims, (hub.time, hub.time)]):
        assert after - before < timedelta(seconds=CLAIM_SECONDS)


def test_the_same_file_is_applied_twice_at_once() -> None:
    """The other application has finished before the members who leave are removed here."""
    fake = FakeHub(["ana", "bo"], groups={"geo": ["ana", "bo"]})
    groups = (GroupEntry(name="geo", members=MembersEntry(names=("ana",))),)
    plan: Plan = play(StateOps.plan(Document(groups=groups, leave_limit=LeaveLimit(percent=100))), fake).result
    reads = itertools.count()

    def meanwhile(step: Request[Any], reply: FakeReply | HubError) -> FakeReply | HubError:
        if (step.method, step.path) != ("GET", "/groups/geo") or next(reads) != 2:
            return reply
        assert play(apply(plan), fake).result.ok
        return fake(step)

    summary: StateSummary = play(apply(plan), answer_for(fake, meanwhile)).result
    assert summary.ok, summary.failed
    assert {event.kind for event in summary.done} == {"unchanged"}
    assert play(GroupOps.get("geo"), fake).result.users == ("ana",)


def test_the_owner_of_the_token_is_not_deleted_by_a_plan_of_another_token() -> None:
    fake = FakeHub(["ana", "bo"])
    plan = Plan(changes=(DeleteUser(user="ana"), DeleteUser(user="bo")))
    ana = Answer(
        200, {}, json.dumps({"kind": "user", "name": "ana", "scopes": ["delete:users", "read:users"]}).encode()
    )
    played = play(apply(plan), answer_for(fake, lambda step, reply: ana if step.path == "/user" else reply))
    assert [(event.kind, event.message) for event in played.result.failed] == [
        ("stale", "user ana: owns the token in use")
    ]
    assert [call for call in fake.calls if call.startswith("DELETE")] == ["DELETE /users/bo"]
