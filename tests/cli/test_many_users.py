"""`jhub user create` with many names, and `jhub group set`, on a real hub."""

from __future__ import annotations

import json
from collections.abc import Callable

from terminal import Jhub

from jhub.bulk.chunks import CHUNK_SIZE

Fresh = Callable[[str], str]


def test_many_users_are_created_in_few_requests(as_admin: Jhub, fresh: Fresh) -> None:
    """The command does not send a request for each name."""
    names = [fresh("user") for _ in range(CHUNK_SIZE + 3)]
    made = as_admin("--debug", "user", "create", "-", "-o", "name", stdin="\n".join(names))
    assert (made.code, made.lines) == (0, names)
    assert made.err.count("POST") == 2
    again = as_admin("--debug", "user", "create", "-", "--if-not-exists", "-o", "name", stdin="\n".join(names))
    assert (again.code, again.lines) == (0, names)
    conflict = as_admin("user", "create", *names[:2])
    assert (conflict.code, conflict.out) == (6, "")
    assert conflict.err == "".join(f"error: user {name}: already exists\n" for name in names[:2])


def test_names_that_the_hub_refuses_do_not_stop_the_others(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    one, bad, two = fresh("user"), f"{fresh('user')} ", fresh("user")
    some = as_admin("user", "create", one, bad, "x/..", user, two, "-o", "name")
    assert (some.code, some.out.split()) == (7, [one, two])
    errors = [line for line in some.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 3
    assert "a proxy could resolve" in errors[0]
    assert "Invalid username" in errors[1]
    assert errors[2] == f"error: user {user}: already exists"
    assert as_admin("user", "create", bad).code == 1
    assert as_admin("user", "create", "x/..").code == 2


def test_existing_users_do_not_become_administrators(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    new = fresh("root")
    some = as_admin("user", "create", "--admin", "--if-not-exists", "admin", user, new, "-o", "json")
    assert (some.code, {each["name"] for each in json.loads(some.out)}) == (7, {"admin", new})
    error = json.loads(some.err)
    assert (error["error"], error["exit_code"]) == (f"user {user}: exists, and is not an administrator", 6)


def test_a_missing_scope_is_reported_once(as_ana: Jhub, fresh: Fresh) -> None:
    refused = as_ana("user", "create", fresh("user"), fresh("user"))
    assert (refused.code, refused.err.count("error: ")) == (4, 1)
    assert "admin:users" in refused.err


def test_group_set_replaces_the_members(as_admin: Jhub, fresh: Fresh) -> None:
    group, one, two, three = fresh("group"), fresh("user"), fresh("user"), fresh("user")
    as_admin.ok("user", "create", one, two, three)
    as_admin.ok("group", "create", group)
    added = as_admin("group", "set", group, "-", "-o", "json", stdin=f"{one}\n{two}\n")
    assert (added.code, json.loads(added.out)["users"]) == (0, [one, two])  # no removal, so no question
    assert json.loads(added.err) == {"note": f"add 2: {one}, {two}"}
    unasked = as_admin("group", "set", group, three)
    assert unasked.code == 2
    assert f"add 1: {three}\nremove 2: {one}, {two}\n" in unasked.err
    changed = as_admin("group", "set", "--yes", group, two, three, "-o", "json")
    assert sorted(json.loads(changed.out)["users"]) == sorted([two, three])
    same = as_admin("group", "set", group, three, two.upper())
    assert (same.code, same.err) == (0, f"group {group} already has these members\n")


def test_group_set_creates_a_group_on_request(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    planned = as_admin.ok("group", "set", "--create", group, user, "--dry-run").splitlines()
    assert planned[0].startswith(f"POST /groups/{group}")
    assert as_admin("group", "set", group, user).code == 5
    made = as_admin("group", "set", "--create", group, "-", "-o", "json", stdin=f"# the class\n\n{user}\n")
    assert (made.code, json.loads(made.out)["users"]) == (0, [user])
    assert f"created group {group}" in made.err


def test_a_csv_file_in_the_place_of_names_is_refused(as_admin: Jhub, fresh: Fresh) -> None:
    new = fresh("user")
    refused = as_admin("user", "create", "-", stdin=f"Name,Section\n{new},A\n")
    assert refused.code == 2
    assert "stdin looks like CSV: 'Name,Section'" in refused.err
    assert as_admin("user", "show", new).code == 5


def test_an_unknown_member_is_skipped_and_reported(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    as_admin.ok("group", "create", group)
    some = as_admin("group", "set", group, "ghost", user, "-o", "json")
    assert (some.code, json.loads(some.out)["users"]) == (7, [user])
    assert json.loads(some.err.splitlines()[-1])["error"] == "user ghost: No such user: ghost"
    assert as_admin("group", "set", fresh("nogroup"), user).code == 5
    assert as_admin("group", "set", group, "x/y").code == 2
    assert as_admin("group", "set", fresh("group"), "ghost").code == 5


def test_own_admin_rights_are_not_taken_away_without_a_question(as_admin: Jhub, fresh: Fresh) -> None:
    user = fresh("user")
    as_admin.ok("user", "create", user)
    result = as_admin("user", "edit", user, "admin", "--no-admin")
    assert result.code == 2
    assert "Take the admin rights of admin, your own, away?" in result.err
    assert json.loads(as_admin.ok("user", "show", "admin", "-o", "json"))["admin"]
    as_admin.ok("user", "edit", user, "--no-admin")
