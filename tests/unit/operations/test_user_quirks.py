"""Quirks of JupyterHub's users."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from quirks import bodies, is_request, queries, requests

from jhub.errors import (
    APIError,
    BadRequest,
    Conflict,
    InvalidInput,
    MissingScope,
    NotAHub,
    NotAuthorized,
    NotFound,
    WaitTimeout,
)
from jhub.operations.servers import ServerOps
from jhub.operations.users import UserOps
from jhub.steps import Listen, Request
from jhub.testing import Reply, play, refusal, reply

VERSIONS = pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])
ANA = {"kind": "user", "name": "ana", "admin": False, "groups": [], "servers": {}}


@VERSIONS
def test_a_user_is_created_by_the_bulk_route(version: str) -> None:
    """`POST /users/Erin` creates an `Erin` who can neither sign in nor join a group."""
    played = play(UserOps.create("Erin"), [reply(201, [{"name": "erin"}], version=version)], version=version)
    assert played.result.name == "erin"
    assert played.calls == ["POST /users"]
    assert bodies(played) == [{"usernames": ["Erin"], "admin": False}]


def test_an_existing_user_is_read_by_the_hubs_name() -> None:
    exists = refusal(409, "All 1 users already exist")
    assert isinstance(play(UserOps.create("Erin"), [exists]).error, Conflict)
    played = play(UserOps.create("Erin", exist_ok=True), [exists, reply(json={**ANA, "name": "erin"})])
    assert played.result.name == "erin"
    assert played.calls == ["POST /users", "GET /users/erin"]


def test_an_answer_without_the_user_is_not_a_creation() -> None:
    """The hub answers 201 with only the created users."""
    played = play(UserOps.create("ana"), [reply(201, [])])
    assert isinstance(played.error, NotAHub)


@pytest.mark.parametrize("message", ["Invalid username: a:b", "Failed to create user a:b: no such account"])
def test_a_name_that_the_authenticator_refuses_is_an_error(message: str) -> None:
    played = play(UserOps.create("a:b", exist_ok=True), [refusal(400, message)])
    assert isinstance(played.error, BadRequest)
    assert str(played.error) == f"user a:b: {message}"
    assert played.calls == ["POST /users"]


def test_the_refusal_to_make_an_administrator_names_no_scope() -> None:
    played = play(UserOps.create("ana", admin=True), [refusal(403, "Only admins can grant admin permissions")])
    assert type(played.error) is NotAuthorized
    assert str(played.error) == "user ana: Only admins can grant admin permissions"


@VERSIONS
@pytest.mark.parametrize("wanted", [{"admin": True}, {"admin": False}, {"auth_state": {"x": 1}}, {"auth_state": {}}])
def test_an_edit_never_sends_the_name(wanted: dict[str, Any], version: str) -> None:
    played = play(UserOps.edit("ana", **wanted), [reply(json=ANA, version=version)], version=version)
    assert played.calls == ["PATCH /users/ana"]
    assert bodies(played) == [wanted]


@VERSIONS
def test_a_rename_to_the_same_name_sends_nothing(version: str) -> None:
    played = play(UserOps.rename("ana", "ana"), [reply(json=ANA, version=version)], version=version)
    assert played.result.name == "ana"
    assert played.calls == ["GET /users/ana"]


def test_a_rename_sends_the_new_name_alone() -> None:
    played = play(UserOps.rename("ana", "anna"), [reply(json=ANA), reply(json={**ANA, "name": "anna"})])
    assert played.result.name == "anna"
    assert bodies(played, "PATCH") == [{"name": "anna"}]


def test_a_user_without_a_name_is_not_read() -> None:
    """JupyterHub 6.1.1 answers like this when it has erased a name."""
    played = play(UserOps.rename("ana", "anna"), [reply(json=ANA), reply(json={**ANA, "name": None})])
    assert isinstance(played.error, NotAHub)


@pytest.mark.parametrize("version", ["4.1.6", "5.5.2", "6.0.1"])
def test_capital_letters_are_refused_before_a_rename(version: str) -> None:
    played = play(UserOps.rename("ana", "Anna"), [reply(json=ANA, version=version)], version=version)
    assert isinstance(played.error, InvalidInput)
    assert requests(played, "PATCH") == []


@pytest.mark.parametrize("version", ["5.5.3", "5.5.4", "6.1.0", "6.1.1"])
def test_since_5_5_3_and_6_1_a_rename_may_have_capital_letters(version: str) -> None:
    answers = [reply(json=ANA), reply(json={**ANA, "name": "anna"})]
    assert play(UserOps.rename("ana", "Anna"), answers, version=version).result.name == "anna"


@VERSIONS
def test_a_400_for_a_taken_name_is_a_conflict(version: str) -> None:
    taken = {"status": 400, "message": "User bo already exists, username must be unique"}
    played = play(UserOps.rename("ana", "bo"), [reply(json=ANA), reply(400, taken, version=version)], version=version)
    assert isinstance(played.error, Conflict)


def test_a_rename_while_a_server_runs_is_a_conflict() -> None:
    running = {**ANA, "servers": {"lab": {"name": "lab", "ready": True}}}
    played = play(UserOps.rename("ana", "anna"), [reply(json=running)])
    assert isinstance(played.error, Conflict)
    assert played.calls == ["GET /users/ana"]


def test_an_answer_without_servers_names_the_missing_scope() -> None:
    """`read:users` includes `server`, the address of the default server, but not `servers`."""
    played = play(ServerOps.list("ana"), [reply(json={"name": "ana", "server": "/user/ana/"})])
    assert isinstance(played.error, MissingScope)
    played = play(UserOps.delete("ana"), [reply(json={"name": "ana", "server": None})])
    assert isinstance(played.error, MissingScope)
    assert played.calls == ["GET /users/ana"]


class Site:
    """A hub that deletes a user only after all their servers have stopped, and stops them slowly."""

    def __init__(self, *servers: str, pending: str | None = None, looks: int = 2) -> None:
        self.servers = {name: {"name": name, "ready": pending is None, "pending": pending} for name in servers}
        self.looks = looks

    def __call__(self, step: Request[object] | Listen[object]) -> Reply:
        assert isinstance(step, Request)
        name = step.path.removeprefix("/users/ana").removeprefix("/servers/").removeprefix("/server")
        if step.path == "/users/ana":
            if step.method == "GET":
                return reply(json={**ANA, "servers": self.servers})
            running = [server for server in self.servers.values() if server["name"] or server["pending"]]
            return refusal(500, "Internal Server Error") if running else reply(204)
        if step.method == "DELETE":
            self.servers[name] |= {"ready": False, "pending": "stop"}
            return reply(202)
        self.looks -= 1
        if self.looks > 0:
            return reply(json=self.servers[name])
        self.servers.pop(name, None)
        return refusal(404)


def test_a_user_is_deleted_after_their_named_servers_have_stopped() -> None:
    """With a running named server the hub answers 500: it stops only the default server, and does not wait."""
    played = play(UserOps.delete("ana"), Site("", "lab"))
    assert played.error is None
    assert "DELETE /users/ana/servers/lab" in played.calls
    assert played.calls[-1] == "DELETE /users/ana"
    assert played.seconds > 0


@pytest.mark.parametrize("pending", ["spawn", "stop"])
def test_a_user_is_not_deleted_while_their_default_server_is_pending(pending: str) -> None:
    """The hub answers 400 "server is in the process of stopping, please wait"."""
    played = play(UserOps.delete("ana"), Site("", pending=pending))
    assert played.error is None
    assert played.calls[1] == "DELETE /users/ana/server"
    assert played.calls[-1] == "DELETE /users/ana"


def test_a_user_whose_server_does_not_stop_is_kept() -> None:
    played = play(UserOps.delete("ana"), Site("lab", looks=10_000))
    assert isinstance(played.error, WaitTimeout)
    assert "DELETE /users/ana" not in played.calls


def test_before_5_1_a_user_whose_server_starts_is_kept() -> None:
    starting = {**ANA, "servers": {"": {"pending": "spawn"}}}
    wait = {"status": 400, "message": "ana is pending spawn, please wait"}

    def hub(step: Request[Any] | Listen[Any]) -> Reply:
        return reply(400, wait, version="5.0.0") if is_request("DELETE", step) else reply(json=starting)

    played = play(UserOps.delete("ana"), hub, version="5.0.0")
    assert isinstance(played.error, WaitTimeout)
    assert str(played.error) == "server ana: not stopped after 120 s: still starting"
    assert "DELETE /users/ana" not in played.calls


def test_deleting_oneself_is_refused() -> None:
    played = play(UserOps.delete("ana"), [reply(json=ANA), refusal(400, "Cannot delete yourself!")])
    assert isinstance(played.error, BadRequest)
    assert str(played.error) == "user ana: Cannot delete yourself!"


def test_not_found_mentions_a_user_beyond_the_scopes() -> None:
    played = play(UserOps.delete("bo"), [refusal(404, "No access to resources or resources not found")])
    assert isinstance(played.error, NotFound)
    assert "or not visible to this token" in str(played.error)


def test_activity_is_sent_in_utc() -> None:
    berlin = timezone(timedelta(hours=2))
    played = play(
        UserOps.record_activity("ana", at=datetime(2026, 5, 1, 14, 30, tzinfo=berlin), servers=["", "lab"]), [reply()]
    )
    stamp = {"last_activity": "2026-05-01T12:30:00Z"}
    assert played.calls == ["POST /users/ana/activity"]
    assert bodies(played) == [{**stamp, "servers": {"": stamp, "lab": stamp}}]


def test_activity_without_a_time_zone_is_refused() -> None:
    played = play(UserOps.record_activity("ana", at=datetime(2026, 5, 1, 14, 30)))
    assert isinstance(played.error, InvalidInput)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ("Rejecting activity from more than an hour in the future: 2199-01-01T00:00:00Z", BadRequest),
        ("No such server 'gpu' for user ana", NotFound),
    ],
)
def test_rejected_activity_has_the_hubs_message(message: str, error: type[APIError]) -> None:
    at = datetime(2199, 1, 1, tzinfo=UTC)
    played = play(UserOps.record_activity("ana", at=at, servers=["gpu"]), [refusal(400, message)])
    assert isinstance(played.error, error)
    assert message in str(played.error)


def test_a_user_is_read_with_stopped_servers_only_on_request() -> None:
    played = play(ServerOps.list("ana", stopped=True), [reply(json=ANA)])
    assert queries(played) == [{"include_stopped_servers": "1"}]
    assert queries(play(ServerOps.list("ana"), [reply(json=ANA)])) == [{}]
