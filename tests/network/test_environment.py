"""Both drivers and their environment: variables, proxies, the log, and secrets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable
from urllib.parse import parse_qs

import pytest
from login_hub import form
from loopback import BOTH, VERSION, Driver, Site, Visit, answer_as_ana, no_proxies, refusing_port, serving

from jhub import AsyncHub, Hub
from jhub.errors import InvalidInput
from jhub.login import LoginMethod
from jhub.operations.tokens import TokenOps
from jhub.operations.users import UserOps
from jhub.steps import Flow


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    no_proxies(monkeypatch)
    return monkeypatch


@BOTH
def test_the_environments_proxy_is_not_used_for_this_machine(driver: Driver, proxy: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site, refusing_port() as nowhere:
        proxy.setenv("HTTP_PROXY", nowhere)
        proxy.setenv("ALL_PROXY", nowhere)
        assert driver.run(site.root, UserOps.get("ana")).name == "ana"


@BOTH
def test_the_environments_proxy_is_used_for_other_machines(driver: Driver, proxy: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        proxy.setenv("HTTP_PROXY", site.url)
        with pytest.warns(UserWarning, match="plain http"):
            assert driver.run("http://hub.invalid/hub/api", UserOps.get("ana")).name == "ana"
        assert site.calls == ["GET http://hub.invalid/hub/api/users/ana"]


@BOTH
def test_the_log_has_the_requests_and_no_secret(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    def route(visit: Visit) -> None:
        visit.json({"id": "a7", "name": "ana", "token": "TOPSECRET"}, 201)

    def flow() -> Flow[str | None]:
        yield from UserOps.get("ana")
        return (yield from TokenOps.create_with_password("ana", "PASSWORD")).token

    caplog.set_level(logging.DEBUG)
    with serving(route) as site:
        assert driver.run(site.root, flow()) == "TOPSECRET"
    assert ("jhub", logging.DEBUG, "GET /hub/api/users/ana 201") in caplog.record_tuples
    assert "SECRET" not in caplog.text
    assert "PASSWORD" not in caplog.text


@BOTH
def test_the_http_librarys_log_has_no_cookie(driver: Driver, caplog: pytest.LogCaptureFixture) -> None:
    def route(visit: Visit) -> None:
        visit.json({"name": "ana"}, headers={**VERSION, "Set-Cookie": "jupyterhub-hub-login=TOPSECRET"})

    caplog.set_level(logging.DEBUG)
    with serving(route) as site:
        driver.run(site.root, UserOps.get("ana"))
    assert any(record.name.startswith("httpcore2") for record in caplog.records), "it does tell something"
    assert "headers with cookies are left out" in caplog.text
    assert "SECRET" not in caplog.text


@pytest.mark.parametrize("kind", [Hub, AsyncHub])
@pytest.mark.parametrize("token", ["SECRET\n", "SECRET\r\nX-Evil: 1", " SECRET", "SEC RET", "SECRET\x00", "SECRÉT", ""])
def test_a_token_with_invalid_characters_is_refused_and_not_shown(kind: type[Hub] | type[AsyncHub], token: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        kind("http://127.0.0.1:1/hub/api", token)
    assert "SEC" not in f"{caught.value!r} {caught.value.hint}"


@pytest.mark.parametrize("kind", [Hub, AsyncHub])
def test_a_client_does_not_show_its_token(kind: type[Hub] | type[AsyncHub]) -> None:
    assert repr(kind("http://127.0.0.1:1/hub", "SECRET")) == f"<{kind.__name__} http://127.0.0.1:1/hub>"


@BOTH
def test_inside_a_server_the_environment_names_hub_and_token(driver: Driver, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        monkeypatch.setenv("JUPYTERHUB_API_URL", site.root)
        monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "FROMENV")
        driver.run(None, UserOps.get("ana"), token=None)
        driver.run(None, UserOps.get("ana"), token="GIVEN")
        driver.run(site.root, UserOps.get("ana"), token=None)
        # A URL argument may be another hub's, so the environment's token is not sent there.
        assert [request.headers.get("authorization") for request in site.requests] == [
            "token FROMENV",
            "token GIVEN",
            None,
        ]


@pytest.mark.parametrize("kind", [Hub, AsyncHub])
def test_no_url_and_no_environment_is_an_error(
    kind: type[Hub] | type[AsyncHub], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    monkeypatch.delenv("JUPYTERHUB_API_TOKEN", raising=False)
    with pytest.raises(InvalidInput, match="not signed in to any hub"):
        kind()
    with pytest.raises(InvalidInput, match="JUPYTERHUB_API_URL is not set"):
        kind(token="GIVEN")


def with_a_form(visit: Visit) -> None:
    """Answer as a hub whose login form accepts ana, and whose API issues tokens to her."""
    head = {"X-JupyterHub-Version": "6.1.1"}
    if visit.path == "/hub/login" and visit.command == "GET":
        visit.send(200, "text/html", form().encode(), {**head, "Set-Cookie": "_xsrf=X1; Path=/hub/"})
    elif visit.path.startswith("/hub/login"):
        visit.send(302, "text/html", b"", {**head, "Set-Cookie": "jupyterhub-hub-login=L", "Location": "/hub/spawn"})
    elif visit.path == "/hub/token":
        visit.send(200, "text/html", b"", head)
    else:
        visit.json({"id": "a7", "user": "ana", "token": "NEW", "name": "ana", "version": "6.1.1"})


def login(site: Site, method: LoginMethod | None) -> tuple[str, str]:
    """Sign in, and return the URL and the user of the client."""
    with Hub.login(site.url, username="ana", password="PASSWORD", method=method) as hub:
        return hub.url, hub.users.get("ana").name


def login_asynchronously(site: Site, method: LoginMethod | None) -> tuple[str, str]:
    async def go() -> tuple[str, str]:
        async with await AsyncHub.login(site.url, username="ana", password="PASSWORD", method=method) as hub:
            return await hub.find_url(), (await hub.users.get("ana")).name

    return asyncio.run(go())


LOGINS = pytest.mark.parametrize("sign_in", [login, login_asynchronously], ids=["Hub", "AsyncHub"])
Login = Callable[[Site, LoginMethod | None], tuple[str, str]]


@LOGINS
def test_signing_in_gives_a_client_with_the_new_token(sign_in: Login) -> None:
    with serving(with_a_form) as site:
        assert sign_in(site, None) == (f"{site.url}/", "ana")
        assert site.calls == [
            "GET /hub/api/",
            "GET /hub/login",
            "POST /hub/login?next=",
            "GET /hub/token",
            "GET /hub/api/user",
            "POST /hub/api/users/ana/tokens",
            "GET /hub/api/users/ana",
        ]
        assert [request.headers.get("authorization") for request in site.requests] == [None] * 6 + ["token NEW"]
        cookies = "_xsrf=X1; jupyterhub-hub-login=L"
        sent = [request.headers.get("cookie") for request in site.requests]
        assert sent == [None, None, "_xsrf=X1", cookies, cookies, cookies, None]
        assert parse_qs(site.requests[2].body.decode()) == {
            "_xsrf": ["FIELD"],
            "username": ["ana"],
            "password": ["PASSWORD"],
        }


@LOGINS
def test_signing_in_with_one_call_sends_the_password_and_no_cookie(sign_in: Login) -> None:
    with serving(with_a_form) as site:
        assert sign_in(site, "password") == (f"{site.url}/", "ana")
        assert site.calls == [
            "GET /hub/api/",
            "POST /hub/api/users/ana/tokens",
            "GET /hub/api/user",
            "GET /hub/api/users/ana",
        ]
        new = "token NEW"
        assert [request.headers.get("authorization") for request in site.requests] == [None, None, new, new]
        assert not [request for request in site.requests if "cookie" in request.headers]
        assert json.loads(site.requests[1].body)["auth"] == {"username": "ana", "password": "PASSWORD"}


@LOGINS
def test_signing_in_logs_no_secret(sign_in: Login, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with serving(with_a_form) as site:
        sign_in(site, None)
    assert ("jhub", logging.DEBUG, "POST /hub/login 302") in caplog.record_tuples
    said = "".join(record.getMessage() for record in caplog.records if record.name == "jhub")
    assert not [secret for secret in ("PASSWORD", "NEW", "FIELD", "X1") if secret in said]


@pytest.mark.parametrize("kind", [Hub, AsyncHub])
@pytest.mark.parametrize(
    "address", ["http://ana:SECRET@proxy:port", "foo://ana:SECRET@proxy:1", "http://ana:SECRET@proxy\n"]
)
def test_an_invalid_proxy_is_reported_without_its_password(
    kind: type[Hub] | type[AsyncHub], address: str, proxy: pytest.MonkeyPatch
) -> None:
    proxy.setenv("HTTPS_PROXY", address)
    with pytest.raises(InvalidInput, match="network settings") as caught:
        kind("https://hub.example.org/hub/api", "TOKEN")
    assert "SECRET" not in f"{caught.value!r}"
    assert len(str(caught.value).splitlines()) == 1
    assert "HTTPS_PROXY" in caught.value.hint
