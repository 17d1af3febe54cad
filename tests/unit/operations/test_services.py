"""Services, the proxy, and the shutdown of a hub."""

from __future__ import annotations

import pytest

from jhub.errors import Conflict, HubBroken, InvalidInput, NotFound, Unavailable, Unsupported
from jhub.operations.hub import HubOps
from jhub.operations.proxy import ProxyOps
from jhub.operations.services import ServiceOps
from jhub.steps import Request
from jhub.testing import play, refusal, reply

ROBOT = {"kind": "service", "name": "robot", "admin": False, "command": [], "info": {}, "display": True, "pid": 0}


def body(step: object) -> object:
    assert isinstance(step, Request)
    return step.body


def test_services_are_listed_by_name_from_one_answer() -> None:
    found = {"b": {**ROBOT, "name": "b"}, "a": {**ROBOT, "name": "a", "command": "", "info": "", "display": ""}}
    played = play(ServiceOps.list(), [reply(json=found)])
    assert [service.name for service in played.emitted] == ["a", "b"]


def test_a_service_is_registered_with_only_the_given_fields() -> None:
    plan = ServiceOps.create("robot", api_token="A SECRET", oauth_client_allowed_scopes=["inherit"])
    played = play(plan, [reply(201, ROBOT)])
    assert played.calls == ["POST /services/robot"]
    assert body(played.sent[0]) == {"api_token": "A SECRET", "oauth_client_allowed_scopes": ["inherit"]}
    assert "SECRET" not in repr(played.sent)


def test_a_service_without_fields_still_has_a_body() -> None:
    """The hub refuses an empty body."""
    assert body(play(ServiceOps.create("robot"), [reply(201, ROBOT)]).sent[0]) == {"admin": False}


@pytest.mark.parametrize(
    "given",
    [
        {"api_token": "1234567"},
        {"oauth_client_id": "robot", "oauth_redirect_uri": "http://127.0.0.1:1/"},
        {"oauth_client_id": "service-robot"},
    ],
    ids=["short token", "id", "no way back"],
)
def test_values_that_the_hub_fails_on_are_refused_with_a_reason(given: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as caught:
        ServiceOps.create("robot", **given)  # type: ignore[arg-type]
    assert "1234567" not in str(caught.value)


def test_a_500_for_an_unknown_scope_has_a_hint() -> None:
    played = play(ServiceOps.create("robot", oauth_client_allowed_scopes=["nope"]), [refusal(500)])
    assert isinstance(played.error, HubBroken)
    assert "misspelt" in played.error.hint


def test_a_service_that_exists_is_a_conflict() -> None:
    played = play(ServiceOps.create("robot"), [refusal(409, "Service robot already exists")])
    assert isinstance(played.error, Conflict)


def test_a_registration_is_not_retried_after_a_lost_answer() -> None:
    assert play(ServiceOps.create("robot"), [Unavailable("reset"), reply(201, ROBOT)]).left == 1


def test_a_service_of_the_configuration_cannot_be_deleted() -> None:
    played = play(ServiceOps.delete("robot"), [refusal(405, "Service robot is not modifiable at runtime")])
    assert isinstance(played.error, Unsupported)
    assert "configuration" in played.error.hint


@pytest.mark.parametrize("plan", [ServiceOps.delete("robot"), ServiceOps.create("robot")], ids=["delete", "create"])
def test_registering_a_service_is_unsupported_on_an_older_hub(plan: object) -> None:
    played = play(plan, [refusal(405, "Method Not Allowed")], version="4.1.6")  # type: ignore[arg-type, var-annotated]
    assert isinstance(played.error, Unsupported)
    assert "needs JupyterHub 5.0" in str(played.error)


def test_a_missing_service_of_an_older_hub_is_not_found() -> None:
    """Before 5.0 the hub answers 500."""
    answers = [refusal(500), reply(json={"other": {**ROBOT, "name": "other"}})]
    played = play(ServiceOps.get("robot"), answers, version="4.1.6")
    assert isinstance(played.error, NotFound)
    assert played.calls == ["GET /services/robot", "GET /services"]


def test_a_500_of_a_newer_hub_is_not_a_missing_service() -> None:
    assert isinstance(play(ServiceOps.get("robot"), [refusal(500)]).error, HubBroken)
    there = play(ServiceOps.get("robot"), [refusal(500), reply(json={"robot": ROBOT})], version="4.1.6")
    assert isinstance(there.error, HubBroken)


def test_a_deletion_after_a_lost_answer_is_done() -> None:
    assert play(ServiceOps.delete("robot"), [Unavailable("reset"), refusal(404)]).error is None


def test_the_proxy_is_synchronised_and_switched() -> None:
    assert play(ProxyOps.sync(), [Unavailable("reset"), reply()]).calls == ["POST /proxy"] * 2
    played = play(ProxyOps.edit(api_url="http://127.0.0.1:8001", auth_token="SECRET"), [reply()])
    assert body(played.sent[0]) == {"api_url": "http://127.0.0.1:8001", "auth_token": "SECRET"}
    assert "SECRET" not in repr(played.sent)
    with pytest.raises(InvalidInput, match="nothing to change"):
        ProxyOps.edit()


def test_a_shutdown_sends_only_given_parameters_and_once() -> None:
    assert body(play(HubOps.shutdown(), [reply(202)]).sent[0]) == {}
    played = play(HubOps.shutdown(servers=False, proxy=True), [Unavailable("reset"), reply(202)])
    assert body(played.sent[0]) == {"servers": False, "proxy": True}
    assert played.left == 1
