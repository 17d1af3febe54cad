"""Groups, their members and their properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from jhub import Conflict, MissingScope, NotFound
from matrix.rows import GROUPS, PROPERTIES

pytestmark = GROUPS

Fresh = Callable[[str], str]


@pytest.fixture
def group(admin: Any, fresh: Fresh) -> str:
    """Create a group, and return its name."""
    name: str = admin.groups.create(fresh("group")).name
    return name


def test_a_group_is_created_shown_listed_and_deleted(admin: Any, group: str) -> None:
    assert (admin.groups.get(group).name, admin.groups.get(group).users) == (group, ())
    assert group in [one.name for one in admin.groups.list()]
    admin.groups.delete(group)
    with pytest.raises(NotFound, match=f"group {group}: not found"):
        admin.groups.get(group)
    with pytest.raises(NotFound):
        admin.groups.delete(group)


@pytest.mark.parametrize("pattern", ["/{}", "{}/2026", "CORP\\{}", "cn={},ou=a"])
def test_the_hub_accepts_groups_with_slashes_and_backslashes(admin: Any, fresh: Fresh, user: str, pattern: str) -> None:
    name = pattern.format(fresh("group"))
    assert admin.groups.create(name).name == name
    assert admin.groups.add_users(name, [user]).users == (user,)
    assert admin.groups.get(name).users == (user,)
    admin.groups.delete(name)
    assert name not in [one.name for one in admin.groups.list()]


def test_an_existing_group_is_a_conflict_or_returned(admin: Any, group: str, user: str) -> None:
    admin.groups.add_users(group, [user])
    with pytest.raises(Conflict, match="already exists") as caught:
        admin.groups.create(group)
    assert caught.value.status == 409
    assert admin.groups.create(group, exist_ok=True).users == (user,)


def test_adding_and_removing_members_is_idempotent(admin: Any, robot: Any, group: str, user: str) -> None:
    for _ in range(2):
        assert set(robot.groups.add_users(group, [user, "admin"]).users) == {user, "admin"}
    assert group in admin.users.get(user).groups
    for _ in range(2):
        assert robot.groups.remove_users(group, ["admin"]).users == (user,)


def test_an_unknown_user_is_named_and_no_member_is_changed(admin: Any, group: str, user: str) -> None:
    with pytest.raises(NotFound, match="ghost"):
        admin.groups.add_users(group, [user, "ghost"])
    assert admin.groups.get(group).users == ()
    admin.groups.add_users(group, [user])
    with pytest.raises(NotFound, match="ghost"):
        admin.groups.remove_users(group, [user, "ghost"])
    assert admin.groups.get(group).users == (user,)
    with pytest.raises(NotFound):
        admin.groups.add_users("nowhere", [user])


def test_many_groups_are_created_with_members(admin: Any, user: str, fresh: Fresh) -> None:
    names = [fresh("group") for _ in range(12)]
    made = admin.groups.create_many(names, users=[user])
    assert [(one.name, one.users) for one in made] == [(name, (user,)) for name in names]
    assert set(names) <= {one.name for one in admin.groups.list()}
    assert set(admin.users.get(user).groups) == set(names)


def test_creating_many_groups_stops_at_an_existing_one(admin: Any, group: str, fresh: Fresh) -> None:
    before, after = fresh("group"), fresh("group")
    with pytest.raises(Conflict, match=f"group {group}: already exists; created before it: {before}"):
        admin.groups.create_many([before, group, after])
    assert admin.groups.get(before).name == before
    with pytest.raises(NotFound):
        admin.groups.get(after)
    made = admin.groups.create_many([before, group, after], exist_ok=True)
    assert [one.name for one in made] == [before, group, after]


def test_many_groups_with_an_unknown_user_are_not_created(admin: Any, fresh: Fresh) -> None:
    names = [fresh("group"), fresh("group")]
    with pytest.raises(NotFound, match="ghost"):
        admin.groups.create_many(names, users=["ghost"])
    for name in names:
        with pytest.raises(NotFound):
            admin.groups.get(name)


def test_refusals_name_the_scope(robot: Any, ana: Any, group: str) -> None:
    refused: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: robot.groups.create("geo"), "admin:groups"),
        (lambda: robot.groups.create_many(["geo"]), "admin:groups"),
        (lambda: robot.groups.delete(group), "delete:groups"),
        (lambda: list(ana.groups.list()), "list:groups"),
    )
    for act, scope in refused:
        with pytest.raises(MissingScope) as caught:
            act()
        assert scope in caught.value.scopes


@PROPERTIES
def test_properties_are_merged_and_removed_one_by_one(admin: Any, robot: Any, group: str, user: str) -> None:
    admin.groups.add_users(group, [user])
    admin.groups.set_properties(group, {"room": "B12", "seats": 30, "open": {"from": 9}})
    robot.groups.set_properties(group, {"seats": None, "term": "summer"})
    found = admin.groups.get(group)
    assert found.properties == {"room": "B12", "open": {"from": 9}, "term": "summer"}
    assert found.users == (user,)
