"""`--if-exists` of the commands that delete, on a real hub."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hub_api import Api
from terminal import Jhub

Fresh = Callable[[str], str]


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("user", "delete", "--yes", "ghost"), "ghost"),
        (("group", "delete", "--yes", "ghosts"), "ghosts"),
        (("group", "delete", "--yes", "/ghosts"), "/ghosts"),
        (("server", "delete", "--yes", "ana/ghost"), "ana/ghost:"),
        (("server", "delete", "--yes", "ghost/lab"), "ghost/lab:"),
        (("token", "revoke", "-u", "ana", "a987654"), "a987654"),
        (("token", "revoke", "-u", "ghost", "a1"), "a1"),
        (("service", "delete", "--yes", "ghost"), "ghost"),
        (("share", "revoke", "ana/ghost", "--all"), "server ana/ghost"),
        (("share", "leave", "ana/ghost"), "ana/ghost: the share"),
        (("share", "code", "revoke", "ana/ghost", "--all"), "server ana/ghost"),
        (("share", "code", "revoke", "ana/ghost", "sc_987654"), "sc_987654"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_an_object_that_does_not_exist_is_a_success(as_admin: Jhub, command: tuple[str, ...], name: str) -> None:
    assert as_admin(*command).code == 5
    done = as_admin(*command, "--if-exists")
    assert done.code == 0
    assert f"{name} did not exist\n" in done.err


def test_the_others_are_deleted(as_admin: Jhub, fresh: Fresh) -> None:
    groups = [as_admin.ok("group", "create", fresh("group"), "-o", "name").strip() for _ in range(2)]
    names = f"{groups[0]}\nghosts\n{groups[1]}\n"
    done = as_admin("group", "delete", "--yes", "--if-exists", "-", stdin=names)
    assert done.code == 0
    assert done.err == f"deleted {groups[0]}\nghosts did not exist\ndeleted {groups[1]}\n"
    some = as_admin("group", "delete", "--yes", "--if-exists", "ghosts", "x/..")
    assert (some.code, "ghosts did not exist" in some.err) == (7, True)


def test_an_object_that_may_be_hidden_is_a_failure(as_admin: Jhub, as_ana: Jhub, api: Api, fresh: Fresh) -> None:
    """The hub answers 404 for all users outside of the token's scopes, whether they exist or not."""
    user = fresh("user")
    as_admin.ok("user", "create", user)
    for name in (user, "ghost"):
        hidden = as_ana("token", "revoke", "--if-exists", "-u", name, "a1")
        assert hidden.code == 5
        assert "not found, or not visible to this token" in hidden.err
    refused = as_ana("group", "delete", "--yes", "--if-exists", "ghosts")
    assert (refused.code, "delete:groups" in refused.err) == (4, True)
    assert api("GET", f"/users/{user}").status_code == 200


def test_a_share_of_a_server_that_does_not_exist(as_admin: Jhub) -> None:
    revoke = ("share", "revoke", "ana/ghost", "--user", "admin")
    assert as_admin(*revoke).code == 5
    assert as_admin(*revoke, "--if-exists").err == "ana/ghost: not shared with user admin\n"


def test_a_context_that_does_not_exist(as_admin: Jhub) -> None:
    assert as_admin("context", "remove", "ghost").code == 2
    done = as_admin("context", "remove", "ghost", "--if-exists")
    assert (done.code, done.err) == (0, "ghost did not exist\n")


def test_events_of_servers_say_that_they_did_not_exist(as_admin: Jhub) -> None:
    done = as_admin("server", "delete", "--yes", "--if-exists", "ana/ghost", "-o", "json")
    last = json.loads(done.lines[-1])
    assert (done.code, last["state"], last["reason"]) == (0, "deleted", "did not exist")
