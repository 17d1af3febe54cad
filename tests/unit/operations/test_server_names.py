"""Server names: JupyterHub 6.0 has a rule for them, older hubs have none."""

from __future__ import annotations

import pytest
from quirks import NO_PROFILE_LIST, requests, state

from jhub.errors import InvalidInput
from jhub.operations.servers import ServerOps
from jhub.testing import events, play, reply

OLD = {"name": "Bad_Name", "ready": True, "user_options": {"profile": "gpu"}}
VERSIONS = pytest.mark.parametrize("version", ["4.1.6", "5.5.1", "6.1.1"])
BAD = ["Bad_Name", "a--b", "x" * 31, "1lab", "lab-", "-lab", "la b", "läb", "lab.1"]


@VERSIONS
@pytest.mark.parametrize("name", BAD)
def test_a_new_name_must_follow_the_rule_of_6_0_on_every_hub(name: str, version: str) -> None:
    """Older hubs accept any name, which causes trouble after an upgrade."""
    played = play(ServerOps.start("ana", name), [state(None, version)], version=version)
    assert isinstance(played.error, InvalidInput)
    assert "1 to 30 lower-case letters" in played.error.hint
    assert requests(played, "POST") == []


@pytest.mark.parametrize("name", ["lab", "a", "a-b", "lab2", "x" * 30, "a1-b2-c3"])
def test_a_valid_name_needs_no_request(name: str) -> None:
    played = play(ServerOps.start("ana", name, wait=False), [reply(202), state({"name": name, "pending": "spawn"})])
    assert played.calls[0] == f"POST /users/ana/servers/{name}"


@VERSIONS
def test_a_server_with_an_old_invalid_name_is_reached_by_every_call(version: str) -> None:
    here, none = state(OLD, version), state(None, version)
    path = "/users/ana/servers/Bad_Name"
    for plan, answers, last in (
        (ServerOps.get("ana", "Bad_Name"), [here], None),
        (ServerOps.start("ana", "Bad_Name", profile="gpu"), [here, NO_PROFILE_LIST, reply(201), here], f"POST {path}"),
        (ServerOps.wait("ana", "Bad_Name"), [here, here], None),
        (ServerOps.restart("ana", "Bad_Name"), [here, NO_PROFILE_LIST, reply(204), reply(201), here], f"POST {path}"),
        (ServerOps.stop("ana", "Bad_Name"), [reply(204)], f"DELETE {path}"),
        (ServerOps.delete("ana", "Bad_Name"), [reply(204), none], f"DELETE {path}"),
        (ServerOps.progress("ana", "Bad_Name"), [events({"ready": True})], f"LISTEN {path}/progress"),
    ):
        played = play(plan, answers, version=version)
        assert played.error is None
        assert last is None or last in played.calls


def test_a_server_with_an_old_invalid_name_gets_a_valid_one() -> None:
    renamed = reply(json={"name": "good-name", "stopped": True})
    played = play(ServerOps.rename("ana", "Bad_Name", "good-name"), [renamed])
    assert played.result.name == "good-name"
    assert played.calls == ["PATCH /users/ana/servers/Bad_Name"]
