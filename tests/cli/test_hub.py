"""Commands for administrators: services, the proxy, and the hub itself."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator

import pytest
import yaml
from hub_api import Api
from terminal import Jhub

from jhub.local import LocalHub

Fresh = Callable[[str], str]


@pytest.fixture
def service(as_admin: Jhub, api: Api, fresh: Fresh) -> Iterator[str]:
    """The name of a service that is deleted after the test."""
    name = fresh("service")
    yield name
    api("DELETE", f"/services/{name}")


def test_the_token_of_a_new_service_is_printed_once(as_admin: Jhub, hub_url: str, service: str) -> None:
    made = as_admin("service", "create", service, "--generate-token", "--admin")
    token = made.out.strip()
    assert len(token) == 64
    assert token not in made.err
    as_service = Jhub(as_admin.home, {"JUPYTERHUB_API_URL": hub_url, "JUPYTERHUB_API_TOKEN": token})
    assert json.loads(as_service.ok("whoami", "-o", "json"))["name"] == service

    as_admin.outputs.clear()
    again = as_admin("service", "create", service, "--api-token", "-", "--if-not-exists", "-o", "name", stdin="a" * 32)
    assert (again.code, again.out) == (0, f"{service}\n")
    assert "already exists, and keeps its token" in again.err
    both = as_admin("service", "create", service, "--generate-token", "--if-not-exists")
    assert (both.code, both.out) == (2, "")
    assert "cannot be used together: an existing service keeps its token" in both.err
    assert as_admin("service", "create", service, "--generate-token").code == 6
    assert service in as_admin.ok("service", "list", "-o", "name").split()
    assert json.loads(as_admin.ok("service", "show", service, "-o", "json"))["admin"] is True

    unasked = as_admin("service", "delete", service)
    assert (unasked.code, f"delete service {service}" in unasked.err) == (2, True)
    as_admin.ok("service", "delete", "--yes", "-", stdin=service)
    assert as_admin("service", "show", service).code == 5
    assert token not in "".join(as_admin.outputs)


def test_the_token_of_a_service_is_read_from_stdin(as_admin: Jhub, hub_url: str, service: str) -> None:
    create = ("service", "create", service, "--api-token", "-")
    oauth = ("--oauth-client-id", f"service-{service}", "--oauth-redirect-uri", "http://127.0.0.1:9/cb")
    planned = as_admin.ok(*create, *oauth, "--oauth-scope", "self", "--dry-run", stdin="HUNTER2HUNTER2\n")
    assert planned == (
        f'POST /services/{service} {{"api_token":"***","oauth_client_id":"service-{service}",'
        '"oauth_redirect_uri":"http://127.0.0.1:9/cb","oauth_client_allowed_scopes":["self"]}\n'
    )
    shown = yaml.safe_load(as_admin.ok(*create, *oauth, "--info", "n:=1", "-o", "yaml", stdin="HUNTER2HUNTER2\n"))
    assert shown["info"] == {"n": 1}
    as_service = Jhub(as_admin.home, {"JUPYTERHUB_API_URL": hub_url, "JUPYTERHUB_API_TOKEN": "HUNTER2HUNTER2"})
    assert as_service("whoami").code == 0

    asked = as_admin.at_terminal(*create, answers={"API token": "HUNTER2HUNTER2"})
    assert asked.code == 6, "it is there, and the token was read"
    wrong = as_admin("service", "create", f"{service}-x", "--oauth-client-id", "x")
    assert (wrong.code, "it must begin with service-" in wrong.err) == (2, True)
    assert as_admin(*create, stdin="short\n").code == 2
    assert as_admin(*create, stdin="\n").code == 2
    assert as_admin("service", "create", service, "--api-token", "HUNTER2HUNTER2").code == 2
    assert as_admin(*create, "--generate-token", stdin="HUNTER2HUNTER2\n").code == 2
    assert "HUNTER2" not in "".join(as_admin.outputs)


def test_a_service_in_the_configuration_cannot_be_deleted(as_admin: Jhub, as_ana: Jhub) -> None:
    refused = as_admin("service", "delete", "--yes", "robot")
    assert refused.code == 1
    assert "hint: it is in the hub's configuration" in refused.err
    assert as_ana("service", "list").code == 4


def test_proxy_routes_are_listed_and_synchronised(as_admin: Jhub, as_ana: Jhub) -> None:
    table = as_admin.ok("proxy", "routes").splitlines()
    assert table[0].split() == ["ROUTE", "FOR", "TARGET"]
    assert any(line.split()[1] == "hub" for line in table[1:])
    assert as_admin("proxy", "sync").err == "synchronised the routing table\n"
    assert as_ana("proxy", "sync").code == 4
    edit = ("proxy", "edit", "--api-url", "http://127.0.0.1:9", "--auth-token", "-")
    assert as_admin.ok(*edit, "--dry-run", stdin="HUNTER2") == (
        'PATCH /proxy {"api_url":"http://127.0.0.1:9","auth_token":"***"}\n'
    )
    assert as_admin(*edit, stdin="HUNTER2").code == 2, "there is no terminal to ask"
    assert as_admin("proxy", "edit").code == 2
    assert "HUNTER2" not in "".join(as_admin.outputs)


def test_hub_show_prints_the_components_of_the_hub(as_admin: Jhub, as_ana: Jhub, hub: LocalHub) -> None:
    shown = json.loads(as_admin.ok("hub", "show", "-o", "json"))
    assert (shown["url"], shown["api_url"], shown["version"]) == (hub.url, hub.api_url, hub.version)
    assert shown["spawner"]["class"].endswith("LocalSpawner")
    lines = as_ana.ok("hub", "show").splitlines()
    assert [line.split()[0] for line in lines] == ["url", "api", "version"], "the rest takes read:hub"


def test_a_shutdown_requires_the_name_of_the_hub(as_admin: Jhub, as_ana: Jhub, hub: LocalHub) -> None:
    assert as_admin.ok("hub", "shutdown", "--dry-run", "--servers", "--keep-proxy") == (
        'POST /shutdown {"servers":true,"proxy":false}\n'
    )
    assert as_admin("hub", "shutdown").code == 2
    wrong = as_admin.at_terminal("hub", "shutdown", answers={"to continue": "yes"})
    assert wrong.code == 1
    assert "Nothing changed." in wrong.out
    assert as_ana("hub", "shutdown", "--yes").code == 4
    assert as_admin("hub", "show").code == 0


def test_a_shut_down_hub_stops_responding(as_admin: Jhub) -> None:
    with LocalHub() as place:
        login = {"auth": {"username": place.username, "password": place.password}}
        token = Api(place)("POST", f"/users/{place.username}/tokens", json=login).json()["token"]
        jhub = Jhub(as_admin.home, {"JUPYTERHUB_API_URL": place.api_url, "JUPYTERHUB_API_TOKEN": token})
        host = place.url.split("/")[2]
        done = jhub.at_terminal("hub", "shutdown", "--servers", answers={"to continue": host})
        assert done.code == 0, done
        assert f"the hub at {host} is shutting down" in done.out
        deadline = time.monotonic() + 120
        while jhub("hub", "show").code == 0:
            assert time.monotonic() < deadline
