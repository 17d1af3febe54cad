"""`jhub group set` and `jhub group remove` list the running servers of the members that they remove."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from terminal import Jhub

from jhub.cli.member_changes import MAX_SINGLE_READS

Fresh = Callable[[str], str]
RUNNING = "removed members have servers running: {}\n"
HIDDEN = "this token cannot see the servers of {} of the removed members; it needs read:servers\n"


@pytest.fixture(params=[1, MAX_SINGLE_READS], ids=["few", "many"])
def members(as_admin: Jhub, fresh: Fresh, request: pytest.FixtureRequest) -> tuple[str, str, list[str]]:
    """Return a group, a member with a running server, and members without one."""
    group, busy, others = fresh("group"), fresh("busy"), [fresh("user") for _ in range(request.param)]
    as_admin.ok("user", "create", busy, *others)
    as_admin.ok("group", "set", "--create", group, busy, *others)
    as_admin.ok("server", "start", f"{busy}/lab", "-p", "stub")
    return group, busy, others


def narrow(as_admin: Jhub, *scopes: str) -> Jhub:
    token = json.loads(as_admin.ok("token", "create", "--scopes", ",".join(scopes), "-o", "json"))["token"]
    return Jhub(as_admin.home, {**as_admin.env, "JUPYTERHUB_API_TOKEN": token})


def test_remove_lists_running_servers(as_admin: Jhub, members: tuple[str, str, list[str]]) -> None:
    group, busy, others = members
    some = as_admin("group", "remove", group, busy.upper(), *others, "-o", "name")
    assert (some.out, some.err) == (f"{group}\n", RUNNING.format(f"{busy}/lab"))
    assert as_admin("group", "remove", group, *others).err == ""


def test_set_lists_running_servers_before_the_question(
    as_admin: Jhub, members: tuple[str, str, list[str]], fresh: Fresh
) -> None:
    group, busy, others = members
    unasked = as_admin("group", "set", group, "admin")
    assert unasked.code == 2
    assert unasked.err.splitlines()[2] + "\n" == RUNNING.format(f"{busy}/lab")
    done = as_admin("group", "set", "--yes", group, busy)
    assert done.err.splitlines() == [f"remove {len(others)}: {', '.join(others)}"]


def test_servers_of_the_group_are_seen_by_a_token_for_the_group(
    as_admin: Jhub, members: tuple[str, str, list[str]]
) -> None:
    group, busy, others = members
    scopes = ("groups", "read:groups", f"list:users!group={group}", f"read:servers!group={group}")
    removed = narrow(as_admin, *scopes)("group", "remove", group, busy, *others)
    assert (removed.code, removed.err) == (0, RUNNING.format(f"{busy}/lab"))


@pytest.mark.parametrize("scopes", [(), ("list:users", "read:users:name"), ("read:servers!user=admin", "list:users")])
def test_servers_that_the_token_cannot_see(
    as_admin: Jhub, members: tuple[str, str, list[str]], scopes: tuple[str, ...]
) -> None:
    group, busy, others = members
    removed = narrow(as_admin, "groups", "read:groups", *scopes)("group", "remove", group, busy, *others)
    assert (removed.code, removed.err) == (0, HIDDEN.format(1 + len(others)))
