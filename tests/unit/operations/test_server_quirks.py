"""What a client of JupyterHub's servers can fall into, starting them aside: look, create, edit, stop, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from quirks import bodies, is_request, queries, requests, state

from jhub.errors import BadRequest, Conflict, HubError, InvalidInput, NotFound, Unavailable, Unsupported, WaitTimeout
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


# look


@OLD
def test_before_6_one_server_is_read_out_of_its_user_for_its_own_address_is_a_405(version: str) -> None:
    played = play(ServerOps.get("ana", "lab"), [state(STOPPED, version)], version=version)
    assert (played.result.name, played.result.user) == ("lab", "ana")
    assert played.calls == ["GET /users/ana"]
    # Without it the hub leaves out those that do not run.
    assert queries(played) == [{"include_stopped_servers": "1"}]


def test_since_6_the_answer_is_a_server_and_not_a_user() -> None:
    """The tutorial's `server_ready` takes it for a user's model."""
    played = play(ServerOps.get("ana", "lab"), [reply(json={"name": "lab", "ready": True})])
    assert played.result == Server(name="lab", user="ana", ready=True)
    assert played.calls == ["GET /users/ana/servers/lab"]


@VERSIONS
def test_a_default_server_may_not_be_there_before_its_first_start(version: str) -> None:
    played = play(ServerOps.get("ana"), [state(None, version)], version=version)
    assert isinstance(played.error, NotFound)


# create, edit and rename without a start: of 6.0


@OLD
@pytest.mark.parametrize("change", SETTINGS)
def test_before_6_what_changes_a_server_that_does_not_run_is_a_405_that_names_the_version(
    change: Callable[[], Operation[Server]], version: str
) -> None:
    not_allowed = reply(405, {"status": 405, "message": "Method Not Allowed"}, version=version)
    played = play(change(), [not_allowed], version=version)
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 6.0" in str(played.error)
    assert version in str(played.error)


def test_a_405_of_a_hub_that_is_new_enough_keeps_its_own_words() -> None:
    played = play(ServerOps.rename("ana", "lab", "gpu"), [refusal(405, "not here")])
    assert isinstance(played.error, Unsupported)
    assert str(played.error) == "server ana/lab: not here"


def test_a_creation_sends_the_keys_that_the_hub_knows_and_is_not_sent_twice() -> None:
    """A second one would find the server that the first has made: 409."""
    plan = ServerOps.create("ana", "lab", profile="gpu", user_options={"size": 2}, display_name="My lab")
    played = play(plan, [Unavailable("reset"), refusal(409)])
    assert isinstance(played.error, Unavailable)
    assert played.calls == ["PUT /users/ana/servers/lab"]
    assert bodies(played) == [{"display_name": "My lab", "user_options": {"profile": "gpu", "size": 2}}]


def test_a_server_that_exists_is_not_created_and_neither_is_a_default_one() -> None:
    played = play(ServerOps.create("ana", "lab"), [refusal(409, "User ana already has server lab")])
    assert isinstance(played.error, Conflict)
    played = play(ServerOps.create("ana", ""))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


@pytest.mark.parametrize("name", ["Bad_Name", "a--b", "x" * 31, "1lab", "lab-"])
def test_a_name_against_the_rule_is_neither_created_nor_given(name: str) -> None:
    played = play(ServerOps.create("ana", name))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []
    with pytest.raises(InvalidInput, match="cannot name a server"):
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
def test_an_edit_sends_only_keys_that_the_hub_knows_for_another_is_a_500(
    wanted: dict[str, Any], body: dict[str, Any]
) -> None:
    played = play(ServerOps.edit("ana", "lab", **wanted), [reply(json=STOPPED)])
    assert played.calls == ["PATCH /users/ana/servers/lab"]
    assert bodies(played) == [body]


def test_an_edit_of_nothing_would_be_a_400_and_is_not_sent() -> None:
    with pytest.raises(InvalidInput):
        ServerOps.edit("ana", "lab")


def test_a_server_that_runs_is_not_changed_and_neither_is_the_name_of_another_taken() -> None:
    active = refusal(400, "ana:lab is active. Please stop it before modifying it.")
    for plan in (ServerOps.edit("ana", "lab", profile="gpu"), ServerOps.rename("ana", "lab", "gpu")):
        assert isinstance(play(plan, [active]).error, Conflict)
    played = play(ServerOps.rename("ana", "lab", "gpu"), [refusal(409, "User ana already has server 'gpu'")])
    assert isinstance(played.error, Conflict)
    assert "already has server" in str(played.error)


def test_a_rename_sends_the_name_alone_and_not_twice() -> None:
    """With its answer lost, a second one would not find the old name."""
    played = play(ServerOps.rename("ana", "lab", "gpu"), [Unavailable("reset"), refusal(404)])
    assert isinstance(played.error, Unavailable)
    assert bodies(played) == [{"name": "gpu"}]


# stop


@VERSIONS
def test_a_stop_that_answers_202_is_waited_for_by_looking(version: str) -> None:
    """It takes longer than `slow_stop_timeout`, and there is no stream for it."""
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


def test_a_stop_that_answers_204_is_over_also_where_nothing_ran() -> None:
    played = play(ServerOps.stop("ana", "lab"), [reply(204)])
    assert played.error is None
    assert bodies(played) == [None]


def test_a_stop_is_not_waited_for_where_nobody_wants_to() -> None:
    played = play(ServerOps.stop("ana", "lab", wait=False), [reply(202)])
    assert played.error is None


def test_a_server_that_does_not_stop_is_said_to_be_still_there() -> None:
    played = play(
        ServerOps.stop("ana", "lab", timeout=30),
        lambda step: reply(202) if is_request("DELETE", step) else reply(json=STOPPING),
    )
    assert isinstance(played.error, WaitTimeout)
    assert 30 <= played.seconds < 35


@pytest.mark.parametrize("version", ["4.1.6", "5.0.0"])
def test_before_5_1_a_start_cannot_be_cancelled_and_the_hub_says_so(version: str) -> None:
    wait = reply(400, {"status": 400, "message": "ana:lab is pending spawn, please wait"}, version=version)
    played = play(ServerOps.stop("ana", "lab"), [wait], version=version)
    assert isinstance(played.error, BadRequest)
    assert "is pending spawn" in str(played.error)
    assert len(played.sent) == 1


def test_since_5_1_a_stop_cancels_a_start() -> None:
    assert play(ServerOps.stop("ana", "lab"), [reply(204)], version="5.1.0").error is None


# delete


@VERSIONS
def test_a_deletion_says_so_in_its_body_and_looks_whether_it_arrived(version: str) -> None:
    """Some proxies drop the body of a DELETE: the server is then stopped, and there."""
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
def test_a_deletion_that_answers_202_is_over_when_the_server_is_gone_and_not_when_it_stopped(version: str) -> None:
    looks = [state(STOPPING, version), state(STOPPED, version), state(None, version)]
    played = play(ServerOps.delete("ana", "lab"), [reply(202), *looks], version=version)
    assert played.error is None
    assert played.left == 0


def test_a_default_server_cannot_be_deleted_and_that_is_known_beforehand() -> None:
    played = play(ServerOps.delete("ana", ""))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


def test_a_server_that_is_not_there_is_not_deleted_but_one_whose_answer_got_lost_is() -> None:
    none = refusal(404, "ana has no server named 'lab'")
    assert isinstance(play(ServerOps.delete("ana", "lab"), [none]).error, NotFound)
    assert play(ServerOps.delete("ana", "lab"), [Unavailable("reset"), none, refusal(404)]).error is None


def test_a_failure_to_look_is_no_success_of_a_slow_deletion() -> None:
    refused = refusal(403, "Action is not authorized with current scopes; requires any of [read:servers]")
    assert isinstance(play(ServerOps.delete("ana", "lab"), [reply(202), refused]).error, HubError)
    assert play(ServerOps.delete("ana", "lab"), [reply(204), refused]).error is None
