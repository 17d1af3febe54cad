"""Members and rosters on a hub whose authenticator keeps capital letters, and renames a user."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
from hub_api import Api
from terminal import Jhub, Result

from jhub.local import LocalHub

CONFIG = """
from jupyterhub.auth import Authenticator
Authenticator.normalize_username = lambda self, name: self.username_map.get(name, name)
c.Authenticator.username_map = {"elizabeth": "Liz"}
"""


@pytest.fixture(scope="module")
def keeping_hub() -> Iterator[LocalHub]:
    """A hub that keeps capital letters."""
    with LocalHub(config=CONFIG) as hub:
        yield hub


@pytest.fixture(scope="module")
def token(keeping_hub: LocalHub) -> str:
    """Return a token of its administrator."""
    login = {"auth": {"username": keeping_hub.username, "password": keeping_hub.password}}
    return str(Api(keeping_hub)("POST", f"/users/{keeping_hub.username}/tokens", json=login).json()["token"])


@pytest.fixture(scope="module")
def api(keeping_hub: LocalHub, token: str) -> Api:
    """Return its REST API for its administrator."""
    api = Api(keeping_hub, token)
    api("POST", "/users", json={"usernames": ["Ana", "Bo", "Cy", "dora", "Liz"]})
    return api


@pytest.fixture
def jhub(tmp_path: Path, keeping_hub: LocalHub, token: str) -> Jhub:
    """Return the command `jhub` with the administrator's token."""
    return Jhub(tmp_path, {"JUPYTERHUB_API_URL": keeping_hub.api_url, "JUPYTERHUB_API_TOKEN": token})


@pytest.fixture
def group(api: Api, fresh: Callable[[str], str]) -> str:
    """Create a group with Ana and Bo."""
    name = fresh("group")
    assert api("POST", "/groups", json={"groups": [name], "users": ["Ana", "Bo"]}).status_code == 201
    return name


def members(api: Api, group: str) -> set[str]:
    return set(api("GET", f"/groups/{group}").json()["users"])


def sync(jhub: Jhub, group: str, names: Iterable[str], *options: str) -> Result:
    roster = jhub.home / "roster.csv"
    roster.write_text("Login\n" + "".join(f"{name}\n" for name in names))
    return jhub("group", "sync", group, "--roster", str(roster), "--yes", *options)


def test_a_member_in_the_roster_stays(jhub: Jhub, api: Api, group: str) -> None:
    same = sync(jhub, group, ["Ana", "BO"])
    assert (same.code, same.err.splitlines()[-1]) == (0, f"{group} is in sync: 2 members")
    left = sync(jhub, group, ["ana"])
    assert (left.code, members(api, group)) == (0, {"Ana"})


@pytest.mark.parametrize("others", [0, 5], ids=["read one by one", "found in the list"])
def test_a_user_who_joins_is_not_created_again(jhub: Jhub, api: Api, group: str, others: int) -> None:
    new = [f"{group}-{number}" for number in range(others)]
    done = sync(jhub, group, ["Ana", "Bo", "Cy", "Dora", *new], "--create-users", "-o", "json")
    assert done.code == 0, done
    result = json.loads(done.out)
    assert (result["created"], result["added"]) == (new, ["Cy", "dora", *new])
    assert members(api, group) == {"Ana", "Bo", "Cy", "dora", *new}
    assert api("GET", "/users/cy").status_code == 404


def test_a_user_with_another_name_is_not_among_the_created(jhub: Jhub, api: Api, group: str) -> None:
    done = sync(jhub, group, ["Ana", "Bo", "elizabeth"], "--create-users", "-o", "json")
    assert json.loads(done.out)["created"] == []
    assert members(api, group) == {"Ana", "Bo", "Liz"}


def test_both_spellings_of_a_name_stay(jhub: Jhub, api: Api, group: str) -> None:
    api("POST", "/users", json={"usernames": ["ana"]})
    api("POST", f"/groups/{group}/users", json={"users": ["ana"]})
    try:
        done = sync(jhub, group, ["ana", "bo"])
    finally:
        api("DELETE", "/users/ana")
    assert (done.code, done.err.splitlines()[1]) == (0, "kept: Ana, may be ana of the roster")
    assert members(api, group) == {"Ana", "Bo"}


def test_a_state_file(jhub: Jhub, api: Api, group: str) -> None:
    file = jhub.home / "jhub.yaml"
    file.write_text(f"version: 1\ngroups: [{{name: {group}, members: [ana, bo, cy], create-users: true}}]\n")
    assert jhub("apply", str(file), "--yes").code == 0
    assert members(api, group) == {"Ana", "Bo", "Cy"}
    assert jhub("plan", str(file), "--exit-code").code == 0
    assert api("GET", "/users/cy").status_code == 404
