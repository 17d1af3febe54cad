"""Names with slashes, backslashes and capital letters: every command takes the names that a listing prints."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from terminal import Jhub

Fresh = Callable[[str], str]

GROUPS = ["/{}", "{}/2026/spring", "CORP\\{}", "cn={},ou=people", "{} & co", "100%2f{}", "{}?a#b;c", "geo,{}"]
USERS = ["corp\\{}", "{}@example.org", "~{}", "{}%41"]


@pytest.mark.parametrize("pattern", GROUPS)
def test_a_group_is_created_changed_listed_and_deleted(as_admin: Jhub, user: str, fresh: Fresh, pattern: str) -> None:
    name = pattern.format(fresh("group"))
    as_admin.ok("group", "create", name)
    as_admin.ok("group", "add", name, user)
    assert json.loads(as_admin.ok("group", "show", name, "-o", "json"))["users"] == [user]
    assert as_admin.ok("group", "list", "--user", user, "-o", "name") == f"{name}\n"
    as_admin.ok("group", "properties", name, "room=B12")
    as_admin.ok("group", "remove", name, user)
    as_admin.ok("group", "delete", "--yes", "-", stdin=f"{name}\n")
    assert as_admin("group", "show", name).code == 5


@pytest.mark.parametrize("pattern", USERS)
def test_a_user_is_created_changed_listed_and_deleted(as_admin: Jhub, fresh: Fresh, pattern: str) -> None:
    part = fresh("user")
    name = pattern.format(part)
    as_admin.ok("user", "create", "-", stdin=f"{name}\n")
    assert as_admin.ok("user", "list", "--filter", part, "-o", "name") == f"{name}\n"
    as_admin.ok("user", "edit", name, "--admin")
    made = json.loads(as_admin.ok("token", "create", "-u", name, "-o", "json"))
    as_admin.ok("token", "revoke", "-u", name, made["id"])
    as_admin.ok("user", "delete", "--yes", "-", stdin=f"{name}\n")
    assert as_admin("user", "show", name).code == 5


def test_the_hub_refuses_a_user_with_a_slash_and_the_others_are_created(as_admin: Jhub, fresh: Fresh) -> None:
    new = fresh("user")
    made = as_admin("user", "create", f"{new}/x", new, "-o", "name")
    assert (made.code, made.out) == (7, f"{new}\n")
    assert "Invalid username" in made.err


def test_a_server_of_such_a_user_is_started_listed_and_stopped(as_admin: Jhub, fresh: Fresh) -> None:
    user = "corp\\" + fresh("user")
    as_admin.ok("user", "create", user)
    as_admin.ok("server", "start", f"{user}/x", "-p", "stub")
    listed = as_admin.ok("server", "list", user, "-o", "name")
    assert listed == f"{user}/x\n"
    as_admin.ok("server", "stop", "--yes", "-", stdin=listed)
    assert as_admin.ok("server", "list", user, "-o", "name") == ""


@pytest.mark.parametrize("name", ["../users/ana", "a/..", "%2e%2e%2fusers%2fana", "x\\..\\y"])
def test_a_name_that_a_proxy_could_resolve_is_refused(as_admin: Jhub, name: str) -> None:
    refused = as_admin("group", "delete", "--yes", name)
    assert refused.code == 2
    assert "a proxy could resolve" in refused.err


def test_a_name_that_the_hub_writes_in_lower_case_is_reported(as_admin: Jhub, fresh: Fresh) -> None:
    asked = fresh("User").capitalize()
    made = as_admin("user", "create", asked)
    assert f"{asked} has the name {asked.lower()} on the hub" in made.err
    missing = as_admin("server", "start", f"{asked}/x", "-p", "stub")
    assert missing.code == 5
    assert f"the hub has a user '{asked.lower()}'" in missing.err


def test_a_name_of_a_domain_in_capital_letters_is_found_in_lower_case(as_admin: Jhub, fresh: Fresh) -> None:
    part = fresh("user")
    as_admin.ok("user", "create", f"CORP\\{part}")
    missing = as_admin("user", "edit", f"CORP\\{part}", "--admin")
    assert missing.code == 5
    assert f"the hub has a user {f'corp{chr(92)}{part}'!r}" in missing.err
