"""Changes to existing users, groups, servers and tokens, on a real hub."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hub_api import Api
from terminal import Jhub

from jhub.cli.user import USERS
from jhub.models import User

Fresh = Callable[[str], str]


def test_users_are_sorted(as_admin: Jhub, fresh: Fresh) -> None:
    prefix = fresh("sort")
    as_admin.ok("user", "create", f"{prefix}b", f"{prefix}a")
    listing = ("user", "list", "--filter", prefix, "-o", "name", "--sort")
    assert as_admin.ok(*listing, "name").split() == [f"{prefix}a", f"{prefix}b"]
    assert as_admin.ok(*listing, "-name").split() == [f"{prefix}b", f"{prefix}a"]
    assert as_admin.ok(*listing[:-1], "--sort=-id").split() == [f"{prefix}a", f"{prefix}b"]
    assert as_admin(*listing, "age").code == 2


def test_users_become_administrators_and_back(as_admin: Jhub, user: str) -> None:
    both = as_admin("user", "edit", user, "ghost", "--admin", "-o", "json")
    assert (both.code, [one["admin"] for one in json.loads(both.out)]) == (7, [True])
    assert "user ghost: " in both.err
    named = as_admin.ok("user", "list", "--filter", user, "-o", "name")
    assert as_admin.ok("user", "edit", "-", "--no-admin", stdin=named).splitlines()[1].split() == [user, "no"]
    nothing = as_admin("user", "edit", user)
    assert (nothing.code, nothing.out) == (2, "")
    assert "nothing to change" in nothing.err


def test_auth_state_comes_from_a_file_or_stdin_and_is_not_shown(as_admin: Jhub, user: str) -> None:
    (as_admin.home / "state.json").write_text('{"password": "HUNTER2"}')
    place = f"@{as_admin.home / 'state.json'}"
    planned = as_admin.ok("user", "edit", user, "--auth-state", place, "--dry-run")
    assert planned == f'PATCH /users/{user} {{"auth_state":"***"}}\n'
    # The hub of the tests has no encryption key.
    kept = as_admin("user", "edit", user, "--auth-state", "-", "--debug", stdin='{"password": "HUNTER2"}')
    assert kept.code == 1
    assert "hint: does the hub store auth state?" in kept.err
    for wrong, stdin in (('{"password": "HUNTER2"}', ""), ("-", '["HUNTER2"'), ("@/nowhere", "")):
        assert as_admin("user", "edit", user, "--auth-state", wrong, stdin=stdin).code == 2
    assert as_admin("user", "edit", "-", "--auth-state", "-", stdin="{}").code == 2
    assert "HUNTER2" not in "".join(as_admin.outputs)


@pytest.mark.parametrize("output_format", ["json", "yaml", "table", "csv", "name"])
def test_auth_state_of_the_hub_is_not_printed(output_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    USERS.print_item(User(name="ana", auth_state={"password": "HUNTER2"}), output_format)
    USERS.print_list([User(name="ana", auth_state={"password": "HUNTER2"})], output_format)
    out = capsys.readouterr().out
    assert "ana" in out
    assert "HUNTER2" not in out


def test_a_user_is_renamed(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    new = fresh("user")
    assert as_admin.ok("user", "rename", user, new, "--dry-run") == f'PATCH /users/{user} {{"name":"{new}"}}\n'
    assert as_admin.ok("user", "rename", user, new, "-o", "name") == f"{new}\n"
    taken = as_admin("user", "rename", new, "ana")
    assert (taken.code, "already exists" in taken.err) == (6, True)


def test_groups_are_created_with_members_and_found_by_them(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    a, b, c = (fresh("group") for _ in "abc")
    as_admin.ok("group", "create", b)
    some = as_admin("group", "create", a, b, c, "--user", user, "-o", "name")
    assert (some.code, some.out.split(), some.err) == (7, [a, c], f"error: group {b}: already exists\n")
    assert as_admin.ok("group", "list", "--user", user, "-o", "name").split() == [a, c]

    again = as_admin("group", "create", a, b, c, "--if-not-exists", "--user", user, "-o", "name")
    assert (again.code, again.out.split()) == (0, [a, b, c])
    assert f"group {b} already exists; its members are unchanged" in again.err
    assert json.loads(as_admin.ok("group", "show", b, "-o", "json"))["users"] == []

    nobody = as_admin("group", "create", fresh("group"), "--user", "ghost")
    assert (nobody.code, nobody.out) == (5, "")
    assert "No such user: ghost" in nobody.err
    as_admin.ok("group", "delete", "--yes", a, b, c)


def test_an_invalid_name_does_not_stop_other_groups_from_being_created(as_admin: Jhub, fresh: Fresh) -> None:
    a, b = fresh("group"), f"{fresh('group')}  b"
    create = ("group", "create", a, "x/..", b, "-o", "name")
    planned = as_admin(*create, "--dry-run")
    assert (planned.code, planned.lines) == (7, [f'POST /groups {{"groups":["{a}","{b}"],"users":[]}}'])
    made = as_admin(*create)
    assert (made.code, made.lines) == (7, [a, b])
    assert made.err == planned.err == "error: invalid group name 'x/..': a proxy could resolve its part '.' or '..'\n"
    again = as_admin("group", "create", a, b, "--if-not-exists", "-o", "name")
    assert (again.code, again.lines) == (0, [a, b])
    assert as_admin("group", "create", "x/..", "").code == 2
    as_admin.ok("group", "delete", "--yes", a, b)


def test_many_groups_take_few_requests(as_admin: Jhub, fresh: Fresh) -> None:
    names = [fresh("many") for _ in range(60)]
    made = as_admin("--debug", "group", "create", "-", "-o", "name", stdin="\n".join(names))
    assert made.out.split() == names
    assert made.err.count("debug: POST") == 2
    as_admin.ok("group", "delete", "--yes", "-", stdin=made.out)


def test_servers_are_created_and_changed_without_a_start(as_admin: Jhub, user: str) -> None:
    new = ("server", "create", f"{user}/one", "-p", "stub", "--display-name", "The one")
    assert as_admin.ok(*new, "--dry-run") == (
        f'PUT /users/{user}/servers/one {{"display_name":"The one","user_options":{{"profile":"stub"}}}}\n'
    )
    table = as_admin.ok(*new).splitlines()
    assert table[0].split()[:3] == ["SERVER", "DISPLAY", "NAME"]
    assert table[1].split()[:5] == [f"{user}/one", "The", "one", "stopped", "stub"]
    assert as_admin(*new).code == 6
    assert as_admin.ok(*new, "--if-not-exists", "-o", "name") == f"{user}/one\n"

    changed = json.loads(as_admin.ok("server", "edit", f"{user}/one", "--display-name", "First", "-o", "json"))
    assert [(one["display_name"], one["user_options"]) for one in changed] == [("First", {"profile": "stub"})]
    assert as_admin("server", "edit", f"{user}/one", "--display-name", "").code == 2

    assert as_admin.ok("server", "rename", f"{user}/one", "uno", "-o", "name") == f"{user}/uno\n"
    assert as_admin("server", "rename", f"{user}/one", "due").code == 5
    # Without a display name there is no such column.
    as_admin.ok("server", "delete", "--yes", f"{user}/uno")
    assert "DISPLAY" not in as_admin.ok("server", "create", f"{user}/plain")


def test_a_start_sets_the_display_name(as_admin: Jhub, user: str) -> None:
    started = as_admin("server", "start", f"{user}/a", "-p", "stub", "--display-name", "Seen", "-o", "json")
    assert started.code == 0, started
    states = [json.loads(line)["state"] for line in started.lines]
    assert [state for state in states if state != "progress"] == ["queued", "starting", "ready"]
    assert json.loads(as_admin.ok("server", "show", f"{user}/a", "-o", "json"))["display_name"] == "Seen"
    running = as_admin("server", "edit", f"{user}/a", "--display-name", "Later")
    assert (running.code, "hint: stop it first" in running.err) == (6, True)
    assert as_admin("server", "start", user, "--display-name", "Mine").code == 2


def test_keep_alive_records_activity(as_admin: Jhub, api: Api, user: str) -> None:
    as_admin.ok("server", "create", f"{user}/busy")
    result = as_admin("server", "keep-alive", f"{user}/busy", f"{user}/nope")
    assert (result.code, result.out) == (7, "")
    assert f"{user}/busy: recorded activity\n" in result.err
    assert "No such server 'nope'" in result.err
    assert json.loads(as_admin.ok("server", "show", f"{user}/busy", "-o", "json"))["last_activity"]
    assert as_admin.ok("server", "keep-alive", "--dry-run", "-", stdin=f"{user}\n").startswith(
        f'POST /users/{user}/activity {{"last_activity":"20'
    )


def test_one_token_is_shown_without_its_secret(as_ana: Jhub) -> None:
    made = json.loads(as_ana.ok("token", "create", "--note", "to be shown", "--expires", "1h", "-o", "json"))
    as_ana.outputs.clear()
    shown = as_ana.ok("token", "show", made["id"])
    lines = [line.split()[:3] for line in shown.splitlines()[:3]]
    assert lines == [["id", made["id"]], ["kind", "api"], ["note", "to", "be"]]
    assert as_ana.ok("token", "revoke", made["id"], "--dry-run") == f"DELETE /users/ana/tokens/{made['id']}\n"
    as_ana.ok("token", "revoke", "-", stdin=made["id"])
    assert as_ana("token", "show", made["id"]).code == 5
    assert made["token"] not in "".join(as_ana.outputs)
