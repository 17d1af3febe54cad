"""Quirks of JupyterHub's servers, except starts: get, create, edit, stop, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from quirks import bodies, is_request, queries, requests, state

from jhub.errors import Conflict, HubError, InvalidInput, NotFound, ServerPending, Unavailable, Unsupported, WaitTimeout
from jhub.models import Server
from jhub.operations.servers import ServerOps
from jhub.steps import Operation
from jhub.testing import play, refusal, reply

VERSIONS = pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])
OLD = pytest.mark.parametrize("version", ["4.1.6", "5.5.1"])
STOPPING = {"name": "lab", "pending": "stop", "ready": False}
STOPPED = {"name": "lab", "stopped": True}

SETTINGS = [
    lambda: ServerOps.create("ana", "lab", profile="gpu"),
    lambda: ServerOps.edit("ana", "lab", profile="gpu"),
    lambda: ServerOps.rename("ana", "lab", "gpu"),
]


@OLD
def test_before_6_a_server_is_read_from_its_user(version: str) -> None:
    played = play(ServerOps.get("ana", "lab"), [state(STOPPED, version)], version=version)
    assert (played.result.name, played.result.user) == ("lab", "ana")
    assert played.calls == ["GET /users/ana"]
    # Without it the hub leaves out those that do not run.
    assert queries(played) == [{"include_stopped_servers": "1"}]


def test_since_6_a_server_is_read_by_its_own_route() -> None:
    """The tutorial's `server_ready` treats it as a user's model."""
    played = play(ServerOps.get("ana", "lab"), [reply(json={"name": "lab", "ready": True})])
    assert played.result == Server(name="lab", user="ana", ready=True)
    assert played.calls == ["GET /users/ana/servers/lab"]


@VERSIONS
def test_a_default_server_may_be_missing_before_its_first_start(version: str) -> None:
    played = play(ServerOps.get("ana"), [state(None, version)], version=version)
    assert isinstance(played.error, NotFound)


@OLD
@pytest.mark.parametrize("change", SETTINGS)
def test_before_6_changing_a_stopped_server_is_unsupported(
    change: Callable[[], Operation[Server]], version: str
) -> None:
    not_allowed = reply(405, {"status": 405, "message": "Method Not Allowed"}, version=version)
    played = play(change(), [not_allowed], version=version)
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 6.0" in str(played.error)
    assert version in str(played.error)


def test_a_405_of_a_new_hub_keeps_its_message() -> None:
    played = play(ServerOps.rename("ana", "lab", "gpu"), [refusal(405, "not here")])
    assert isinstance(played.error, Unsupported)
    assert str(played.error) == "server ana/lab: not here"


def test_a_creation_sends_known_keys_and_is_not_retried() -> None:
    """A retry would find the server of the first attempt and answer 409."""
    plan = ServerOps.create("ana", "lab", profile="gpu", user_options={"size": 2}, display_name="My lab")
    played = play(plan, [Unavailable("reset"), refusal(409)])
    assert isinstance(played.error, Unavailable)
    assert played.calls == ["PUT /users/ana/servers/lab"]
    assert bodies(played) == [{"display_name": "My lab", "user_options": {"profile": "gpu", "size": 2}}]


def test_an_existing_or_default_server_is_not_created() -> None:
    played = play(ServerOps.create("ana", "lab"), [refusal(409, "User ana already has server lab")])
    assert isinstance(played.error, Conflict)
    played = play(ServerOps.create("ana", ""))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


@pytest.mark.parametrize("name", ["Bad_Name", "a--b", "x" * 31, "1lab", "lab-"])
def test_an_invalid_name_is_refused_for_a_creation_and_a_rename(name: str) -> None:
    played = play(ServerOps.create("ana", name))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []
    with pytest.raises(InvalidInput, match="invalid server name"):
        ServerOps.rename("ana", "lab", name)


@pytest.mark.parametrize(
    ("wanted", "body"),
    [
        ({"display_name": "My lab"}, {"display_name": "My lab"}),
        ({"profile": "gpu"}, {"user_options": {"profile": "gpu"}}),
        ({"user_options": {}}, {"user_options": {}}),
        ({"display_name": "x", "user_options": {"a": 1}}, {"display_name": "x", "user_options": {"a": 1}}),
    ],
)
def test_an_edit_sends_only_keys_that_the_hub_accepts(wanted: dict[str, Any], body: dict[str, Any]) -> None:
    played = play(ServerOps.edit("ana", "lab", **wanted), [reply(json=STOPPED)])
    assert played.calls == ["PATCH /users/ana/servers/lab"]
    assert bodies(played) == [body]


def test_an_edit_without_changes_is_not_sent() -> None:
    with pytest.raises(InvalidInput):
        ServerOps.edit("ana", "lab")


def test_a_running_server_and_a_taken_name_are_conflicts() -> None:
    active = refusal(400, "ana:lab is active. Please stop it before modifying it.")
    for plan in (ServerOps.edit("ana", "lab", profile="gpu"), ServerOps.rename("ana", "lab", "gpu")):
        assert isinstance(play(plan, [active, state({"name": "lab", "ready": True})]).error, Conflict)
    played = play(ServerOps.rename("ana", "lab", "gpu"), [refusal(409, "User ana already has server 'gpu'")])
    assert isinstance(played.error, Conflict)
    assert "already has server" in str(played.error)


def test_a_rename_sends_only_the_name_and_is_not_retried() -> None:
    """A retry after a lost answer would not find the old name."""
    played = play(ServerOps.rename("ana", "lab", "gpu"), [Unavailable("reset"), refusal(404)])
    assert isinstance(played.error, Unavailable)
    assert bodies(played) == [{"name": "gpu"}]


@VERSIONS
def test_a_stop_that_answers_202_is_polled(version: str) -> None:
    """The stop takes longer than `slow_stop_timeout`, and has no progress stream."""
    for end in (STOPPED, None):
        played = play(
            ServerOps.stop("ana", "lab"),
            [reply(202), *[state(STOPPING, version)] * 3, state(end, version)],
            version=version,
        )
        assert played.error is None
        assert played.left == 0
        assert len(requests(played, "DELETE")) == 1
        assert played.seconds > 0


def test_a_stop_that_answers_204_is_done() -> None:
    played = play(ServerOps.stop("ana", "lab"), [reply(204)])
    assert played.error is None
    assert bodies(played) == [None]


def test_a_stop_without_wait_is_not_polled() -> None:
    played = play(ServerOps.stop("ana", "lab", wait=False), [reply(202)])
    assert played.error is None


def test_a_server_that_does_not_stop_is_a_wait_timeout() -> None:
    played = play(
        ServerOps.stop("ana", "lab", timeout=30),
        lambda step: reply(202) if is_request("DELETE", step) else reply(json=STOPPING),
    )
    assert isinstance(played.error, WaitTimeout)
    assert 30 <= played.seconds < 35


@pytest.mark.parametrize("version", ["4.1.6", "5.0.0"])
def test_before_5_1_a_start_cannot_be_cancelled(version: str) -> None:
    wait = reply(400, {"status": 400, "message": "ana:lab is pending spawn, please wait"}, version=version)
    spawning, stopped = state({"name": "lab", "pending": "spawn"}, version), state({"name": "lab"}, version)
    played = play(ServerOps.stop("ana", "lab", wait=False), [wait, spawning], version=version)
    assert isinstance(played.error, ServerPending)
    assert str(played.error) == "server ana/lab: still starting"
    ready = state({"name": "lab", "ready": True}, version)
    played = play(ServerOps.stop("ana", "lab"), [wait, spawning, spawning, ready, reply(204)], version=version)
    assert played.error is None
    assert played.left == 0
    played = play(
        ServerOps.stop("ana", "lab", timeout=30),
        lambda step: wait if is_request("DELETE", step) else spawning,
        version=version,
    )
    assert isinstance(played.error, WaitTimeout)
    assert str(played.error) == "server ana/lab: not stopped after 30 s: still starting"
    assert stopped


def test_since_5_1_a_stop_cancels_a_start() -> None:
    assert play(ServerOps.stop("ana", "lab"), [reply(204)], version="5.1.0").error is None


@VERSIONS
def test_a_deletion_has_a_body_and_is_checked(version: str) -> None:
    """Some proxies drop the body of a DELETE: the server is then stopped and not deleted."""
    played = play(ServerOps.delete("ana", "lab"), [reply(204), state(None, version)], version=version)
    assert played.error is None
    assert played.calls[0] == "DELETE /users/ana/servers/lab"
    assert bodies(played)[0] == {"remove": True}
    played = play(
        ServerOps.delete("ana", "lab", timeout=10),
        lambda step: reply(204) if is_request("DELETE", step) else state(STOPPED, version),
        version=version,
    )
    assert isinstance(played.error, WaitTimeout)


@VERSIONS
def test_a_deletion_that_answers_202_ends_when_the_server_is_gone(version: str) -> None:
    looks = [state(STOPPING, version), state(STOPPED, version), state(None, version)]
    played = play(ServerOps.delete("ana", "lab"), [reply(202), *looks], version=version)
    assert played.error is None
    assert played.left == 0


def test_deleting_a_default_server_is_refused_before_any_request() -> None:
    played = play(ServerOps.delete("ana", ""))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


def test_deleting_a_missing_server_is_not_found_except_on_a_retry() -> None:
    none = refusal(404, "ana has no server named 'lab'")
    assert isinstance(play(ServerOps.delete("ana", "lab"), [none]).error, NotFound)
    assert play(ServerOps.delete("ana", "lab"), [Unavailable("reset"), none, refusal(404)]).error is None


def test_a_slow_deletion_that_cannot_be_checked_is_an_error() -> None:
    refused = refusal(403, "Action is not authorized with current scopes; requires any of [read:servers]")
    assert isinstance(play(ServerOps.delete("ana", "lab"), [reply(202), refused]).error, HubError)
    assert play(ServerOps.delete("ana", "lab"), [reply(204), refused]).error is None
