"""Groups: create, members, properties, delete."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from jhub.errors import BadRequest, Conflict, InvalidInput, MissingScope, NotFound, Unavailable, Unsupported
from jhub.models import Group
from jhub.operations.groups import GroupOps
from jhub.steps import Answer, Operation, Request
from jhub.testing import Reply, play, refusal, reply

GEO = {"kind": "group", "name": "geo", "roles": [], "users": ["ana"], "properties": {"quota": 2, "room": "b"}}

Change = Callable[[str, Iterable[str]], Operation[Group]]
BOTH = pytest.mark.parametrize(("change", "method"), [(GroupOps.add_users, "POST"), (GroupOps.remove_users, "DELETE")])


def body(step: object) -> object:
    assert isinstance(step, Request)
    return step.body


def test_a_group_is_read_with_its_members() -> None:
    played = play(GroupOps.get("geo"), [reply(json=GEO)])
    assert played.result == Group(name="geo", users=("ana",), roles=(), properties={"quota": 2, "room": "b"})


def test_a_group_is_created_empty() -> None:
    played = play(GroupOps.create("geo"), [reply(201, {"name": "geo"})])
    assert played.result == Group(name="geo")
    assert played.calls == ["POST /groups/geo"]
    assert body(played.sent[0]) is None


def test_a_group_that_exists_is_a_conflict() -> None:
    played = play(GroupOps.create("geo"), [refusal(409, "Group geo already exists")])
    assert isinstance(played.error, Conflict)
    assert str(played.error) == "group geo: Group geo already exists"


def test_with_exist_ok_an_existing_group_is_read() -> None:
    played = play(GroupOps.create("geo", exist_ok=True), [refusal(409), reply(json=GEO)])
    assert played.result.users == ("ana",)
    assert played.calls == ["POST /groups/geo", "GET /groups/geo"]


def test_with_exist_ok_a_missing_group_is_created() -> None:
    played = play(GroupOps.create("geo", exist_ok=True), [reply(201, {"name": "geo"})])
    assert played.result == Group(name="geo")


def test_a_deletion_is_one_call() -> None:
    played = play(GroupOps.delete("geo & co"), [reply(204)])
    assert played.result is None
    assert played.calls == ["DELETE /groups/geo%20%26%20co"]


def test_deleting_a_missing_group_is_not_found() -> None:
    played = play(GroupOps.delete("geo"), [refusal(404)])
    assert isinstance(played.error, NotFound)


@BOTH
def test_members_are_changed_in_one_call(change: Change, method: str) -> None:
    played = play(change("geo", ["ana", "ben", "ana"]), [reply(json=GEO)])
    assert played.result.name == "geo"
    assert played.calls == [f"{method} /groups/geo/users"]
    assert body(played.sent[0]) == {"users": ["ana", "ben"]}


@BOTH
def test_a_single_name_is_one_user_and_not_its_letters(change: Change, method: str) -> None:
    played = play(change("geo", "ana"), [reply(json=GEO)])
    assert body(played.sent[0]) == {"users": ["ana"]}


@BOTH
def test_names_may_come_from_a_generator(change: Change, method: str) -> None:
    played = play(change("geo", (name for name in ("ana", "ben"))), [reply(json=GEO)])
    assert body(played.sent[0]) == {"users": ["ana", "ben"]}


@BOTH
def test_an_unknown_user_is_named_with_a_hint(change: Change, method: str) -> None:
    played = play(change("geo", ["ana", "erin"]), [refusal(400, "No such user: erin")])
    assert isinstance(played.error, NotFound)
    assert str(played.error) == "group geo: No such user: erin"
    assert (played.error.method, played.error.path, played.error.status) == (method, "/groups/geo/users", 400)
    assert "no user was changed" in played.error.hint


@BOTH
def test_another_refusal_keeps_its_message_and_has_no_hint(change: Change, method: str) -> None:
    played = play(change("geo", ["ana"]), [refusal(400, "Not today")])
    assert isinstance(played.error, BadRequest)
    assert played.error.hint == ""


@BOTH
def test_groups_of_the_authenticator_have_a_hint(change: Change, method: str) -> None:
    played = play(change("geo", ["ana"]), [refusal(400, "Group management via API is disabled")])
    assert isinstance(played.error, BadRequest)
    assert "manage_groups" in played.error.hint


@BOTH
def test_changing_members_of_a_missing_group_is_not_found(change: Change, method: str) -> None:
    played = play(change("geo", ["ana"]), [refusal(404, "No such group: geo")])
    assert isinstance(played.error, NotFound)
    assert str(played.error) == "group geo: not found"


@BOTH
@pytest.mark.parametrize("users", [[], (), iter(())])
def test_an_empty_list_of_users_is_refused_before_any_request(
    change: Change, method: str, users: Iterable[str]
) -> None:
    with pytest.raises(InvalidInput, match="group geo: the list of users is empty"):
        _ = play(change("geo", users)).result


@BOTH
@pytest.mark.parametrize("name", ["", "..", "a/../b", "a\x00b"])
def test_an_invalid_member_is_refused_before_any_request(change: Change, method: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        _ = play(change("geo", ["ana", name])).result


@BOTH
@pytest.mark.parametrize("name", ["", "..", "a/../b"])
def test_an_invalid_group_is_refused_before_any_request(change: Change, method: str, name: str) -> None:
    with pytest.raises(InvalidInput):
        _ = play(change(name, ["ana"])).result


def test_a_removal_is_retried_after_a_lost_answer() -> None:
    played = play(GroupOps.remove_users("geo", ["ana"]), [Unavailable("reset"), reply(json=GEO)])
    assert played.result.name == "geo"
    assert played.calls == ["DELETE /groups/geo/users"] * 2


def test_properties_are_merged_with_the_existing_ones() -> None:
    played = play(GroupOps.set_properties("geo", {"quota": 3, "new": [1]}), [reply(json=GEO), reply(json=GEO)])
    assert played.result.name == "geo"
    assert played.calls == ["GET /groups/geo", "PUT /groups/geo/properties"]
    assert body(played.sent[1]) == {"quota": 3, "room": "b", "new": [1]}


def test_a_property_of_none_is_removed() -> None:
    played = play(GroupOps.set_properties("geo", {"quota": None}), [reply(json=GEO), reply(json=GEO)])
    assert body(played.sent[1]) == {"room": "b"}


@pytest.mark.parametrize("same", [{}, {"quota": 2}, {"quota": 2, "room": "b"}, {"never_there": None}])
def test_unchanged_properties_are_not_written(same: dict[str, object]) -> None:
    played = play(GroupOps.set_properties("geo", same), [reply(json=GEO)])
    assert played.result.properties == GEO["properties"]
    assert played.calls == ["GET /groups/geo"]


def test_removing_all_properties_writes_an_empty_set() -> None:
    played = play(GroupOps.set_properties("geo", {"quota": None, "room": None}), [reply(json=GEO), reply(json=GEO)])
    assert body(played.sent[1]) == {}


def test_properties_of_a_missing_group_are_not_written() -> None:
    played = play(GroupOps.set_properties("geo", {"quota": 1}), [refusal(404)])
    assert isinstance(played.error, NotFound)
    assert played.calls == ["GET /groups/geo"]


def created(*names: str) -> Answer:
    return reply(201, [{"name": name, "users": ["ana"]} for name in names])


def test_groups_are_created_in_one_call_with_their_users() -> None:
    played = play(GroupOps.create_many(["geo", "bio", "geo"], users="ana"), [created("geo", "bio")])
    assert [group.name for group in played.result] == ["geo", "bio"]
    assert played.calls == ["POST /groups"]
    assert body(played.sent[0]) == {"groups": ["geo", "bio"], "users": ["ana"]}


def test_many_groups_are_created_in_chunks() -> None:
    """A hub answers no other request while it creates groups."""
    names = [f"g{n}" for n in range(120)]
    played = play(GroupOps.create_many(names), [created(*names[:50]), created(*names[50:100]), created(*names[100:])])
    assert [group.name for group in played.result] == names


def test_an_existing_group_is_named_with_those_created_before_it() -> None:
    played = play(GroupOps.create_many(["geo", "bio", "phy"]), [refusal(409, "Group bio already exists")])
    assert isinstance(played.error, Conflict)
    assert str(played.error) == "group bio: already exists; created before it: geo"
    played = play(GroupOps.create_many(["bio"]), [refusal(409, "Group bio already exists")])
    assert "no group was created" in str(played.error)


def test_with_exist_ok_existing_groups_are_read_first() -> None:
    there = reply(json={"items": [{"name": "bio", "users": ["cy"]}], "_pagination": {"offset": 0, "next": None}})
    played = play(GroupOps.create_many(["geo", "bio"], exist_ok=True), [there, created("geo")])
    assert [(group.name, group.users) for group in played.result] == [("geo", ("ana",)), ("bio", ("cy",))]
    assert body(played.sent[1]) == {"groups": ["geo"], "users": []}
    assert play(GroupOps.create_many(["bio"], exist_ok=True), [there]).calls == ["GET /groups"]


def test_with_exist_ok_a_group_created_in_between_is_skipped() -> None:
    there = reply(json={"items": [], "_pagination": {"offset": 0, "next": None}})
    answers = [
        there,
        refusal(409, "Group a b already exists"),
        reply(json={"name": "geo"}),
        reply(json={"name": "a  b"}),
        created("phy"),
    ]
    played = play(GroupOps.create_many(["geo", "a  b", "phy"], exist_ok=True), answers)
    assert [group.name for group in played.result] == ["geo", "a  b", "phy"]
    assert body(played.sent[-1]) == {"groups": ["phy"], "users": []}


def test_a_conflict_has_the_existing_and_the_created_groups() -> None:
    played = play(GroupOps.create_many(["geo", "bio"]), [refusal(409, "Group bio already exists")])
    assert isinstance(played.error, Conflict)
    assert (played.error.existing, played.error.created) == ("bio", ("geo",))


def test_an_unknown_user_of_new_groups_is_named() -> None:
    played = play(GroupOps.create_many(["geo"], users=["erin"]), [refusal(400, "No such user: erin")])
    assert isinstance(played.error, NotFound)
    assert "erin" in str(played.error)


def test_creating_no_groups_sends_nothing() -> None:
    assert play(GroupOps.create_many([])).result == ()


def test_properties_are_unsupported_on_an_older_hub() -> None:
    played = play(
        GroupOps.set_properties("geo", {"a": 1}), [reply(json={"name": "geo"}), refusal(404)], version="3.1.1"
    )
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 4.0" in str(played.error)


def test_the_groups_of_one_user_are_listed() -> None:
    def page(*groups: object) -> Reply:
        return reply(json={"items": groups, "_pagination": {"total": len(groups)}})

    both = page(GEO, {"name": "bio", "users": ["bo"]})
    assert [group.name for group in play(GroupOps.list("ana"), [both]).emitted] == ["geo"]
    assert [group.name for group in play(GroupOps.list(), [both]).emitted] == ["geo", "bio"]
    assert play(GroupOps.list(""), [both]).emitted == []
    assert isinstance(play(GroupOps.list("ana"), [page({"name": "hidden"})]).error, MissingScope)
