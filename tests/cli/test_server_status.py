"""`jhub server status`, lists that are watched, and the layout of lists, on a real hub."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import datetime

from terminal import Jhub

Fresh = Callable[[str], str]


def test_the_state_of_each_server_of_a_group_is_shown(as_admin: Jhub, fresh: Fresh) -> None:
    group, up, stopped, missing = fresh("group"), fresh("a"), fresh("b"), fresh("c")
    as_admin.ok("user", "create", up, stopped, missing)
    as_admin.ok("group", "set", "--create", group, up, stopped, missing)
    as_admin.ok("server", "start", f"{up}/lab", f"{stopped}/lab", "-p", "stub")
    as_admin.ok("server", "stop", "--yes", f"{stopped}/lab")
    shown = as_admin("server", "status", "--group", group, "--name", "lab", "-o", "json")
    assert shown.code == 7
    states = {row["server"]: row["state"] for row in json.loads(shown.out)}
    assert states == {f"{up}/lab": "ready", f"{stopped}/lab": "stopped", f"{missing}/lab": "not created"}
    assert "1 of 3 servers are ready" in shown.err
    assert as_admin("server", "status", f"{up}/lab").code == 0


def test_the_reason_of_a_failed_start_is_shown(as_admin: Jhub, user: str) -> None:
    assert as_admin("server", "start", f"{user}/x", "-p", "ends_at_once").code == 1
    [row] = json.loads(as_admin("server", "status", f"{user}/x", "-o", "json").out)
    assert row["state"] == "stopped"
    assert "the server process exited with code 3" in row["reason"]


def test_lists_take_columns_an_order_and_a_limit(as_admin: Jhub, fresh: Fresh) -> None:
    group, names = fresh("group"), sorted(fresh("user") for _ in range(3))
    as_admin.ok("user", "create", *names)
    as_admin.ok("group", "set", "--create", group, *names)
    listed = as_admin.ok("user", "list", "--group", group, "--columns", "name,created", "-o", "csv")
    rows = list(csv.DictReader(listed.splitlines()))
    assert [row["name"] for row in rows] == names
    assert all(datetime.fromisoformat(row["created"]).tzinfo for row in rows)
    assert as_admin.ok("user", "list", "--group", group, "--limit", "2", "-o", "name").split() == names[:2]
    assert as_admin.ok("token", "list", "--sort", "-id", "--limit", "1", "-o", "name").strip()
    table = as_admin.ok("group", "list", "--columns", "NAME,members")
    assert table.splitlines()[0].split() == ["NAME", "MEMBERS"]
    unknown = as_admin("group", "list", "--columns", "colour")
    assert (unknown.code, unknown.out) == (2, "")
    assert "available: name, users, members, properties" in unknown.err
    assert as_admin("group", "list", "--columns", "name", "-o", "json").code == 2


def test_a_watched_list_ends_with_ctrl_c(as_admin: Jhub, user: str) -> None:
    watched = as_admin.interrupted("--debug", "server", "list", user, "--watch", after="GET /")
    assert watched.code == 0
    assert as_admin("server", "list", "--watch", "-o", "json").code == 2


def test_a_server_of_a_user_who_does_not_exist_has_the_reason(as_admin: Jhub) -> None:
    result = as_admin("server", "status", "ghost/lab", "-o", "json")
    assert result.code == 7
    (row,) = json.loads(result.out)
    assert (row["state"], row["reason"].partition(":")[0]) == ("not created", "user ghost")


def test_users_are_sorted_by_the_key_or_the_column(as_admin: Jhub) -> None:
    by_column = as_admin.ok("user", "list", "--sort", "-last-activity", "-o", "name")
    assert by_column == as_admin.ok("user", "list", "--sort", "-last_activity", "-o", "name")
