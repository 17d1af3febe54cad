"""Quirks of JupyterHub's services, its proxy, and the hub itself."""

from __future__ import annotations

import pytest
from quirks import bodies

from jhub.errors import BadRequest, Conflict, InvalidInput, NotFound, Unavailable, Unsupported
from jhub.models import Component
from jhub.operations.hub import HubOps
from jhub.operations.proxy import ProxyOps
from jhub.operations.services import ServiceOps
from jhub.testing import play, refusal, reply


def test_before_5_0_changing_services_is_unsupported() -> None:
    no = reply(405, {"status": 405, "message": "Method Not Allowed"}, version="4.1.6")
    for plan in (ServiceOps.create("bot"), ServiceOps.delete("bot")):
        played = play(plan, [no], version="4.1.6")
        assert isinstance(played.error, Unsupported)
        assert "needs JupyterHub 5.0; this hub is 4.1.6" in str(played.error)


def test_a_405_may_mean_a_service_of_the_configuration() -> None:
    played = play(ServiceOps.delete("bot"), [refusal(405, "Service bot is not modifiable at runtime")])
    assert isinstance(played.error, Unsupported)
    assert "not modifiable at runtime" in str(played.error)
    assert "in the hub's configuration" in played.error.hint


def test_a_removal_is_a_200() -> None:
    played = play(ServiceOps.delete("bot"), [reply(200)])
    assert played.error is None
    played = play(ServiceOps.delete("bot"), [refusal(404, "Service bot does not exist")])
    assert isinstance(played.error, NotFound)


def test_the_body_of_a_registration_is_never_empty() -> None:
    """The hub refuses an empty body with 400 "Invalid service data"."""
    played = play(ServiceOps.create("bot"), [reply(201, {"name": "bot"})])
    assert bodies(played) == [{"admin": False}]


def test_a_refused_registration_has_the_hubs_message() -> None:
    played = play(ServiceOps.create("bot"), [refusal(409, "Service bot already exists")])
    assert isinstance(played.error, Conflict)
    played = play(ServiceOps.create("bot"), [refusal(400, "Failed to create service bot")])
    assert isinstance(played.error, BadRequest)
    played = play(ServiceOps.create("bot"), [Unavailable("reset")])
    assert played.calls == ["POST /services/bot"]


def test_hidden_and_odd_fields_of_a_service_are_read() -> None:
    """`command` is a list or a string, `info` an object or a string; a hidden service has only a name."""
    models = {
        "a": {"name": "a"},
        "b": {"name": "b", "command": [], "info": {}, "display": True, "pid": 0},
        "c": {"name": "c", "command": "run", "info": "words", "display": "yes"},
    }
    played = play(ServiceOps.list(), [reply(json=models)])
    assert [service.name for service in played.emitted] == ["a", "b", "c"]


def test_a_proxy_edit_without_changes_is_not_sent() -> None:
    with pytest.raises(InvalidInput):
        ProxyOps.edit()
    played = play(ProxyOps.edit(api_url="http://10.0.0.2:8001"), [reply(200)])
    assert bodies(played) == [{"api_url": "http://10.0.0.2:8001"}]


def test_a_shutdown_sends_only_given_parameters() -> None:
    assert bodies(play(HubOps.shutdown(), [reply(202, {"message": "Shutting down Hub"})])) == [{}]
    assert bodies(play(HubOps.shutdown(servers=False, proxy=True), [reply(202)])) == [{"servers": False, "proxy": True}]


def test_a_shutdown_is_not_retried() -> None:
    """A supervisor may have restarted the hub by then."""
    played = play(HubOps.shutdown(), [Unavailable("reset"), reply(202)])
    assert isinstance(played.error, Unavailable)
    assert played.left == 1


def test_a_component_of_the_hub_may_have_no_version() -> None:
    info = {
        "version": "6.1.1",
        "spawner": {"class": "__main__.S", "version": "unknown"},
        "authenticator": {"class": "a.B"},
    }
    played = play(HubOps.info(), [reply(json=info)])
    assert played.result.spawner == Component(class_="__main__.S", version="unknown")
    assert played.result.authenticator.version is None
