"""Users: create, edit, rename, delete, lists, activity."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from jhub import APIError, BadRequest, Conflict, InvalidInput, InvalidUsername, MissingScope, NotAuthorized, NotFound
from matrix.clients import ON_ASYNC_HUB, ON_HUB
from matrix.hub import HubUnderTest
from matrix.rows import USER_LISTS, USERS

pytestmark = USERS

Fresh = Callable[[str], str]


def test_a_user_is_created_shown_and_deleted(admin: Any, fresh: Fresh) -> None:
    name = fresh("user")
    assert admin.users.create(name).name == name
    assert (admin.users.get(name).name, admin.users.get(name).admin) == (name, False)
    admin.users.delete(name)
    with pytest.raises(NotFound, match=f"user {name}: not found") as caught:
        admin.users.get(name)
    assert caught.value.status == 404


def test_an_existing_user_raises_conflict_or_is_returned(admin: Any, user: str) -> None:
    with pytest.raises(Conflict, match="already exists") as caught:
        admin.users.create(user)
    assert caught.value.status == 409
    assert admin.users.create(user, exist_ok=True).name == user
    with pytest.raises(Conflict, match="is not an administrator"):
        admin.users.create(user, admin=True, exist_ok=True)


def test_the_hub_converts_a_name_to_lower_case(admin: Any, fresh: Fresh) -> None:
    name = fresh("user")
    assert admin.users.create(name.upper()).name == name
    assert admin.users.create(name.upper(), exist_ok=True).name == name


def test_a_name_that_needs_quoting_is_kept(admin: Any, fresh: Fresh) -> None:
    name = f"{fresh('é')} @x+%"
    admin.users.create(name)
    assert admin.users.get(name).name == name
    admin.users.delete(name)


def test_a_user_of_a_domain_is_managed(admin: Any, fresh: Fresh) -> None:
    part = fresh("user")
    name = f"corp\\{part}"
    assert admin.users.create(f"CORP\\{part}").name == name
    assert name in [user.name for user in admin.users.list()]
    assert admin.users.edit(name, admin=True).admin
    token = admin.tokens.create(name)
    admin.tokens.revoke(name, token.id)
    admin.servers.start(name, "work", profile="small")
    assert [server.target for server in admin.servers.list(name)] == [f"{name}/work"]
    with pytest.raises(NotFound) as missing:
        admin.users.get(f"CORP\\{part}")
    assert "in lower case" in missing.value.hint
    admin.users.delete(name)
    with pytest.raises(NotFound):
        admin.users.get(name)


def test_a_user_becomes_an_administrator_and_back(admin: Any, user: str) -> None:
    assert admin.users.edit(user, admin=True).admin
    assert admin.users.get(user).admin
    assert not admin.users.edit(user, admin=False).admin
    assert (admin.users.get(user).name, admin.users.get(user).admin) == (user, False)
    with pytest.raises(NotFound):
        admin.users.edit("ghost", admin=True)


def test_only_an_administrator_creates_administrators(operator: Any, user: str, hub: HubUnderTest) -> None:
    if hub.version < (4, 1, 6):  # CVE-2024-41942: the scope admin:users is enough
        assert operator.users.edit(user, admin=True).admin
        return
    with pytest.raises(NotAuthorized) as caught:
        operator.users.edit(user, admin=True)
    assert caught.value.status == 403


def test_the_auth_state_of_a_user_is_replaced(admin: Any, user: str) -> None:
    admin.users.edit(user, auth_state={"team": "a", "seat": 1})
    admin.users.edit(user, auth_state={"team": "b"})
    assert admin.users.get(user).auth_state == {"team": "b"}
    assert "team" not in repr(admin.users.get(user))


def test_a_renamed_user_keeps_groups_and_loses_the_old_name(admin: Any, user: str, fresh: Fresh) -> None:
    group, new = fresh("group"), fresh("user")
    admin.groups.create(group)
    admin.groups.add_users(group, [user])
    assert admin.users.rename(user, new).name == new
    assert admin.users.get(new).groups == (group,)
    with pytest.raises(NotFound):
        admin.users.get(user)


@ON_HUB
def test_a_rename_to_a_taken_name_or_with_a_server_is_a_conflict(admin: Any, user: str, fresh: Fresh) -> None:
    assert admin.users.rename(user, user).name == user
    with pytest.raises(Conflict, match="already exists"):
        admin.users.rename(user, "admin")
    with pytest.raises(NotFound):
        admin.users.rename("ghost", fresh("user"))
    admin.servers.start(user, "work")
    with pytest.raises(Conflict, match=rf"servers are active: {user}/work \(ready\)"):
        admin.users.rename(user, fresh("user"))
    assert admin.users.get(user).name == user


@ON_ASYNC_HUB
def test_a_user_is_deleted_with_all_servers(admin: Any, user: str) -> None:
    admin.servers.start(user)
    admin.servers.start(user, "work")
    admin.users.delete(user)
    with pytest.raises(NotFound):
        admin.users.get(user)


@ON_ASYNC_HUB
def test_activity_is_recorded_and_never_goes_back(admin: Any, ana: Any, user: str) -> None:
    admin.servers.start(user, "work")
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=5)
    ana.users.record_activity(user, at=now, servers=["work"])
    assert admin.users.get(user).last_activity == now
    assert admin.servers.get(user, "work").last_activity == now
    admin.users.record_activity(user, at=now - timedelta(hours=1))
    assert admin.users.get(user).last_activity == now


def test_activity_of_a_missing_server_or_in_the_future_is_refused(admin: Any, user: str) -> None:
    now = datetime.now(UTC)
    with pytest.raises(NotFound):
        admin.users.record_activity(user, at=now, servers=["nowhere"])
    with pytest.raises(BadRequest):
        admin.users.record_activity(user, at=now + timedelta(hours=2))


def test_refusals_name_the_reason(admin: Any, robot: Any, ana: Any, user: str, fresh: Fresh) -> None:
    with pytest.raises(InvalidInput):
        admin.users.get("a/..")
    with pytest.raises(InvalidInput):
        admin.users.get("..")
    with pytest.raises(InvalidUsername):
        admin.users.create("a/b")
    refused: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: robot.users.create(fresh("user")), "admin:users"),
        (lambda: robot.users.edit(user, admin=False), "admin:users"),
        (lambda: robot.users.delete(user), "delete:users"),
        (lambda: list(ana.users.list()), "list:users"),
    )
    for act, scope in refused:
        with pytest.raises(MissingScope) as caught:
            act()
        assert scope in caught.value.scopes
    with pytest.raises(APIError, match="not found, or not visible to this token"):
        ana.users.get("admin")


@USER_LISTS
def test_users_are_listed_once_across_pages(admin: Any, fresh: Fresh) -> None:
    made = [admin.users.create(fresh("many")).name for _ in range(12)]
    listed = [user.name for user in admin.users.list()]
    assert set(made) < set(listed)
    assert len(listed) == len(set(listed))


@USER_LISTS
def test_users_are_found_by_part_of_their_name(admin: Any, fresh: Fresh) -> None:
    part = fresh("find_")
    for name in (f"a-{part}-x", f"b-{part}-y", part.replace("_", "z")):
        admin.users.create(name)
    assert [user.name for user in admin.users.list(name_filter=f"-{part.upper()}-")] == [f"a-{part}-x", f"b-{part}-y"]
    assert [user.name for user in admin.users.list(name_filter=f"{part}-")] == [f"a-{part}-x", f"b-{part}-y"]


@USER_LISTS
def test_users_are_sorted(admin: Any, fresh: Fresh) -> None:
    part = fresh("sort") + "-"
    now = datetime.now(UTC)
    for letter, minutes in (("c", 2), ("a", 3), ("b", 1)):
        admin.users.create(part + letter)
        admin.users.record_activity(part + letter, at=now - timedelta(minutes=minutes))

    def order(sort: str) -> str:
        return "".join(user.name[-1] for user in admin.users.list(name_filter=part, sort=sort))

    assert {sort: order(sort) for sort in ("id", "-id", "name", "-name", "last_activity", "-last_activity")} == {
        "id": "cab",
        "-id": "bac",
        "name": "abc",
        "-name": "cba",
        "last_activity": "acb",
        "-last_activity": "bca",
    }


@ON_HUB
@USER_LISTS
def test_users_are_listed_once_by_state_with_their_servers(admin: Any, fresh: Fresh) -> None:
    part = fresh("state") + "-"
    for letter in "abc":
        admin.users.create(part + letter)
    for letter, name in (("a", ""), ("a", "work"), ("b", "work")):
        admin.servers.start(part + letter, name)

    def listed(state: str) -> dict[str, set[str]]:
        users = list(admin.users.list(name_filter=part, state=state))
        assert len(users) == len({user.name for user in users})
        return {user.name[-1]: set(user.servers) for user in users}

    assert listed("active") == listed("ready") == {"a": {"", "work"}, "b": {"work"}}
    assert listed("inactive") == {"c": set()}
    admin.servers.stop(part + "b", "work")
    assert listed("active") == listed("ready") == {"a": {"", "work"}}
    assert listed("inactive") == {"b": set(), "c": set()}
