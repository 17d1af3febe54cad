"""Users selected by group, admin rights and activity, on a real hub."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from terminal import Jhub

Fresh = Callable[[str], str]


@pytest.fixture
def group(as_admin: Jhub, fresh: Fresh) -> tuple[str, str, str]:
    """Return a group and its two members, of whom the second was active on the hub."""
    name, idle, used = fresh("group"), fresh("idle"), fresh("used")
    as_admin.ok("user", "create", idle, used)
    as_admin.ok("group", "create", name, "--user", idle, "--user", used)
    token = json.loads(as_admin.ok("token", "create", "-u", used, "-o", "json"))["token"]
    Jhub(as_admin.home, {**as_admin.env, "JUPYTERHUB_API_TOKEN": token}).ok("whoami")
    return name, idle, used


def selected(jhub: Jhub, *options: str) -> list[str]:
    return jhub.ok("user", "list", *options, "-o", "name").split()


def test_users_are_listed_by_activity(as_admin: Jhub, group: tuple[str, str, str]) -> None:
    name, idle, used = group
    assert selected(as_admin, "--group", name) == [idle, used]
    assert selected(as_admin, "--group", name, "--never-used") == [idle]
    assert selected(as_admin, "--group", name, "--active-since", "2020-01-01") == [used]
    assert selected(as_admin, "--group", name, "--inactive-for", "30d") == []
    assert idle not in selected(as_admin, "--not-in-group", name)
    assert "admin" in selected(as_admin, "--admin")
    assert "admin" not in selected(as_admin, "--no-admin")
    assert selected(as_admin, "--group", name, "--role", "user") == [idle, used]
    assert selected(as_admin, "--group", name, "--role", "admin") == []
    assert "admin" in selected(as_admin, "--role", "admin")


def test_roles_are_a_column_and_a_field(as_admin: Jhub, group: tuple[str, str, str]) -> None:
    listed = as_admin.ok("user", "list", "--group", group[0], "--columns", "name,admin,roles", "-o", "csv")
    assert listed.splitlines() == ["name,admin,roles", f"{group[1]},no,user", f"{group[2]},no,user"]
    assert "ROLES" in as_admin.ok("user", "list", "-o", "wide").splitlines()[0]
    found = json.loads(as_admin.ok("user", "list", "--group", group[0], "-o", "json"))
    assert [(user["admin"], user["roles"]) for user in found] == [(False, ["user"])] * 2
    assert as_admin("user", "list", "--role", "").code == 2


def test_roles_that_a_token_cannot_see_are_not_shown_as_none(as_admin: Jhub) -> None:
    scopes = ("--scopes", "list:users,read:users:activity", "--expires", "1h")
    token = json.loads(as_admin.ok("token", "create", *scopes, "-o", "json"))["token"]
    narrow = Jhub(as_admin.home, {**as_admin.env, "JUPYTERHUB_API_TOKEN": token})
    listed = narrow.ok("user", "list", "--filter", "admin", "--columns", "name,admin,roles", "-o", "csv")
    assert listed.splitlines()[1] == "admin,yes,?", "list:users shows who is an administrator"
    refused = narrow("user", "list", "--role", "admin")
    assert (refused.code, refused.out) == (4, "")
    assert "cannot see which roles they have" in refused.err


def test_selected_users_are_deleted(as_admin: Jhub, group: tuple[str, str, str]) -> None:
    name, idle, used = group
    criteria = ("--group", name, "--never-used", "--no-admin")
    assert as_admin.ok("user", "delete", *criteria, "--dry-run").splitlines() == [f"DELETE /users/{idle}"]
    unasked = as_admin("user", "delete", *criteria)
    assert unasked.code == 2
    assert f"selected: {idle}\n" in unasked.err
    as_admin.ok("user", "delete", *criteria, "--yes")
    assert selected(as_admin, "--group", name) == [used]
    none = as_admin("user", "delete", *criteria, "--yes")
    assert (none.code, none.err) == (0, "no user matches\n")


def test_names_and_a_selection_exclude_each_other(as_admin: Jhub) -> None:
    refused = as_admin("user", "delete", "ana", "--never-used", "--yes")
    assert refused.code == 2
    assert "either named or selected" in refused.err
    assert as_admin("user", "delete", "--yes").code == 2
    assert as_admin("user", "list", "--active-since", "yesterday").code == 2


def test_a_token_that_cannot_see_the_activity_selects_nobody(as_admin: Jhub, group: tuple[str, str, str]) -> None:
    scopes = "list:users,read:groups"
    token = json.loads(as_admin.ok("token", "create", "--scopes", scopes, "-o", "json"))["token"]
    narrow = Jhub(as_admin.home, {**as_admin.env, "JUPYTERHUB_API_TOKEN": token})
    refused = narrow("user", "delete", "--group", group[0], "--inactive-for", "1s", "--yes")
    assert refused.code == 4
    assert "this token cannot see when they were last active" in refused.err
    assert selected(as_admin, "--group", group[0]) == list(group[1:])
