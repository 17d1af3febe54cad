"""Services of the configuration, and services registered at run time."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

import pytest

from jhub import Conflict, InvalidInput, MissingScope, NotAuthorized, NotFound, Unsupported
from matrix.conftest import Connect
from matrix.rows import SERVICES, SERVICES_AT_RUN_TIME

pytestmark = SERVICES

Fresh = Callable[[str], str]


def test_services_are_listed_and_shown(operator: Any) -> None:
    assert {"robot", "operator", "oauth"} <= {service.name for service in operator.services.list()}
    assert operator.services.get("robot").name == "robot"
    assert "robot" in operator.services.get("robot").roles
    with pytest.raises(NotFound):
        operator.services.get("nowhere")


def test_services_need_their_scope(robot: Any, ana: Any) -> None:
    for one in (robot, ana):
        with pytest.raises(MissingScope, match="list:services"):
            list(one.services.list())


@SERVICES_AT_RUN_TIME
def test_a_service_is_created_works_and_is_deleted(connect: Connect, operator: Any, fresh: Fresh) -> None:
    name, token = fresh("service"), secrets.token_hex(16)
    made = operator.services.create(name, api_token=token, info={"about": "a test"})
    assert (made.name, made.admin) == (name, False)
    assert operator.services.get(name).info == {"about": "a test"}
    assert (connect(token).whoami().name, connect(token).whoami().kind) == (name, "service")
    with pytest.raises(Conflict, match="already exists"):
        operator.services.create(name)
    operator.services.delete(name)
    with pytest.raises(NotFound):
        operator.services.get(name)
    with pytest.raises(NotFound):
        operator.services.delete(name)
    with pytest.raises(NotAuthorized):
        connect(token).whoami()


@SERVICES_AT_RUN_TIME
def test_a_service_needs_only_a_name(operator: Any, fresh: Fresh) -> None:
    name = fresh("service")
    assert operator.services.create(name).name == name
    operator.services.delete(name)


@SERVICES_AT_RUN_TIME
def test_users_sign_in_to_a_service_made_at_run_time(operator: Any, fresh: Fresh) -> None:
    name = fresh("service")
    made = operator.services.create(
        name,
        api_token=secrets.token_hex(16),
        oauth_client_id=f"service-{name}",
        oauth_redirect_uri="http://127.0.0.1:9/back",
        oauth_no_confirm=True,
        display=False,
    )
    assert made.name == name
    with pytest.raises(InvalidInput):
        operator.services.create(fresh("service"), oauth_client_id="without-the-prefix")
    operator.services.delete(name)


@SERVICES_AT_RUN_TIME
def test_a_service_of_the_configuration_cannot_be_deleted(operator: Any, robot: Any, fresh: Fresh) -> None:
    with pytest.raises(MissingScope, match="admin:services"):
        robot.services.create(fresh("service"))
    with pytest.raises(Unsupported) as caught:
        operator.services.delete("robot")
    assert "in the hub's configuration" in caught.value.hint
    assert operator.services.get("robot").name == "robot"
