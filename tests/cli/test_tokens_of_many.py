"""`jhub token create` for many users, and `jhub user edit` from stdin, on a real hub."""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from hub_api import Api
from terminal import Jhub

from jhub.cli.main import cli

Fresh = Callable[[str], str]

NOWHERE = {"JUPYTERHUB_API_URL": "http://127.0.0.1:9", "JUPYTERHUB_API_TOKEN": "x"}


@pytest.fixture
def users(as_admin: Jhub, fresh: Fresh) -> list[str]:
    names = [fresh("user") for _ in range(3)]
    as_admin.ok("user", "create", *names)
    return names


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def notes(api: Api, user: str) -> list[str]:
    return [token["note"] for token in api("GET", f"/users/{user}/tokens").json()["api_tokens"]]


def owner(api: Api, secret: str) -> str:
    name: str = Api(api.hub, secret)("GET", "/user").json()["name"]
    return name


def test_each_user_gets_a_token_as_csv(as_admin: Jhub, api: Api, users: list[str]) -> None:
    made = as_admin("token", "create", "-", "--note", "exam", "--expires", "8h", stdin="\n".join([*users, users[0]]))
    assert made.code == 0
    assert [row["user"] for row in rows(made.out)] == users
    for row in rows(made.out):
        assert list(row) == ["user", "id", "expires_at", "token"]
        assert owner(api, row["token"]) == row["user"]
        assert row["token"] not in made.err
        assert row["expires_at"][10] == "T"
        assert notes(api, row["user"]) == ["exam"]
    assert made.err == "created 3 tokens; their secrets are not shown again\n"


def test_an_unknown_user_does_not_stop_the_others(as_admin: Jhub, users: list[str]) -> None:
    some = as_admin("token", "create", users[0], "ghost", users[1], "-o", "json")
    assert (some.code, [token["user"] for token in json.loads(some.out)]) == (7, users[:2])
    assert "no user ghost" in some.err


def test_a_file_is_private_and_is_continued(as_admin: Jhub, api: Api, users: list[str], tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    create = ("token", "create", "-", "--note", "exam", "--file", str(path))
    planned = as_admin(*create, "--dry-run", stdin="\n".join(users))
    assert len(planned.lines) == 3
    assert not path.exists()
    previous = os.umask(0)
    try:
        first = as_admin(*create, stdin="\n".join(["ghost", *users[:2]]))
    finally:
        os.umask(previous)
    assert (first.code, first.out) == (7, "")
    assert f"to continue, run the command again: users in {path} are skipped" in first.err
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_text()
    again = as_admin(*create, stdin="\n".join(users))
    assert again.err == f"skipped 2 whose tokens are in {path}\ncreated 1 token; its secret is not shown again\n"
    assert path.read_text().startswith(before)
    assert [row["user"] for row in rows(path.read_text())] == users
    assert [notes(api, user) for user in users] == [["exam"]] * 3
    assert as_admin(*create, stdin="\n".join(users)).err == f"skipped 3 whose tokens are in {path}\n"


@pytest.mark.parametrize(
    ("text", "mode", "message"),
    [
        ("user,id,expires_at,token\nana,a1,,SEC", 0o600, "not a complete list"),
        ("name,age\nana,7\n", 0o600, "not a complete list"),
        ("", 0o644, "other users can read"),
        ("", 0o622, "other users can write"),
    ],
)
def test_another_file_is_refused(text: str, mode: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text(text)
    path.chmod(mode)
    result = CliRunner(env=NOWHERE).invoke(cli, ["token", "create", "ana", "--file", str(path)])
    assert message in str(result.exception)
    assert "SEC" not in str(result.exception)
    assert path.read_text() == text


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    result = CliRunner(env=NOWHERE).invoke(cli, ["token", "create", "ana", "--file", str(tmp_path / "link")])
    assert "is a link" in str(result.exception)
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    "args",
    [
        ("ana", "-u", "bo"),
        ("ana", "bo", "-o", "name"),
        ("--file", "x.csv"),
        ("ana", "--file", "x.csv", "-o", "json"),
    ],
)
def test_conflicting_arguments_of_create_are_a_usage_error(args: tuple[str, ...]) -> None:
    result = CliRunner(env=NOWHERE).invoke(cli, ["token", "create", *args])
    assert (result.exit_code, "Usage:" in result.output) == (2, True)


def test_a_missing_scope_ends_the_command(as_robot: Jhub, users: list[str]) -> None:
    refused = as_robot("user", "edit", "--admin", *users)
    assert (refused.code, refused.err.count("error: ")) == (4, 1)
    assert "0 edited, 2 left; run the command again to edit them" in refused.err


def test_users_on_stdin_become_administrators(as_admin: Jhub, api: Api, users: list[str]) -> None:
    edited = as_admin("user", "edit", "-", "--admin", "-o", "json", stdin="\n".join(users))
    assert edited.code == 0
    assert [(user["name"], user["admin"]) for user in json.loads(edited.out)] == [(name, True) for name in users]
    some = as_admin("user", "edit", users[0], "ghost", "--no-admin", "-o", "name")
    assert (some.code, some.lines) == (7, [users[0]])
    assert api("GET", f"/users/{users[0]}").json()["admin"] is False
    planned = as_admin("user", "edit", "-", "--no-admin", "--dry-run", stdin="\n".join(users))
    assert planned.lines == [f'PATCH /users/{name} {{"admin":false}}' for name in users]
