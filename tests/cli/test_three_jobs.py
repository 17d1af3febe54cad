"""The main tasks at the command line: users and groups, servers and tokens, on a real hub."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable

import pytest
import yaml
from hub_api import Api
from terminal import Jhub

Fresh = Callable[[str], str]


def test_users_and_groups_are_managed(as_admin: Jhub, fresh: Fresh) -> None:
    group, one, two = fresh("group"), fresh("user"), fresh("user")
    assert as_admin.ok("user", "create", one, two, "-o", "name").split() == [one, two]
    assert as_admin("user", "create", one).code == 6
    as_admin.ok("user", "create", one, "--if-not-exists")

    assert as_admin.ok("group", "create", group, "-o", "name").strip() == group
    assert as_admin("group", "create", group).code == 6
    as_admin.ok("group", "create", group, "--if-not-exists")
    as_admin.ok("group", "add", group, one, two)
    as_admin.ok("group", "remove", group, two)
    assert json.loads(as_admin.ok("group", "show", group, "-o", "json"))["users"] == [one]

    as_admin.ok("group", "properties", group, "room=B12", "seats:=30")
    assert json.loads(as_admin.ok("group", "properties", group, "room=")) == {"seats": 30}

    as_admin.ok("user", "delete", "--yes", one, two)
    as_admin.ok("group", "delete", "--yes", group)
    gone = as_admin("group", "show", group)
    assert (gone.code, gone.err) == (5, f"error: group {group}: not found\n")


def test_if_not_exists_accepts_existing_users(as_admin: Jhub, fresh: Fresh) -> None:
    users = [fresh("user") for _ in range(8)]
    as_admin.ok("user", "create", *users[:6])
    again = as_admin("user", "create", *users, "--if-not-exists", "-o", "csv")
    assert again.code == 0
    assert sorted(row["name"] for row in csv.DictReader(again.lines)) == sorted(users)
    as_admin.ok("user", "delete", "--yes", *users)


def test_names_are_piped_from_one_command_to_the_next(as_admin: Jhub, fresh: Fresh) -> None:
    group, prefix = fresh("group"), fresh("pipe")
    as_admin.ok("user", "create", "-", stdin=f"{prefix}-a\n{prefix}-b\n\n")
    as_admin.ok("group", "create", group)
    names = as_admin.ok("user", "list", "--filter", prefix, "-o", "name")
    as_admin.ok("group", "add", group, "-", stdin=names)
    assert json.loads(as_admin.ok("group", "show", group, "-o", "json"))["users"] == names.split()


def test_every_output_format_is_printed(as_admin: Jhub, user: str) -> None:
    listing = ("user", "list", "--filter", user)
    assert as_admin.ok(*listing, "-o", "name") == f"{user}\n"
    assert [each["name"] for each in json.loads(as_admin.ok(*listing, "-o", "json"))] == [user]
    assert [each["name"] for each in yaml.safe_load(as_admin.ok(*listing, "-o", "yaml"))] == [user]
    assert [row["name"] for row in csv.DictReader(as_admin.ok(*listing, "-o", "csv").splitlines())] == [user]
    table = as_admin.ok(*listing).splitlines()
    assert table[0].split()[:2] == ["NAME", "ADMIN"]
    assert table[1].split()[:2] == [user, "no"]
    assert "\x1b" not in "".join(table)


def test_a_failed_name_is_reported_and_the_others_are_processed(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    new = fresh("user")
    result = as_admin("user", "create", new, user, "-o", "name")
    assert (result.code, result.out) == (7, f"{new}\n")
    assert result.err == f"error: user {user}: already exists\n"


def test_an_unknown_user_fails_the_whole_addition(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    as_admin.ok("group", "create", group)
    result = as_admin("group", "add", group, user, "ghost")
    assert result.code == 5
    assert "No such user: ghost" in result.err
    assert "hint: no user was changed" in result.err
    assert json.loads(as_admin.ok("group", "show", group, "-o", "json"))["users"] == []


def test_servers_start_from_a_profile_concurrently(as_admin: Jhub, api: Api, user: str) -> None:
    started = as_admin("server", "start", f"{user}/one", f"{user}/two", "--profile", "stub", "--option", "cpus:=2")
    assert started.code == 0
    assert f"{user}/one: starting\n" in started.err
    assert f"{user}/two: ready after" in started.err
    assert started.err.index(f"{user}/two: starting") < started.err.index(f"{user}/one: ready")
    assert started.lines[0].split() == ["SERVER", "STATE", "PROFILE", "URL", "SECONDS"]

    shown = json.loads(as_admin.ok("server", "show", f"{user}/one", "-o", "json"))
    assert shown["user_options"] == {"profile": "stub", "cpus": 2}
    assert api.at(shown["url"]).json()["profile"] == "stub"
    assert as_admin.ok("server", "open", f"{user}/one", "--url").strip().endswith(f"/user/{user}/one/")
    assert as_admin.ok("server", "list", user, "--profile", "stub", "-o", "name").split() == [
        f"{user}/one",
        f"{user}/two",
    ]

    again = json.loads(as_admin.ok("server", "restart", "--yes", f"{user}/one", "-o", "json"))
    assert again["user_options"] == {"profile": "stub", "cpus": 2}

    stopped = as_admin.ok("server", "stop", "--yes", "-", "-o", "name", stdin=f"{user}/one\n{user}/two\n")
    assert sorted(stopped.split()) == [f"{user}/one", f"{user}/two"]
    as_admin.ok("server", "delete", "--yes", f"{user}/one")
    assert as_admin.ok("server", "list", user, "--stopped", "-o", "name").split() == [user, f"{user}/two"]


def test_json_of_a_start_is_one_event_per_line(as_admin: Jhub, user: str) -> None:
    events = [json.loads(line) for line in as_admin("server", "start", user, "-p", "slow_spawn", "-o", "json").lines]
    assert [event["state"] for event in events if event["state"] != "progress"] == ["queued", "starting", "ready"]
    assert events[-1]["profile"] == "slow_spawn"
    assert events[-1]["url"].startswith("http://")


def test_a_failed_start_prints_the_reason_of_the_hub(as_admin: Jhub, user: str) -> None:
    result = as_admin("server", "start", f"{user}/x", "--profile", "ends_at_once")
    assert result.code == 1
    assert f"error: server {user}/x did not start: " in result.err
    assert "Internal Server Error" not in result.err


def test_a_slow_start_times_out(as_admin: Jhub, user: str) -> None:
    begun = as_admin("server", "start", f"{user}/x", "--profile", "hangs", "--no-wait", "-o", "name")
    assert (begun.code, begun.out) == (0, f"{user}/x\n")
    waited = as_admin("server", "wait", f"{user}/x", "--timeout", "1")
    assert waited.code == 8
    assert ": still starting" in waited.err
    as_admin.ok("server", "stop", "--yes", f"{user}/x")


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (("group", "show", "nope"), 5, "group nope: not found"),
        (("group", "add", "nope", "ana"), 5, "group nope: not found"),
        (("user", "show", "ghost"), 5, "user ghost: not found"),
        (("user", "show", ".."), 2, "a proxy could resolve"),
        (("group", "create", "a/../b"), 2, "a proxy could resolve"),
        (("server", "show", "ana/nope"), 5, "server ana/nope: not found"),
        (("server", "start", "ana/x", "--profile", "nope"), 5, "unknown profile 'nope'; available: lab, lean"),
        (("server", "start", "ghost/x"), 5, "server ghost/x: not found"),
        (("server", "start", "ana/Not Good"), 2, "invalid server name"),
        (("server", "delete", "--yes", "ana"), 2, "the default server of ana cannot be deleted"),
        (("server", "stop", "ana"), 2, "cannot ask for confirmation"),
        (("group", "delete", "geo"), 2, "cannot ask for confirmation"),
        (("token", "revoke", "a99999"), 5, "token a99999 of admin"),
        (("server", "start", "ana", "--timeout", "soon"), 2, "invalid duration 'soon'"),
        (("server", "start", "ana", "--option", "cpus"), 2, "invalid argument 'cpus'"),
        (("api", "GET", "/../../x"), 2, "leaves the REST API"),
        (("api", "GET", "/nope"), 5, "not found"),
        (("sever", "list"), 2, "did you mean 'server'?"),
    ],
)
def test_bad_input_is_one_error_line_with_its_exit_code(
    as_admin: Jhub, args: tuple[str, ...], code: int, error: str
) -> None:
    result = as_admin(*args)
    errors = [line for line in result.err.splitlines() if line.startswith("error: ")]
    assert (result.code, len(errors)) == (code, 1), result
    assert error in errors[0]
    assert "Traceback" not in result.err


def test_a_dry_run_prints_the_request_without_sending_it(as_admin: Jhub, user: str, fresh: Fresh) -> None:
    group = fresh("group")
    planned = as_admin.ok("group", "create", group, "--dry-run")
    assert planned == f'POST /groups {{"groups":["{group}"],"users":[]}}\n'
    assert as_admin("group", "show", group).code == 5
    planned = as_admin.ok("server", "start", f"{user}/x", "-p", "lab", "--dry-run")
    assert planned == f'POST /users/{user}/servers/x {{"user_options":{{"profile":"lab"}}}}\n'
    assert as_admin("server", "show", f"{user}/x").code == 5
    assert as_admin.ok("user", "delete", user, "--dry-run") == f"DELETE /users/{user}\n"
    assert as_admin("user", "show", user).code == 0


def test_tokens_are_created_listed_and_revoked(as_admin: Jhub, hub_url: str) -> None:
    made = json.loads(as_admin.ok("token", "create", "-u", "ana", "--note", "a test", "--expires", "1h", "-o", "json"))
    listed = json.loads(as_admin.ok("token", "list", "-u", "ana", "-o", "json"))
    assert made["note"] in [token["note"] for token in listed if token["id"] == made["id"]]
    assert made["token"] not in json.dumps(listed)
    as_ana = Jhub(as_admin.home, {"JUPYTERHUB_API_URL": hub_url, "JUPYTERHUB_API_TOKEN": made["token"]})
    assert json.loads(as_ana.ok("whoami", "-o", "json"))["name"] == "ana"
    as_admin.ok("token", "revoke", "-u", "ana", made["id"])
    refused = as_ana("whoami")
    assert refused.code == 4
    assert "the token is missing, unknown, expired or revoked" in refused.err


def test_api_sends_any_request(as_admin: Jhub, fresh: Fresh) -> None:
    group = fresh("group")
    assert json.loads(as_admin.ok("api", "GET", "/info"))["version"]
    as_admin.ok("api", "POST", f"/groups/{group}", "-d", '{"users": ["ana"]}')
    assert json.loads(as_admin.ok("api", "POST", f"/groups/{group}/users", "-d", "@-", stdin='{"users": ["ana"]}'))
    assert json.loads(as_admin.ok("api", "GET", "/users", "-q", "name_filter=ana"))[0]["name"] == "ana"
    assert as_admin("api", "POST", f"/groups/{group}/users", "-d", "{").code == 2


def test_an_ordinary_user_manages_their_own_servers(as_ana: Jhub, fresh: Fresh) -> None:
    name = fresh("mine")
    assert as_ana.ok("server", "start", f"/{name}", "-p", "stub", "-o", "name") == f"ana/{name}\n"
    as_ana.ok("server", "delete", "--yes", f"/{name}")
    refused = as_ana("user", "list")
    assert refused.code == 4
    assert "the token lacks the scope list:users" in refused.err
    assert as_ana("server", "start", "bo/x").code == 5


def test_a_service_is_limited_to_its_scopes(as_robot: Jhub, as_admin: Jhub, user: str, fresh: Fresh) -> None:
    assert as_robot.ok("user", "list", "--filter", user, "-o", "name") == f"{user}\n"
    assert as_robot.ok("server", "start", f"{user}/x", "-p", "stub", "-o", "name") == f"{user}/x\n"
    as_robot.ok("server", "stop", "--yes", f"{user}/x")
    as_admin.ok("group", "create", group := fresh("group"))
    as_robot.ok("group", "add", group, user)
    as_robot.ok("group", "remove", group, user)
    refused = as_robot("group", "create", "mine")
    assert refused.code == 4
    assert "admin:groups" in refused.err


def test_ctrl_c_ends_a_wait_without_a_traceback(as_admin: Jhub, user: str) -> None:
    result = as_admin.interrupted("server", "start", f"{user}/x", "-p", "never_spawn", after=f"{user}/x: progress")
    assert result.code == 130
    assert "Traceback" not in result.err
    assert result.err.endswith("interrupted\n")
    as_admin.ok("server", "stop", "--yes", f"{user}/x")
