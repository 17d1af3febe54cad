"""`jhub token`: scopes of tokens, the token in use, and revocation, on a real hub."""

from __future__ import annotations

import json
import time
from pathlib import Path
from urllib.parse import urljoin

import pytest
import requests
from click.testing import CliRunner
from hub_api import Api
from terminal import Jhub

from jhub.cli.kit.options import split_scopes
from jhub.cli.main import cli
from jhub.local import LocalHub

NOWHERE = {"JUPYTERHUB_API_URL": "http://127.0.0.1:9", "JUPYTERHUB_API_TOKEN": "x"}


@pytest.fixture
def mine(hub: LocalHub, user: str, tmp_path: Path) -> Jhub:
    """The command, as a new user whose tokens no other test uses."""
    login = {"auth": {"username": user, "password": hub.user_password}, "note": "in use"}
    secret = Api(hub)("POST", f"/users/{user}/tokens", json=login).json()["token"]
    return Jhub(tmp_path, {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": secret})


def create(jhub: Jhub, *options: str) -> str:
    """Return the ID of a new token."""
    made: str = json.loads(jhub.ok("token", "create", "-o", "json", *options))["id"]
    return made


def notes(jhub: Jhub) -> list[str]:
    """Return the notes of the user's tokens."""
    return sorted(token["note"] for token in json.loads(jhub.ok("token", "list", "-o", "json")))


def browse(hub: LocalHub, user: str, path: str) -> None:
    """Open a page of a server like a browser, which gives the server an OAuth token."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.headers["Sec-Fetch-Mode"] = "navigate"
        browser.get(f"{hub.url}hub/login")
        form = {"username": user, "password": hub.user_password, "_xsrf": browser.cookies["_xsrf"]}
        browser.post(f"{hub.url}hub/login", data=form, allow_redirects=False)
        browser.get(urljoin(hub.url, path), timeout=30)


def test_the_token_in_use_is_marked(mine: Jhub, as_admin: Jhub, user: str) -> None:
    create(mine, "--note", "another")
    rows = mine.ok("token", "list").splitlines()
    assert rows[0].split()[:3] == ["IN", "USE", "ID"]
    assert [row.split()[0] == "*" for row in rows[1:] if "in use" in row] == [True]
    assert [row.split()[0] == "*" for row in rows[1:] if "another" in row] == [False]
    assert "IN USE" not in as_admin.ok("token", "list", "-u", user)


def test_tokens_are_revoked_by_note_and_several_need_confirmation(mine: Jhub) -> None:
    for note in ("job", "job", "job 2"):
        create(mine, "--note", note)
    refused = mine("token", "revoke", "--note", "job")
    assert (refused.code, "Revoke 2 tokens of" in refused.err) == (2, True)
    assert len(mine.ok("token", "revoke", "--note", "job", "--dry-run").splitlines()) == 2
    no = mine.at_terminal("token", "revoke", "--note", "job", answers={"[y/N]": "n"})
    assert no.code == 1
    assert notes(mine) == ["in use", "job", "job", "job 2"]
    assert mine.at_terminal("token", "revoke", "--note", "job", answers={"[y/N]": "y"}).code == 0
    assert notes(mine) == ["in use", "job 2"]
    assert mine("token", "revoke", "--note", "job 2").err.startswith("revoked a"), "one is as with its id"
    again = mine("token", "revoke", "--note", "job", "--yes")
    assert (again.code, again.err) == (0, "nothing to do: no token matches\n")


def test_the_token_in_use_is_revoked_last(mine: Jhub) -> None:
    for _ in range(2):
        create(mine, "--note", "in use")
    done = mine("token", "revoke", "--note", "in use", "--yes")
    assert (done.code, done.err.count("revoked ")) == (0, 3)
    assert mine("whoami").code == 4


def test_ids_on_stdin_are_revoked_with_the_one_in_use_last(mine: Jhub) -> None:
    for _ in range(2):
        create(mine)
    ids = mine.ok("token", "list", "-o", "name")
    done = mine("token", "revoke", "-", stdin=ids)
    assert (done.code, done.err.count("revoked ")) == (0, 3)
    assert mine("whoami").code == 4


def test_all_but_this_keeps_the_tokens_of_servers(mine: Jhub, api: Api, hub: LocalHub, user: str) -> None:
    """Runs the real single-user server: the stub does not use OAuth."""
    api.start(user, "", profile="lean")
    api.start(user, "work", profile="stub")
    url = api.ready(user, "")["url"]
    api.ready(user, "work")
    for _ in range(2):
        browse(hub, user, f"{url}files/x")
    create(mine, "--note", "another")
    listed = json.loads(mine.ok("token", "list", "-o", "json"))
    sessions = [token["id"] for token in listed if token["oauth_client"] != "JupyterHub"]
    assert len(sessions) == 2, "one for each browser"
    assert len(listed) == 6

    choose = ("token", "revoke", "--all-but-this")
    planned = mine(*choose, "--dry-run")
    assert len(planned.lines) == 2, "one request ends both sessions"
    assert mine(*choose).code == 2
    assert len(json.loads(mine.ok("token", "list", "-o", "json"))) == 6

    done = mine(*choose, "--yes")
    assert done.code == 0
    assert done.err.count("keeping ") == 2
    assert f"revoked {', '.join(sessions)} (Server at " in done.err
    left = notes(mine)
    assert len(left) == 3
    assert left[2] == "in use"
    assert all(note.startswith("Server at ") for note in left[:2])

    browse(hub, user, f"{url}files/x")
    assert len(json.loads(mine.ok("token", "list", "-o", "json"))) == 4, "the server lets its user in again"
    alone = mine(*choose)
    assert (alone.code, "Revoke 1 token of" in alone.err) == (2, True)
    assert mine(*choose, "--yes").code == 0
    again = mine(*choose)
    assert (again.code, again.err.splitlines()[-1]) == (0, "nothing to do: no token matches")
    for server in ("server", "servers/work"):
        api("DELETE", f"/users/{user}/{server}")


def test_all_but_this_applies_to_own_tokens_only(as_admin: Jhub, as_robot: Jhub, user: str) -> None:
    others = as_admin("token", "revoke", "--all-but-this", "-u", user)
    assert (others.code, "the token in use does not belong to" in others.err) == (2, True)
    assert f"jhub token revoke -u {user} -" in others.err
    robot = as_robot("token", "revoke", "--all-but-this")
    assert (robot.code, "the service robot, not to a user" in robot.err) == (2, True)


def test_listing_removes_expired_tokens(mine: Jhub, user: str) -> None:
    create(mine, "--expires", "1s")
    time.sleep(1.2)
    plan = mine("token", "revoke", "--expired", "--dry-run")
    assert (plan.code, plan.out) == (0, f"GET /users/{user}/tokens\n")
    done = mine("token", "revoke", "--expired")
    assert (done.code, done.out) == (0, "")
    assert f"{user} has no expired tokens" in done.err
    assert notes(mine) == ["in use"]


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("a1", "--expired"),
        ("a1", "--note", "x"),
        ("-", "--all-but-this"),
        ("--expired", "--note", "x"),
        ("--expired", "--all-but-this"),
        ("--note", ""),
    ],
)
def test_conflicting_arguments_of_revoke_are_a_usage_error(args: tuple[str, ...]) -> None:
    result = CliRunner(env=NOWHERE).invoke(cli, ["token", "revoke", *args])
    assert (result.exit_code, "Usage:" in result.output) == (2, True)


def test_a_token_has_the_requested_scopes(as_ana: Jhub) -> None:
    made = json.loads(
        as_ana.ok(
            "token", "create", "--scopes", "read:users!user, tokens!user", "--scope=users:activity!user", "-o", "json"
        )
    )
    assert {"read:users!user=ana", "tokens!user=ana", "users:activity!user=ana"} <= set(made["scopes"])
    assert "servers!user=ana" not in made["scopes"]
    as_ana.ok("token", "revoke", made["id"])


@pytest.mark.parametrize("scopes", ["", ",", " "])
def test_empty_scopes_are_refused(scopes: str) -> None:
    result = CliRunner(env=NOWHERE).invoke(cli, ["token", "create", "--scope", "read:users", "--scopes", scopes])
    assert (result.exit_code, "a scope is missing" in result.output) == (2, True)


@pytest.mark.parametrize("scope", ["no:such:scope", "admin:users"])
def test_a_refused_scope_lists_the_available_ones(as_ana: Jhub, scope: str) -> None:
    result = as_ana("token", "create", "--scopes", scope)
    assert result.code == 1
    assert "ana can grant: access:servers!user=ana, " in result.err


def test_unreadable_scopes_are_reported(as_admin: Jhub) -> None:
    result = as_admin("token", "create", "-u", "ana", "--scopes", "admin:users")
    assert (result.code, "only ana can list them" in result.err) == (1, True)


@pytest.mark.parametrize(
    ("given", "scopes"),
    [
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a  b, c ,,", ["a", "b", "c"]),
        ("read:users!user list:users", ["read:users!user", "list:users"]),
        ("list:users read:users!group=all users,proxy", ["list:users", "read:users!group=all users", "proxy"]),
        ("access:servers!server=ana/my lab", ["access:servers!server=ana/my lab"]),
        ("=", ["="]),
        (" , ", []),
    ],
)
def test_scopes_are_split_at_commas_and_blanks(given: str, scopes: list[str]) -> None:
    assert split_scopes(given) == scopes
