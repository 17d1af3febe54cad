"""Quirks of JupyterHub's groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from quirks import bodies, page

from jhub.errors import BadRequest, Conflict, InvalidInput, NotFound, Unavailable, Unsupported
from jhub.models import Group
from jhub.operations.groups import GroupOps
from jhub.steps import Operation
from jhub.testing import play, refusal, reply

GEO = {"kind": "group", "name": "geo", "roles": [], "users": ["ana"], "properties": {"quota": 2, "room": "b"}}
CHANGES = pytest.mark.parametrize(
    ("change", "method"), [(GroupOps.add_users, "POST"), (GroupOps.remove_users, "DELETE")]
)

Change = Callable[[str, list[str]], Operation[Group]]


@CHANGES
def test_an_unknown_user_is_named_and_no_member_is_changed(change: Change, method: str) -> None:
    played = play(change("geo", ["ana", "Erin"]), [refusal(400, "No such user: erin")])
    assert isinstance(played.error, NotFound)
    assert str(played.error) == "group geo: No such user: erin"
    assert "no user was changed" in played.error.hint
    assert played.calls == [f"{method} /groups/geo/users"]


@CHANGES
def test_members_are_sent_unchanged_in_the_body_also_for_a_delete(change: Change, method: str) -> None:
    """The hub normalises them itself, as it does at sign-in."""
    played = play(change("geo", ["Ana", "bo"]), [reply(json=GEO)])
    assert bodies(played, method) == [{"users": ["Ana", "bo"]}]
    assert played.result.users == ("ana",)


@CHANGES
def test_a_member_change_is_retried_after_a_lost_answer(change: Change, method: str) -> None:
    played = play(change("geo", ["ana"]), [Unavailable("reset"), reply(json=GEO)])
    assert played.calls == [f"{method} /groups/geo/users"] * 2
    assert played.error is None


@CHANGES
def test_an_empty_list_of_members_is_not_sent(change: Change, method: str) -> None:
    played = play(_flow(change("geo", [])))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


def _flow(plan: Operation[Group]) -> Any:
    return (yield from plan)


def test_a_conflict_names_the_groups_created_before_it() -> None:
    """The hub creates one group after the other, and keeps those before an error."""
    played = play(GroupOps.create_many(["g3", "g1", "g4"]), [refusal(409, "Group g1 already exists")])
    assert isinstance(played.error, Conflict)
    assert str(played.error) == "group g1: already exists; created before it: g3"
    played = play(GroupOps.create_many(["g1", "g3"]), [refusal(409, "Group g1 already exists")])
    assert str(played.error) == "group g1: already exists; no group was created"


def test_with_exist_ok_only_missing_groups_are_created() -> None:
    played = play(
        GroupOps.create_many(["g1", "g3"], exist_ok=True), [page({"name": "g1"}), reply(201, [{"name": "g3"}])]
    )
    assert [group.name for group in played.result] == ["g1", "g3"]
    assert bodies(played, "POST") == [{"groups": ["g3"], "users": []}]


def test_an_unknown_member_is_named_and_no_group_is_created() -> None:
    played = play(GroupOps.create_many(["g1", "g2"], users=["erin"]), [refusal(400, "No such user: erin")])
    assert isinstance(played.error, NotFound)
    assert "No such user: erin" in str(played.error)


def test_a_new_group_is_sent_without_properties() -> None:
    """The hub refuses them with 400 "Invalid JSON keys"; they need a PUT of their own."""
    assert bodies(play(GroupOps.create("geo"), [reply(201, {"name": "geo"})])) == [None]
    (body,) = bodies(play(GroupOps.create_many(["geo"]), [reply(201, [{"name": "geo"}])]))
    assert set(body) == {"groups", "users"}


def test_properties_are_read_and_merged_before_the_put() -> None:
    played = play(GroupOps.set_properties("geo", {"quota": 3}), [reply(json=GEO), reply(json=GEO)])
    assert played.calls == ["GET /groups/geo", "PUT /groups/geo/properties"]
    assert bodies(played, "PUT") == [{"quota": 3, "room": "b"}]


@pytest.mark.parametrize("status", [404, 405])
def test_before_4_0_properties_are_unsupported(status: int) -> None:
    answers = [reply(json={"name": "geo"}, version="3.1.1"), reply(status, {"message": None}, version="3.1.1")]
    played = play(GroupOps.set_properties("geo", {"quota": 2}), answers, version="3.1.1")
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 4.0; this hub is 3.1.1" in str(played.error)


@pytest.mark.parametrize("name", ["a/../b", "..", ""])
def test_a_group_name_that_no_path_can_hold_is_refused(name: str) -> None:
    played = play(GroupOps.create_many(["geo", name]))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


@pytest.mark.parametrize("version", ["4.1.6", "5.2.0"])
def test_the_refusal_of_managed_groups_has_the_hubs_message(version: str) -> None:
    """`manage_groups`, from 2.2 to 5.2. Since 5.3 the hub undoes accepted changes at the user's next sign-in."""
    said = reply(400, {"status": 400, "message": "Group management via API is disabled"}, version=version)
    for plan in (GroupOps.add_users("geo", ["ana"]), GroupOps.create("geo"), GroupOps.create_many(["geo"])):
        played = play(plan, [said], version=version)
        assert type(played.error) is BadRequest
        assert "Group management via API is disabled" in str(played.error)


def test_a_creation_is_retried_only_with_exist_ok() -> None:
    lost = Unavailable("reset")
    assert play(GroupOps.create("geo"), [lost]).error is lost
    played = play(GroupOps.create("geo", exist_ok=True), [lost, refusal(409), reply(json=GEO)])
    assert played.result.name == "geo"
    assert played.calls == ["POST /groups/geo", "POST /groups/geo", "GET /groups/geo"]
