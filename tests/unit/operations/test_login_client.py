"""Registration of the OAuth client of `jhub login --browser`."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from jhub import oauth_client
from jhub.errors import Conflict, Unsupported
from jhub.operations.services import ServiceOps
from jhub.steps import Request
from jhub.testing import Reply, play, refusal, reply

EXISTS = refusal(409, "Service jhub-login already exists")
PLAIN_SERVICE = reply(json={"name": "jhub-login"})


def test_the_login_client_is_registered_without_roles() -> None:
    played = play(ServiceOps.create_login_client(), [reply(201, {"name": "jhub-login"})])
    assert played.result.name == "jhub-login"
    assert played.calls == ["POST /services/jhub-login"]
    step = played.sent[0]
    assert isinstance(step, Request)
    assert step.body == {
        "api_token": oauth_client.CLIENT_SECRET,
        "oauth_client_id": oauth_client.CLIENT_ID,
        "oauth_redirect_uri": oauth_client.REDIRECT_URI,
        "oauth_client_allowed_scopes": ["inherit"],
    }


def test_an_existing_login_client_is_a_conflict_without_exist_ok() -> None:
    assert isinstance(play(ServiceOps.create_login_client(), [EXISTS]).error, Conflict)
    answers = [EXISTS, PLAIN_SERVICE, reply(json={"name": "jhub-login", "kind": "service", "scopes": []})]
    played = play(ServiceOps.create_login_client(exist_ok=True), answers)
    assert played.result.name == "jhub-login"
    assert played.calls == ["POST /services/jhub-login", "GET /services/jhub-login", "GET /user"]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([EXISTS, PLAIN_SERVICE, refusal(403)], "not the client of jhub login"),
        ([EXISTS, reply(json={"name": "jhub-login", "admin": True})], "has roles"),
        ([EXISTS, reply(json={"name": "jhub-login", "roles": ["all"]})], "has roles"),
    ],
)
def test_exist_ok_does_not_accept_another_service_of_that_name(answers: list[Reply], why: str) -> None:
    played = play(ServiceOps.create_login_client(exist_ok=True), answers)
    assert isinstance(played.error, Conflict)
    assert why in played.error.hint
    assert played.error.hint.endswith("jhub service delete jhub-login")


@pytest.mark.parametrize(("version", "key"), [("4.1.6", "oauth_client_allowed_scopes"), ("2.3.1", "oauth_roles")])
def test_on_an_older_hub_the_hint_has_the_configuration(version: str, key: str) -> None:
    played = play(ServiceOps.create_login_client(), [refusal(405)], version=version)
    assert isinstance(played.error, Unsupported)
    assert "registering services: needs JupyterHub 5.0" in str(played.error)
    code = played.error.hint.partition("jupyterhub_config.py: ")[2].removesuffix(
        f" ({oauth_client.EXISTING_ROLE_NOTE})"
    )
    services: list[dict[str, object]] = []
    roles: list[dict[str, object]] = []
    hub = SimpleNamespace(services=services, load_roles=roles)
    exec(code, {"c": SimpleNamespace(JupyterHub=hub)})
    assert services == [oauth_client.service_entry(tuple(map(int, version.split("."))))]
    assert key in services[0]
    assert roles == [{"name": "user", "scopes": ["self", oauth_client.ACCESS_SCOPE]}]
