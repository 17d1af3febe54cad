"""The programs that docs/how-to/using-the-api.md links, each on a real hub."""

from __future__ import annotations

import csv
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hub_api import Api
from signalled import wait_until
from terminal import Jhub

from jhub.local import LocalHub

EXAMPLES = Path(__file__).parents[2] / "examples"
MAX_LINES = 40


@pytest.fixture(scope="module")
def job_hub() -> Iterator[LocalHub]:
    """A hub whose users the examples create and delete."""
    with LocalHub() as running:
        yield running


@pytest.fixture(scope="module")
def other_hub() -> Iterator[LocalHub]:
    with LocalHub(users=["old", "older"]) as running:
        yield running


@pytest.fixture
def api(job_hub: LocalHub) -> Iterator[Api]:
    """The API of the hub, without users and groups other than the administrator."""
    api = Api(job_hub, admin_token(job_hub))
    yield api
    for name in names(api, "/users"):
        if name != job_hub.username:
            api("DELETE", f"/users/{name}")
    for name in names(api, "/groups"):
        api("DELETE", f"/groups/{name}")


def admin_token(hub: LocalHub) -> str:
    login = {"auth": {"username": hub.username, "password": hub.password}, "expires_in": 3600}
    token: str = Api(hub)("POST", f"/users/{hub.username}/tokens", json=login).json()["token"]
    return token


def names(api: Api, path: str) -> list[str]:
    return sorted(each["name"] for each in api("GET", path).json())


def run(example: str, api: Api, home: Path, *arguments: str, contexts: bool = False) -> str:
    """Run an example in the folder `home`, with the hub in its environment, or with the contexts of that folder."""
    hub = {
        "JUPYTERHUB_API_URL": api.hub.api_url,
        "JUPYTERHUB_API_TOKEN": str(api.session.headers["Authorization"]).removeprefix("token "),
    }
    env = Jhub(home, {} if contexts else hub).environment()
    env["PATH"] = f"{Path(sys.executable).parent}:{env.get('PATH', '/usr/bin:/bin')}"
    program = ["bash", "-eu"] if example.endswith(".sh") else [sys.executable, "-W", "error"]
    command = [*program, str(EXAMPLES / example), *arguments]
    done = subprocess.run(command, env=env, cwd=home, input="\n", capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done
    return done.stdout


def is_inactive(jhub: Jhub, context: str, user: str) -> bool:
    listing = ("user", "list", "-c", context, "--inactive-for", "1s", "-o", "name")
    return user in jhub.ok(*listing).split()


def test_each_is_short() -> None:
    assert all(len(path.read_text().splitlines()) < MAX_LINES for path in EXAMPLES.iterdir() if path.is_file())


def test_inactive_users_of_several_hubs_are_deleted(
    api: Api, job_hub: LocalHub, other_hub: LocalHub, tmp_path: Path
) -> None:
    api("POST", "/users", json={"usernames": ["old"]})
    jhub = Jhub(tmp_path)
    for name, hub in (("one", job_hub), ("two", other_hub)):
        login = ("login", hub.url, "--name", name, "-u", hub.username, "--password-stdin")
        jhub.ok(*login, stdin=f"{hub.password}\n")
        wait_until(partial(is_inactive, jhub, name, "old"), "old is inactive")
    run("inactive_users.sh", api, tmp_path, "1s", contexts=True)
    for name, hub in (("one", job_hub), ("two", other_hub)):
        assert jhub.ok("user", "list", "-c", name, "-o", "name").split() == [hub.username]
    run("inactive_users.sh", api, tmp_path, contexts=True)


def test_groups_are_set_from_a_roster(api: Api, tmp_path: Path) -> None:
    roster = tmp_path / "roster.yaml"
    roster.write_text("geo: [ana, bo]\nbio:\n  - cy\n")
    assert "geo added ana" in run("roster.py", api, tmp_path, str(roster))
    roster.write_text("geo: [bo]\nbio: [cy, ana]\n")
    assert set(run("roster.py", api, tmp_path, str(roster)).splitlines()) == {"geo removed ana ", "bio added ana "}
    groups = {group["name"]: sorted(group["users"]) for group in api("GET", "/groups").json()}
    assert groups == {"geo": ["bo"], "bio": ["ana", "cy"]}
    assert run("roster.py", api, tmp_path, str(roster)) == ""


def test_users_and_their_rights_come_from_a_csv_file(api: Api, tmp_path: Path) -> None:
    api("POST", "/users", json={"usernames": ["dora"], "admin": True})
    users = tmp_path / "users.csv"
    users.write_text("name,admin\nAna,yes\nbo,no\ndora,no\n")
    out = run("user_list.py", api, tmp_path, str(users))
    assert out.splitlines() == ["created Ana ", "created bo ", "edited ana ", "edited dora "]
    rights = {user["name"]: user["admin"] for user in api("GET", "/users").json()}
    assert {name: rights[name] for name in ("ana", "bo", "dora")} == {"ana": True, "bo": False, "dora": False}
    assert run("user_list.py", api, tmp_path, str(users)) == ""


def test_a_launcher_follows_the_start_of_a_temporary_server(api: Api, job_hub: LocalHub, tmp_path: Path) -> None:
    lines = run("launcher.py", api, tmp_path).splitlines()
    assert re.fullmatch(r" *\d+ %  .+", lines[0])
    assert re.fullmatch(rf"ready: {re.escape(job_hub.url)}user/guest-[0-9a-f]+/.*", lines[-1])
    assert names(api, "/users") == [job_hub.username]


def test_each_user_gets_one_token_in_a_private_file(api: Api, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("ana\nbo\n")
    out = run("user_tokens.sh", api, tmp_path, "names.txt")
    (tmp_path / "names.txt").write_text("ana\nbo\ncy\n")
    run("user_tokens.sh", api, tmp_path, "names.txt")
    tokens = tmp_path / "tokens.csv"
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    rows = list(csv.DictReader(tokens.read_text().splitlines()))
    assert [row["user"] for row in rows] == ["ana", "bo", "cy"]
    for row in rows:
        assert Api(api.hub, row["token"])("GET", "/user").json()["name"] == row["user"]
        assert len(api("GET", f"/users/{row['user']}/tokens").json()["api_tokens"]) == 1
        assert row["token"] not in out
