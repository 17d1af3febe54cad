"""The hub itself, its proxy, and its shutdown."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from jhub import Hub, MissingScope, NotFound, Request
from jhub.errors import APIError
from jhub.local.probe import hub_version
from matrix.clients import ON_ASYNC_HUB
from matrix.hub import HubUnderTest, running
from matrix.rows import HUB

pytestmark = HUB


def test_the_hub_returns_its_version_and_components(operator: Any, ana: Any, hub: HubUnderTest) -> None:
    info = operator.info()
    assert info.version == operator.version() == ".".join(map(str, hub.version))
    assert info.spawner.class_ == "jupyterhub.spawner.SimpleLocalProcessSpawner"
    assert info.authenticator.class_ == "jupyterhub.auth.DummyAuthenticator"
    assert info.spawner.version == info.version
    assert info.python.startswith("3.")
    with pytest.raises(MissingScope, match="read:hub"):
        ana.info()


@ON_ASYNC_HUB
def test_routes_exist_for_the_hub_and_running_servers(operator: Any, user: str) -> None:
    operator.servers.start(user, "work")
    operator.proxy.sync()
    # This proxy needs neither value, but the hub accepts them and sets up the routes.
    operator.proxy.edit(api_url="http://127.0.0.1:9", auth_token=secrets.token_hex(16))
    routes = list(operator.proxy.routes())
    assert [route for route in routes if route.data.get("hub")]
    (mine,) = (route for route in routes if route.data.get("user") == user)
    assert mine.data["server_name"] == "work"
    assert mine.target.startswith("http://127.0.0.1:")
    operator.servers.stop(user, "work")
    assert not [route for route in operator.proxy.routes() if route.data.get("user") == user]


def test_the_proxy_needs_its_scope(robot: Any) -> None:
    for ask in (lambda: list(robot.proxy.routes()), robot.proxy.sync, lambda: robot.proxy.edit(auth_token="x")):
        with pytest.raises(MissingScope, match="proxy"):
            ask()


def test_a_missing_route_is_not_found(admin: Any) -> None:
    with pytest.raises(NotFound) as caught:
        admin.run(Request("GET", "/nowhere", lambda answer: None))
    assert (caught.value.method, caught.value.path, caught.value.status) == ("GET", "/nowhere", 404)
    with pytest.raises(APIError) as refused:
        admin.run(Request("PUT", "/users", lambda answer: None))
    assert refused.value.status == 405


def test_a_hub_shuts_down_with_the_scope(hub: HubUnderTest, environment: Path, tmp_path: Path) -> None:
    # A separate hub, shared by both clients, because a hub for each would take long.
    with running(environment, tmp_path) as own, Hub(own.url, own.services["operator"]) as operator:
        with Hub(own.url, own.services["robot"]) as robot, pytest.raises(MissingScope, match="shutdown"):
            robot.shutdown()
        operator.shutdown(servers=True, proxy=True)
        deadline = time.monotonic() + 15
        while hub_version(operator.api_url) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert hub_version(operator.api_url) is None
