"""Create, edit and rename servers without a start (JupyterHub 6.0)."""

from __future__ import annotations

from typing import Any

import pytest

from jhub.errors import (
    AlreadyRunning,
    BadRequest,
    Conflict,
    InvalidInput,
    NotFound,
    ServerPending,
    Unavailable,
    Unsupported,
)
from jhub.operations.servers import ServerOps
from jhub.steps import Request
from jhub.testing import play, refusal, reply

LAB = {"name": "lab", "display_name": "Lab", "stopped": True}
READY = {**LAB, "ready": True, "user_options": {}}


def body(step: object) -> object:
    assert isinstance(step, Request)
    return step.body


def test_a_server_is_created_with_the_given_options() -> None:
    played = play(ServerOps.create("ana", "lab", display_name="Lab", profile="gpu"), [reply(201, LAB)])
    assert (played.result.target, played.result.display_name) == ("ana/lab", "Lab")
    assert played.calls == ["PUT /users/ana/servers/lab"]
    assert body(played.sent[0]) == {"display_name": "Lab", "user_options": {"profile": "gpu"}}


def test_a_creation_is_not_retried_after_a_lost_answer() -> None:
    """A retry would answer 409, because of the first attempt."""
    assert play(ServerOps.create("ana", "lab"), [Unavailable("reset"), reply(201, LAB)]).left == 1


@pytest.mark.parametrize("name", ["", "Lab", "a--b", "x" * 31])
def test_a_server_is_not_created_with_an_invalid_name(name: str) -> None:
    assert isinstance(play(ServerOps.create("ana", name)).error, InvalidInput)


def test_a_server_is_edited() -> None:
    played = play(ServerOps.edit("ana", "lab", user_options={"cpus": 2}), [Unavailable("reset"), reply(json=LAB)])
    assert played.result.target == "ana/lab"
    assert played.calls == ["PATCH /users/ana/servers/lab"] * 2
    assert body(played.sent[0]) == {"user_options": {"cpus": 2}}
    assert play(ServerOps.edit("ana", display_name="Mine"), [reply(json=LAB)]).calls == ["PATCH /users/ana/server"]


def test_empty_options_reset_the_saved_options() -> None:
    assert body(play(ServerOps.edit("ana", "lab", user_options={}), [reply(json=LAB)]).sent[0]) == {"user_options": {}}


def test_nothing_to_change_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="nothing to change"):
        ServerOps.edit("ana", "lab")


def test_a_rename_is_not_retried() -> None:
    renamed = reply(json={**LAB, "name": "old-lab"})
    played = play(ServerOps.rename("ana", "lab", "old-lab"), [renamed])
    assert (played.result.target, body(played.sent[0])) == ("ana/old-lab", {"name": "old-lab"})
    assert play(ServerOps.rename("ana", "lab", "old-lab"), [Unavailable("reset"), renamed]).left == 1


def test_a_default_display_name_follows_the_new_name() -> None:
    """The hub would still show the old name."""
    renamed = reply(json={"name": "old-lab", "display_name": "lab", "stopped": True})
    shown = reply(json={"name": "old-lab", "display_name": "old-lab", "stopped": True})
    played = play(ServerOps.rename("ana", "lab", "old-lab"), [renamed, shown])
    assert (played.result.name, played.result.display_name) == ("old-lab", "old-lab")
    assert played.calls == ["PATCH /users/ana/servers/lab", "PATCH /users/ana/servers/old-lab"]
    assert body(played.sent[1]) == {"display_name": "old-lab"}


@pytest.mark.parametrize("display_name", ["", " "])
def test_an_empty_display_name_is_refused(display_name: str) -> None:
    """The hub would silently keep the current one."""
    for plan in (ServerOps.create, ServerOps.start):
        played = play(plan("ana", "lab", display_name=display_name))
        assert isinstance(played.error, InvalidInput)
        assert played.sent == []
    with pytest.raises(InvalidInput):
        ServerOps.edit("ana", "lab", display_name=display_name)


@pytest.mark.parametrize(("name", "new"), [("", "lab"), ("lab", ""), ("lab", "Old Lab"), ("lab", "../x")])
def test_an_invalid_name_is_refused(name: str, new: str) -> None:
    with pytest.raises(InvalidInput):
        ServerOps.rename("ana", name, new)


def test_a_server_with_an_old_invalid_name_can_be_renamed() -> None:
    assert play(ServerOps.rename("ana", "Old_Lab", "lab"), [reply(json=LAB)]).error is None


@pytest.mark.parametrize(
    ("refused", "kind"),
    [
        (refusal(400, "ana:lab is active. Please stop it before modifying it."), AlreadyRunning),
        (refusal(409, "User ana already has server 'lab'"), Conflict),
        (refusal(404, "User ana has no such server lab"), NotFound),
        (refusal(400, "Invalid server_name"), BadRequest),
    ],
)
def test_a_refusal_has_its_class(refused: Any, kind: type[Exception]) -> None:
    replies = [refused, reply(json=READY)] if kind is AlreadyRunning else [refused]
    assert type(play(ServerOps.rename("ana", "old", "lab"), replies).error) is kind


@pytest.mark.parametrize(
    ("pending", "kind", "text"),
    [
        ("spawn", AlreadyRunning, "is starting"),
        ("stop", ServerPending, "still stopping"),
        ("check", ServerPending, "still being checked by the hub, which has restarted"),
    ],
)
def test_a_change_names_what_the_hub_does_with_the_server(pending: str, kind: type[Exception], text: str) -> None:
    active = refusal(400, "ana:lab is active. Please stop it before modifying it.")
    for plan in (ServerOps.rename("ana", "old", "lab"), ServerOps.edit("ana", "old", display_name="Lab")):
        played = play(plan, [active, reply(json={"name": "old", "pending": pending})])
        assert type(played.error) is kind
        assert str(played.error) == f"server ana/old: {text}"


def test_a_change_of_a_running_server_by_a_token_that_cannot_read_it() -> None:
    active = refusal(400, "ana:lab is active. Please stop it before modifying it.")
    played = play(ServerOps.rename("ana", "old", "lab"), [active, refusal(403)])
    assert str(played.error) == "server ana/old: is running"


@pytest.mark.parametrize(
    "plan",
    [
        ServerOps.create("ana", "lab"),
        ServerOps.edit("ana", "lab", display_name="Lab"),
        ServerOps.rename("ana", "lab", "old-lab"),
    ],
    ids=["create", "edit", "rename"],
)
def test_edits_are_unsupported_on_an_older_hub(plan: Any) -> None:
    played = play(plan, [refusal(405)], version="5.5.4")
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 6.0; this hub is 5.5.4" in str(played.error)


def test_a_start_can_set_a_display_name() -> None:
    played = play(ServerOps.start("ana", "lab", display_name="Lab"), [reply(201), reply(json=READY)])
    assert body(played.sent[0]) == {"user_options": {}, "display_name": "Lab"}


def test_a_server_that_runs_with_another_display_name_is_a_conflict() -> None:
    answers = [refusal(400, "ana:lab is already running"), reply(json=READY)]
    assert isinstance(play(ServerOps.start("ana", "lab", display_name="Thesis"), answers).error, Conflict)


def test_a_display_name_is_not_sent_to_an_older_hub() -> None:
    played = play(ServerOps.start("ana", "lab", display_name="Lab"), version="5.5.4")
    assert isinstance(played.error, Unsupported)
    assert played.sent == []


def test_a_start_of_a_default_server_takes_no_display_name() -> None:
    played = play(ServerOps.start("ana", display_name="Mine"))
    assert isinstance(played.error, InvalidInput)
    assert played.sent == []


def test_with_exist_ok_an_existing_server_is_read() -> None:
    played = play(ServerOps.create("ana", "lab", exist_ok=True), [refusal(409, "already exists"), reply(json=LAB)])
    assert played.result.target == "ana/lab"
    assert played.calls == ["PUT /users/ana/servers/lab", "GET /users/ana/servers/lab"]
    assert isinstance(play(ServerOps.create("ana", "lab"), [refusal(409, "already exists")]).error, Conflict)
