"""`jhub share`, on a real hub."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from terminal import Jhub

Fresh = Callable[[str], str]


@pytest.fixture
def server(as_admin: Jhub, fresh: Fresh) -> str:
    """A server of ana, for sharing."""
    return as_admin.ok("server", "create", f"ana/{fresh('shared')}", "-o", "name").strip()


@pytest.fixture
def group(as_admin: Jhub, user: str, fresh: Fresh) -> str:
    """A group with a user in it."""
    return as_admin.ok("group", "create", fresh("group"), "--user", user, "-o", "name").strip()


def test_access_is_granted_and_revoked(as_admin: Jhub, server: str, user: str, group: str) -> None:
    given = as_admin("share", "grant", server, "--user", user, "--user", "ghost", "--group", group)
    assert given.code == 7
    assert [line.split()[:4] for line in given.lines[1:]] == [
        [server, "user", user, "access:servers"],
        [server, "group", group, "access:servers"],
    ]
    assert "No such user: ghost" in given.err
    more = as_admin.ok("share", "grant", server, "--group", group, "--scope", "read:servers", "-o", "json")
    assert json.loads(more)[0]["scopes"] == [f"access:servers!server={server}", f"read:servers!server={server}"]

    assert len(as_admin.ok("share", "list", server, "-o", "name").split()) == 2
    assert server in as_admin.ok("share", "list", "ana", "-o", "name").split()
    assert server in as_admin.ok("share", "list", "--with-group", group)
    assert as_admin.ok("share", "list", "-o", "name") == "", "mine, by default"

    left = as_admin("share", "revoke", server, "--group", group, "--scope", "read:servers")
    assert left.err == f"{server}: group {group} keeps access:servers\n"
    gone = as_admin("share", "revoke", server, "--user", "-", stdin=user)
    assert gone.err == f"{server}: not shared with user {user}\n"
    unasked = as_admin("share", "revoke", server, "--all")
    assert unasked.code == 2
    assert f"Revoke the access of group {group} to {server}?" in unasked.err
    as_admin.ok("share", "revoke", server, "--all", "--yes")
    assert as_admin.ok("share", "list", server, "-o", "json") == "[]\n"


def test_users_and_groups_give_up_access(as_admin: Jhub, server: str, user: str, group: str) -> None:
    as_admin.ok("share", "grant", server, "--user", user, "--group", group)
    listed = as_admin.ok("share", "list", "--with", user, "-o", "name")
    assert as_admin("share", "leave", "--user", user, "-", stdin=listed).err == f"gave up access to {server}\n"
    again = as_admin("share", "leave", "--user", user, server)
    assert (again.code, again.err.splitlines()[1]) == (
        5,
        "hint: if the server is shared with a group, use --group",
    )
    assert as_admin("share", "leave", server, "--group", group).code == 2
    as_admin.ok("share", "leave", server, "--group", group, "--yes")
    assert as_admin.ok("share", "list", "--with", user, "-o", "name") == ""


def test_a_share_with_a_group_works_with_empty_stdin(as_admin: Jhub, server: str, user: str, group: str) -> None:
    given = as_admin.ok("share", "grant", server, "--user", "-", "--group", group)
    assert [line.split()[:3] for line in given.splitlines()[1:]] == [[server, "group", group]]
    both = as_admin.ok("share", "grant", server, "--user", "-", "--group", group, stdin=user)
    assert len(both.splitlines()) == 3
    gone = as_admin("share", "revoke", server, "--user", "-", "--group", group)
    assert gone.err == f"{server}: not shared with group {group}\n"


def test_a_missing_scope_for_sharing_is_named(as_ana: Jhub, server: str) -> None:
    refused = as_ana("share", "grant", f"/{server.partition('/')[2]}", "--user", "admin")
    assert refused.code == 4
    assert "the token lacks the scope shares" in refused.err
    assert server not in as_ana.ok("share", "list", "-o", "name").splitlines()
    assert as_ana.ok("share", "code", "list", server, "-o", "name") == ""


@pytest.mark.parametrize(
    ("args", "error"),
    [
        (("grant", "ana/x"), "no user or group named"),
        (("revoke", "ana/x", "--all", "--user", "bo"), "--all cannot be used with --user, --group or --scope"),
        (("list", "ana", "--with", "bo"), "cannot be used together"),
        (("leave", "ana/x", "--user", "bo", "--group", "geo"), "cannot be used together"),
        (("code", "revoke", "ana/x"), "no codes to revoke: pass their IDs, or --all"),
        (("code", "revoke", "ana/x", "12"), "invalid share code ID '12'"),
        (("code", "create", "ana/x", "--expires", "5s"), "cannot expire in 5 s"),
    ],
)
def test_bad_input_is_refused_before_anything_is_sent(as_admin: Jhub, args: tuple[str, ...], error: str) -> None:
    result = as_admin("--debug", "share", *args)
    assert result.code == 2
    assert error in result.err
    assert "debug: POST" not in result.err
    assert "debug: DELETE" not in result.err


def test_a_code_is_shown_once(as_admin: Jhub, hub_url: str, server: str) -> None:
    made = as_admin("share", "code", "create", server, "--expires", "2h")
    link = made.out.strip()
    assert link.startswith(f"{hub_url.removesuffix('/hub/api')}/hub/accept-share?code=")
    assert "expires in 2 h; it is not shown again" in made.err
    secret = as_admin.ok("share", "code", "create", server, "-o", "name").strip()
    as_admin.outputs.clear()

    ids = as_admin.ok("share", "code", "list", server, "-o", "name")
    assert len(ids.split()) == 2
    as_admin.ok("share", "code", "list", "ana", "-o", "json")
    one, two = ids.split()
    assert as_admin.ok("share", "code", "revoke", server, one, "--dry-run").endswith(f"?id={one}\n")
    assert as_admin("share", "code", "revoke", server, "sc_99999", "-", stdin=one).code == 7
    assert as_admin.ok("share", "code", "list", server, "-o", "name").split() == [two]
    as_admin.ok("share", "code", "revoke", server, "--all", "--yes")
    assert as_admin.ok("share", "code", "list", server, "-o", "name") == ""
    said = "".join(as_admin.outputs)
    assert secret not in said
    assert link.rpartition("=")[2] not in said
