"""The answers of `FakeHub` are those of a real hub: one script runs on both, and the results are compared.

The script is a list of calls. Their results are compared without what differs between any two hubs: times, secrets,
addresses, and the texts of errors that JupyterHub words differently for each spawner.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from jhub import APIError, Hub, HubError, Model
from jhub.local import LocalHub
from jhub.steps import Request, call
from jhub.testing import FakeHub

Script: TypeAlias = dict[str, Callable[["Both"], object]]


class Both:
    """A hub of either kind, with a client for its administrator and one for ana."""

    def __init__(self, hub: Hub, connect: Callable[[str], Hub]) -> None:
        self.hub = hub
        self.connect = connect
        self.ana = connect(hub.tokens.create("ana").token or "")


def raw(method: str, path: str, body: object = None) -> Request[Any]:
    return call(method, path, object, body=body)


def token_calls(both: Both) -> object:
    """Create a token, use it, revoke it and use it again."""
    token = both.hub.tokens.create("bo", note="exam", expires_in=3600)
    hub = both.connect(token.token or "")
    found = [hub.whoami(), both.hub.tokens.get("bo", token.id), list(both.hub.tokens.list("bo"))]
    both.hub.tokens.revoke("bo", token.id)
    return [token, *found, caught(hub.whoami), caught(lambda: list(hub.users.list()))]


def caught(work: Callable[[], object]) -> object:
    """Return the result of a call, or its error."""
    try:
        result = work()
    except HubError as error:
        return error
    return list(result) if isinstance(result, Iterable) and not isinstance(result, str | dict | Model) else result


SCRIPT: Script = {
    # The hub and its users.
    "version": lambda both: both.hub.version(),
    "whoami": lambda both: both.hub.whoami(),
    "scopes of an administrator": lambda both: sorted(both.hub.whoami().scopes),
    "scopes of a user": lambda both: [scope for scope in both.ana.whoami().scopes if "!service=" not in scope],
    "list users": lambda both: sorted(both.hub.users.list(), key=lambda user: user.name),
    "list users by name": lambda both: list(both.hub.users.list(sort="-name", name_filter="A")),
    "create a user": lambda both: both.hub.users.create("Cy"),
    "create a user again": lambda both: both.hub.users.create("cy"),
    "create a user if missing": lambda both: both.hub.users.create("cy", exist_ok=True),
    "create an administrator": lambda both: both.hub.users.create("dora", admin=True),
    "create a user with a bad name": lambda both: both.hub.users.create("a/b"),
    "create users with bad names": lambda both: both.hub.run(raw("POST", "/users", {"usernames": ["a/b", "", "ok"]})),
    "create no users": lambda both: both.hub.run(raw("POST", "/users", {"usernames": []})),
    "get a user": lambda both: both.hub.users.get("cy"),
    "get an unknown user": lambda both: both.hub.users.get("nobody"),
    "make an administrator": lambda both: both.hub.users.edit("cy", admin=True),
    "edit an unknown user": lambda both: both.hub.users.edit("nobody", admin=True),
    "rename a user": lambda both: both.hub.users.rename("cy", "cyrus"),
    "rename to a taken name": lambda both: both.hub.users.rename("cyrus", "ana"),
    "rename to a bad name": lambda both: both.hub.users.rename("cyrus", "a/b"),
    "rename with capital letters": lambda both: both.hub.users.rename("cyrus", "Cy"),
    "rename it back": lambda both: both.hub.users.rename("cy", "cyrus"),
    "delete oneself": lambda both: both.hub.users.delete("admin"),
    "delete a user": lambda both: both.hub.users.delete("cyrus"),
    "delete an unknown user": lambda both: both.hub.users.delete("cyrus"),
    "record activity": lambda both: both.hub.users.record_activity("bo", at=datetime.now(UTC)),
    "record activity of no server": lambda both: both.hub.users.record_activity(
        "bo", at=datetime.now(UTC), servers=["nope"]
    ),
    "record activity of nobody": lambda both: both.hub.users.record_activity("nobody", at=datetime.now(UTC)),
    "an unknown state": lambda both: both.hub.run(raw("GET", "/users?state=x")),
    "an unknown order": lambda both: both.hub.run(raw("GET", "/users?sort=x")),
    "a method that a path lacks": lambda both: both.hub.run(raw("PATCH", "/groups")),
    # Groups.
    "create a group": lambda both: both.hub.groups.create("geo"),
    "create a group again": lambda both: both.hub.groups.create("geo"),
    "create groups": lambda both: both.hub.groups.create_many(["bio", "geo", "soil"], users=["ana"], exist_ok=True),
    "create a taken group": lambda both: both.hub.groups.create_many(["new", "geo"]),
    "create a group of nobody": lambda both: both.hub.groups.create_many(["art"], users=["nobody"]),
    "add members": lambda both: both.hub.groups.add_users("geo", ["ana", "Bo", "ana"]),
    "add nobody": lambda both: both.hub.groups.add_users("geo", ["ana", "nobody"]),
    "add to an unknown group": lambda both: both.hub.groups.add_users("nope", ["ana"]),
    "remove members": lambda both: both.hub.groups.remove_users("geo", ["ana"]),
    "remove nobody": lambda both: both.hub.groups.remove_users("geo", ["nobody"]),
    "set properties": lambda both: both.hub.groups.set_properties("geo", {"quota": 3}),
    "get a group": lambda both: both.hub.groups.get("geo"),
    "get an unknown group": lambda both: both.hub.groups.get("nope"),
    "list groups": lambda both: list(both.hub.groups.list()),
    "groups of a user": lambda both: both.hub.users.get("bo").groups,
    "delete a group": lambda both: both.hub.groups.delete("soil"),
    "delete a group again": lambda both: both.hub.groups.delete("soil"),
    # Tokens.
    "tokens": token_calls,
    "a token of nobody": lambda both: both.hub.tokens.create("nobody"),
    "tokens of nobody": lambda both: list(both.hub.tokens.list("nobody")),
    "a token with unknown scopes": lambda both: both.hub.tokens.create("ana", scopes=["nonsense"]),
    "a token with more scopes": lambda both: both.hub.tokens.create("ana", scopes=["admin:users"]),
    "a token with fewer scopes": lambda both: both.hub.tokens.create("admin", scopes=["list:users"]),
    "an unknown token": lambda both: both.hub.tokens.get("ana", "a99"),
    "revoke an unknown token": lambda both: both.hub.tokens.revoke("ana", "a99"),
    "a wrong token": lambda both: both.connect("wrong").whoami(),
    "a list with a wrong token": lambda both: list(both.connect("wrong").users.list()),
    # What a user may do who is not an administrator.
    "ana": lambda both: both.ana.whoami(),
    "ana gets herself": lambda both: both.ana.users.get("ana"),
    "ana gets bo": lambda both: both.ana.users.get("bo"),
    "ana gets nobody": lambda both: both.ana.users.get("nobody"),
    "ana lists users": lambda both: list(both.ana.users.list()),
    "ana creates a user": lambda both: both.ana.users.create("eva"),
    "ana deletes herself": lambda both: both.ana.users.delete("ana"),
    "ana lists groups": lambda both: list(both.ana.groups.list()),
    "ana gets a group": lambda both: both.ana.groups.get("geo"),
    "ana joins a group": lambda both: both.ana.groups.add_users("geo", ["ana"]),
    "ana creates a token for bo": lambda both: both.ana.tokens.create("bo"),
    "ana stops bo's server": lambda both: both.ana.servers.stop("bo"),
    "ana reads the hub's information": lambda both: both.ana.info(),
    # Servers.
    "a default server before its start": lambda both: both.hub.servers.get("bo"),
    "an unknown server": lambda both: both.hub.servers.get("ana", "nope"),
    "a server of nobody": lambda both: both.hub.servers.get("nobody"),
    "create a server": lambda both: both.hub.servers.create("ana", "lab", display_name="The lab", profile="stub"),
    "create a server again": lambda both: both.hub.servers.create("ana", "lab"),
    "edit a server": lambda both: both.hub.servers.edit("ana", "lab", display_name="Lab"),
    "edit an unknown server": lambda both: both.hub.servers.edit("ana", "nope", display_name="Lab"),
    "rename a server": lambda both: both.hub.servers.rename("ana", "lab", "thesis"),
    "progress of a stopped server": lambda both: list(both.hub.servers.progress("ana", "thesis")),
    "progress of an unknown server": lambda both: list(both.hub.servers.progress("ana", "nope")),
    "wait for a stopped server": lambda both: both.hub.servers.wait("ana", "thesis"),
    "start a named server": lambda both: both.hub.servers.start("ana", "thesis", profile="stub"),
    "start it again": lambda both: both.hub.servers.start("ana", "thesis", profile="stub"),
    "start it with other options": lambda both: both.hub.servers.start("ana", "thesis", user_options={"size": 3}),
    "wait for it": lambda both: both.hub.servers.wait("ana", "thesis"),
    "edit a server that runs": lambda both: both.hub.servers.edit("ana", "thesis", display_name="x"),
    "rename its owner": lambda both: both.hub.users.rename("ana", "anna"),
    "its progress": lambda both: list(both.hub.servers.progress("ana", "thesis"))[-1:],
    "start a default server": lambda both: both.ana.servers.start("ana", profile="stub"),
    "list servers": lambda both: sorted(both.hub.servers.list(), key=lambda server: server.name),
    "list the servers of a user": lambda both: list(both.hub.servers.list("bo", stopped=True)),
    "list active users": lambda both: [user.name for user in both.hub.users.list(state="active")],
    "list ready users": lambda both: [user.name for user in both.hub.users.list(state="ready")],
    "list inactive users": lambda both: sorted(user.name for user in both.hub.users.list(state="inactive")),
    "a user with servers": lambda both: both.hub.users.get("ana"),
    "restart": lambda both: both.hub.servers.restart("ana", "thesis"),
    "stop a server": lambda both: both.hub.servers.stop("ana", "thesis"),
    "stop it again": lambda both: both.hub.servers.stop("ana", "thesis"),
    "stop an unknown server": lambda both: both.hub.servers.stop("ana", "nope"),
    "a stopped server": lambda both: both.hub.servers.get("ana", "thesis"),
    "delete a server": lambda both: both.hub.servers.delete("ana", "thesis"),
    "delete it again": lambda both: both.hub.servers.delete("ana", "thesis"),
    "a start that fails": lambda both: both.hub.servers.start("bo", "fails", profile="ends_at_once"),
    "progress of a failed start": lambda both: list(both.hub.servers.progress("bo", "fails"))[-1:],
    "wait for a failed start": lambda both: both.hub.servers.wait("bo", "fails"),
    "a failed server": lambda both: both.hub.servers.get("bo", "fails"),
    "start a fleet": lambda both: done(both.hub.servers.start_many(["ana/one", "bo/two"], profile="stub").run()),
    "stop a fleet": lambda both: done(both.hub.servers.stop_many(["ana/one", "bo/two"]).run()),
    "stop while it starts": lambda both: (
        both.hub.servers.start("bo", "slow", profile="slow_spawn", wait=False),
        both.hub.servers.delete("bo", "slow"),
        both.hub.servers.get("bo", "slow"),
    )[-1],
    "users of a group": lambda both: list(both.hub.users.list(group="geo")),
    "edit many users": lambda both: done(both.hub.users.edit_many(["bo", "nobody"], admin=True).run()),
    "create many users": lambda both: done(both.hub.users.create_many(["ed", "a/b", "ana"]).run()),
    "set the members of a group": lambda both: done(both.hub.groups.set_users("geo", ["ana", "ed", "nobody"])),
    "a preview": lambda both: both.hub.preview(both.hub.groups.add_users, "geo", ["bo"]).to_dict(),
    "a preview that fails": lambda both: both.hub.preview(both.hub.groups.delete, "nope"),
    "delete a user with a server": lambda both: both.hub.users.delete("ana"),
}


def done(summary: Any) -> list[str]:
    """Return the names of what a call on many has done."""
    return sorted(str(getattr(event, "target", None) or event.name) for event in summary.done)


REASON = re.compile(r"(did not start:|Spawn failed:|requested scopes) .*")


def comparable(value: object) -> object:
    """Return what must be the same on both hubs."""
    match value:
        case APIError():
            return type(value).__name__, value.status, value.method, value.path, general(str(value))
        case HubError():
            return type(value).__name__, general(str(value))
        case Model():
            fields = {name: comparable(getattr(value, name)) for name in value.__struct_fields__}
            return type(value).__name__, {name: each for name, each in fields.items() if name not in IGNORED}
        case str():
            return general(value)
        case list() | tuple():
            return [comparable(each) for each in value]
        case dict():
            return {key: comparable(each) for key, each in value.items()}
        case datetime():
            return "a time"
        case _:
            return value


# `state` is the spawner's own; the times of a start and of a server's activity depend on the spawner. The services that
# a user may access are those of the hub.
IGNORED = {"token", "id", "token_id", "state", "last_activity", "scopes"}


def general(text: str) -> str:
    """Return a text without addresses and without what the hub words differently for each spawner or in each run."""
    return REASON.sub(r"\1 …", re.sub(r"https?://[^/ ]+", "https://hub", text))


def run(both: Both) -> dict[str, object]:
    return {name: comparable(caught(lambda step=step: step(both))) for name, step in SCRIPT.items()}  # type: ignore[misc]


@pytest.fixture(scope="module")
def real(profiles_file: Path) -> Iterator[dict[str, object]]:
    with LocalHub(profiles=profiles_file, users=["ana", "bo"]) as local, ExitStack() as stack:

        def connect(token: str | None) -> Hub:
            return stack.enter_context(Hub(local.api_url, token))

        token = connect(None).tokens.create_with_password(local.username, local.password).token
        yield run(Both(connect(token), connect))


@pytest.fixture(scope="module", params=[0, 2], ids=["at once", "pending"])
def fake(request: pytest.FixtureRequest) -> dict[str, object]:
    hub = FakeHub(users=["ana", "bo"], pending_reads=request.param)
    hub.fail_start("bo", "fails", reason="exit code 3")

    def connect(token: str) -> Hub:
        return Hub(hub.api_url, token, transport=hub.transport)

    return run(Both(connect(hub.token), connect))


@pytest.mark.parametrize("name", SCRIPT)
def test_a_fake_hub_answers_as_a_real_one(name: str, real: dict[str, object], fake: dict[str, object]) -> None:
    assert fake[name] == real[name]
