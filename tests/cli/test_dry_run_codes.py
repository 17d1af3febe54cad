"""The exit code of `--dry-run` is that of the command itself, and the dry run changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hub_api import Api, Tokens
from terminal import Jhub, Result

from jhub import Hub
from jhub.cli.kit import exit_codes, output
from jhub.cli.main import cli

Fresh = Callable[[str], str]

# The caller, the command and its exit code, for people and for objects of each test: USER (with the stopped server
# USER/box, which is shared with the user GUEST, and the token TOKEN), GROUP (with USER in it), FRESH (an unused name),
# RUNNING (a user whose server RUNNING/up runs), and SERVICE. Nothing is left with ana.
CASES: tuple[tuple[str, str, int], ...] = (
    ("admin", "user create FRESH", 0),
    ("admin", "user create USER", 6),
    ("admin", "user create USER --if-not-exists", 0),
    ("admin", "user create USER FRESH", 7),
    ("admin", "user create USER --admin --if-not-exists", 6),
    ("admin", "user create FRESH/x", 1),
    ("admin", "user delete --group FRESH --yes", 5),
    ("admin", "server start --group FRESH", 5),
    ("admin", "server stop --group FRESH --yes", 5),
    ("admin", "server stop --group GROUP --yes", 0),
    ("admin", "user create FRESH/.. FRESH", 7),
    ("ana", "user create FRESH", 4),
    ("robot", "user create FRESH", 4),
    ("admin", "user edit USER --admin", 0),
    ("admin", "user edit FRESH --admin", 5),
    ("admin", "user edit USER", 2),
    ("ana", "user edit ana --admin", 4),
    ("admin", "user rename USER FRESH", 0),
    ("admin", "user rename FRESH other", 5),
    ("admin", "user rename USER ana", 6),
    ("admin", "user rename RUNNING FRESH", 6),
    ("admin", "user delete USER --yes", 0),
    ("admin", "user delete FRESH --yes", 5),
    ("admin", "user delete FRESH --if-exists --yes", 0),
    ("admin", "user delete USER FRESH --yes", 7),
    ("admin", "user delete admin --yes", 1),
    ("robot", "user delete USER --yes", 4),
    ("admin", "group create FRESH", 0),
    ("admin", "group create GROUP", 6),
    ("admin", "group create GROUP --if-not-exists", 0),
    ("admin", "group create GROUP FRESH", 7),
    ("admin", "group create FRESH --user ghost", 5),
    ("ana", "group create FRESH", 4),
    ("ana", "group create FRESH/..", 2),
    ("admin", "group delete GROUP --yes", 0),
    ("admin", "group delete FRESH --yes", 5),
    ("robot", "group delete GROUP --yes", 4),
    ("admin", "group add GROUP GUEST", 0),
    ("admin", "group add GROUP ghost", 5),
    ("admin", "group add FRESH GUEST", 5),
    ("ana", "group add GROUP GUEST", 4),
    ("robot", "group add GROUP GUEST", 0),
    ("admin", "group remove GROUP USER", 0),
    ("admin", "group remove GROUP ghost", 5),
    ("admin", "group set GROUP GUEST ghost --yes", 7),
    ("admin", "group set GROUP ghost --yes", 7),
    ("admin", "group set GROUP USER ghost --yes", 7),
    ("admin", "group set FRESH GUEST --yes", 5),
    ("admin", "group set FRESH GUEST --create --yes", 0),
    ("admin", "group properties GROUP room=B12", 0),
    ("admin", "group properties FRESH room=B12", 5),
    ("admin", "server create USER/new", 0),
    ("admin", "server create USER/box", 6),
    ("admin", "server create USER/box --if-not-exists", 0),
    ("admin", "server create FRESH/new", 5),
    ("admin", "server create USER/Not", 2),
    ("ana", "server create USER/new", 5),
    ("admin", "server create USER/new --profile nonesuch", 5),
    ("admin", "server create USER/new --profile members", 5),
    ("admin", "server create USER/new --profile stub --option foo=bar", 1),
    ("admin", "server edit USER/box --profile nonesuch", 5),
    ("admin", "server edit USER/box --display-name Box", 0),
    ("admin", "server edit USER/none --display-name Box", 5),
    ("admin", "server edit RUNNING/up --display-name Box", 6),
    ("admin", "server rename USER/box case", 0),
    ("admin", "server rename USER/none case", 5),
    ("admin", "server rename RUNNING/up case", 6),
    ("admin", "server start RUNNING/up -p stub", 0),
    ("admin", "server start RUNNING/up -p lab", 6),
    ("admin", "server start USER/box -p nonesuch", 5),
    ("admin", "server start USER/box -p nobodys", 5),
    ("admin", "server start FRESH/box", 5),
    ("ana", "server start USER/box", 5),
    ("admin", "server start FRESH/a FRESH/b FRESH/c", 5),
    ("admin", "server start USER/a USER/b USER/c -p nonesuch", 5),
    ("robot", "server start USER/a USER/b USER/c -p members --max-failures 1", 5),
    ("admin", "server stop USER/box --yes", 0),
    ("admin", "server stop USER/none --yes", 5),
    ("admin", "server stop FRESH --yes", 5),
    ("admin", "server restart USER/none --yes", 5),
    ("admin", "server restart RUNNING/up -p nonesuch --yes", 5),
    ("admin", "server delete USER/box --yes", 0),
    ("admin", "server delete USER/none --yes", 5),
    ("admin", "server delete USER --yes", 2),
    ("ana", "server delete USER/box --yes", 5),
    ("admin", "server keep-alive USER/box", 0),
    ("admin", "server keep-alive USER/none", 5),
    ("admin", "server keep-alive FRESH", 5),
    ("admin", "token create -u USER", 0),
    ("admin", "token create -u FRESH", 4),
    ("ana", "token create -u USER", 4),
    ("ana", "token create --scope read:servers!user=ana", 0),
    ("admin", "token create --scope nonsense", 1),
    ("admin", "token create -u USER --scope nonsense", 1),
    ("admin", "token revoke TOKEN -u USER", 0),
    ("admin", "token revoke a999999 -u USER", 5),
    ("admin", "token revoke --expired -u USER", 0),
    ("admin", "token revoke --expired -u FRESH", 5),
    ("admin", "token revoke --note nonesuch -u USER", 0),
    ("ana", "token revoke TOKEN -u USER", 5),
    ("admin", "share grant USER/box --user RUNNING", 0),
    ("admin", "share grant USER/box --user ghost", 5),
    ("admin", "share grant USER/box --group FRESH", 5),
    ("admin", "share grant USER/none --user GUEST", 5),
    ("ana", "share grant USER/box --user ana", 4),
    ("admin", "share revoke USER/box --user GUEST", 0),
    ("admin", "share revoke USER/none --user GUEST", 5),
    ("admin", "share revoke USER/none --all --yes", 5),
    ("admin", "share leave USER/box --user GUEST", 0),
    ("admin", "share leave USER/box --user RUNNING", 5),
    ("admin", "share code create USER/box", 0),
    ("admin", "share code create USER/none", 5),
    ("ana", "share code create USER/box", 4),
    ("admin", "share code revoke USER/box sc_999999", 5),
    ("admin", "share code revoke USER/none --all --yes", 5),
    ("admin", "service create FRESH", 0),
    ("admin", "service create SERVICE", 6),
    ("admin", "service create SERVICE --if-not-exists", 0),
    ("ana", "service create FRESH", 4),
    ("admin", "service create FRESH --url ftp://x", 1),
    ("admin", "service delete SERVICE --yes", 0),
    ("admin", "service delete FRESH --yes", 5),
    ("ana", "service delete SERVICE --yes", 4),
    ("admin", "proxy sync", 0),
    ("ana", "proxy sync", 4),
    ("ana", "proxy edit --api-url http://127.0.0.1:9 --yes", 4),
    ("ana", "hub shutdown --yes", 4),
)

# The same, where the answer depends on what the hub does not show: the dry run says so, and ends with 0.
UNKNOWN = (
    ("admin", "service delete robot --yes", 1),
    ("admin", "token create -u USER --scope list:users", 1),
    ("ana", "token create --scope admin:users", 1),
)


@pytest.fixture(scope="module")
def running(api: Api, hub_url: str, hub_tokens: Tokens, fresh: Fresh) -> str:
    """A user with a running server."""
    name = fresh("user")
    api("POST", "/users", json={"usernames": [name]}).raise_for_status()
    with Hub(hub_url, hub_tokens.admin) as hub:
        hub.servers.start(name, "up", profile="stub")
    return name


@pytest.fixture
def objects(api: Api, user: str, running: str, fresh: Fresh) -> dict[str, str]:
    """The words of a command that stand for objects of the test."""
    group, service, unused, guest = fresh("group"), fresh("service"), fresh("unused"), fresh("guest")
    api("POST", "/users", json={"usernames": [guest]}).raise_for_status()
    api("PUT", f"/users/{user}/servers/box").raise_for_status()
    api("POST", "/groups", json={"groups": [group], "users": [user]}).raise_for_status()
    api("POST", f"/services/{service}", json={"admin": False}).raise_for_status()
    api("POST", f"/shares/{user}/box", json={"user": guest}).raise_for_status()
    token = api("POST", f"/users/{user}/tokens", json={}).json()["id"]
    names = {"USER": user, "GUEST": guest, "GROUP": group, "FRESH": unused, "TOKEN": token}
    return {**names, "RUNNING": running, "SERVICE": service}


Callers = Callable[..., Result]


@pytest.fixture
def run(
    as_admin: Jhub,
    as_ana: Jhub,
    as_robot: Jhub,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callers:
    """Return a function that runs a command as one of the callers, in this process: there are many commands."""
    jhubs = {"admin": as_admin, "ana": as_ana, "robot": as_robot}

    def run(caller: str, *arguments: str) -> Result:
        for name, value in jhubs[caller].environment().items():
            monkeypatch.setenv(name, value)
        output.print_messages_as_json(exit_codes.wants_json(arguments))
        code = exit_codes.run(lambda: cli.main(list(arguments), prog_name="jhub", standalone_mode=False), debug=False)
        shown = capsys.readouterr()
        return Result(code, shown.out, shown.err)

    return run


def words(command: str, objects: dict[str, str]) -> list[str]:
    for word, name in objects.items():
        command = command.replace(word, name)
    return command.split()


def state_of(api: Api, objects: dict[str, str]) -> list[Any]:
    """Return what a command may have changed, without times."""
    users = [
        (user["name"], user["admin"], user["groups"], [(s["name"], s["ready"]) for s in user["servers"].values()])
        for user in api("GET", "/users?include_stopped_servers=1").json()
    ]
    owner = objects["USER"]
    tokens = [token["id"] for token in api("GET", f"/users/{owner}/tokens").json()["api_tokens"]]
    shares = [share["scopes"] for share in api("GET", f"/shares/{owner}/box").json()["items"]]
    codes = [code["id"] for code in api("GET", f"/share-codes/{owner}/box").json()["items"]]
    return [users, api("GET", "/groups").json(), sorted(api("GET", "/services").json()), tokens, shares, codes]


@pytest.mark.parametrize(("caller", "command", "code"), CASES, ids=[f"{case[0]}: {case[1]}" for case in CASES])
def test_a_dry_run_ends_as_the_command(
    api: Api, run: Callers, objects: dict[str, str], caller: str, command: str, code: int
) -> None:
    arguments = [*words(command, objects), "-o", "json"]
    before = state_of(api, objects)
    planned = run(caller, *arguments, "--dry-run")
    assert state_of(api, objects) == before
    real = run(caller, *arguments)
    assert (planned.code, real.code) == (code, code), (planned, real)
    if planned.out:
        assert json.loads(planned.out).keys() == {"dry_run", "requests", "complete", "failed", "unknown"}
    else:
        assert code != 0
    for result in (planned, real):
        messages = [json.loads(line) for line in result.err.splitlines()]
        assert any("error" in message for message in messages) == (code != 0), result
    if command.split()[:2] not in (["server", "start"], ["server", "stop"], ["server", "delete"]):
        json.loads(real.out or "null")


@pytest.mark.parametrize(("caller", "command", "code"), UNKNOWN, ids=[f"{case[0]}: {case[1]}" for case in UNKNOWN])
def test_a_dry_run_names_what_it_cannot_know(
    api: Api, run: Callers, objects: dict[str, str], caller: str, command: str, code: int
) -> None:
    arguments = words(command, objects)
    before = state_of(api, objects)
    planned = run(caller, *arguments, "--dry-run")
    as_json = run(caller, *arguments, "--dry-run", "-o", "json")
    assert state_of(api, objects) == before
    assert (planned.code, planned.err.count("unknown: ")) == (0, 1), planned
    assert len(json.loads(as_json.out)["unknown"]) == 1
    assert run(caller, *arguments).code == code
