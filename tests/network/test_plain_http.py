"""Plain http: one warning before a token or a password is sent; cookies are sent to their hub only."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import httpx2
import pytest
from loopback import BOTH, Driver, Visit, answer_as_ana, no_proxies, serving

from jhub import AsyncHub, Hub
from jhub.errors import InvalidInput, NotAHub
from jhub.operations.groups import GroupOps
from jhub.operations.hub import HubOps
from jhub.operations.server_status import listen
from jhub.operations.tokens import TokenOps
from jhub.operations.users import UserOps
from jhub.steps import Flow, Operation, Request, decode_status, send

PLAIN = "http://hub.invalid/hub/api"
KINDS = pytest.mark.parametrize("kind", [Hub, AsyncHub])


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment without a proxy and without a hub."""
    no_proxies(monkeypatch)
    for name in ("SERVER_NAME", "SERVICE_NAME", "SERVICE_PREFIX", "API_URL", "API_TOKEN"):
        monkeypatch.delenv(f"JUPYTERHUB_{name}", raising=False)
    return monkeypatch


def twice(plan: Operation[Any]) -> Flow[None]:
    """Run an operation between two other calls."""
    yield from UserOps.get("ana")
    yield from plan
    yield from GroupOps.get("geo")


@BOTH
def test_plain_http_warns_once_for_a_client(driver: Driver, outside: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        outside.setenv("HTTP_PROXY", site.url)
        with pytest.warns(UserWarning, match=".*") as caught:
            driver.run(PLAIN, twice(UserOps.get("bo")))
        assert [str(each.message) for each in caught] == [
            f"{PLAIN} uses plain http: others on the network path can read passwords and tokens"
        ]
        assert len(site.calls) == 3
        with pytest.warns(UserWarning, match="plain http"):
            driver.run(PLAIN, UserOps.get("ana"))


@BOTH
@pytest.mark.parametrize(
    "plan",
    [send("GET", "/x"), send("DELETE", "/x"), send("POST", "/x"), listen("ana", "", 5)],
    ids=["GET", "DELETE", "POST", "stream"],
)
def test_no_token_is_sent_if_the_warning_is_an_error(
    driver: Driver, plan: Operation[Any], outside: pytest.MonkeyPatch
) -> None:
    with serving(answer_as_ana) as site:
        outside.setenv("HTTP_PROXY", site.url)
        with pytest.raises(UserWarning, match="plain http"):
            driver.run(PLAIN, plan)
        assert site.calls == []


@BOTH
def test_no_password_is_sent_if_the_warning_is_an_error(driver: Driver, outside: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        outside.setenv("HTTP_PROXY", site.url)
        with pytest.raises(UserWarning, match="plain http"):
            driver.run(PLAIN, TokenOps.create_with_password("ana", "PASSWORD"), token=None)
        assert site.calls == []


@pytest.mark.parametrize("method", [None, "form", "password", "browser", "paste"])
def test_signing_in_warns_before_the_first_question(method: Any, outside: pytest.MonkeyPatch) -> None:
    def person(question: object) -> str:
        raise AssertionError(f"{question} came before the warning")

    with serving(answer_as_ana) as site:
        outside.setenv("HTTP_PROXY", site.url)
        with pytest.raises(UserWarning, match="plain http"):
            Hub.login("http://hub.invalid", method=method, ask=person)
        with pytest.raises(UserWarning, match="plain http"):
            asyncio.run(AsyncHub.login("http://hub.invalid", method=method, ask=person))
        assert site.calls == ["GET http://hub.invalid/hub/api/"] * 2


@BOTH
def test_a_call_without_secrets_does_not_warn(driver: Driver, outside: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        outside.setenv("HTTP_PROXY", site.url)
        assert driver.run("http://hub.invalid", HubOps.version()) == "6.1.1"
        assert driver.run(PLAIN, UserOps.get("ana"), token=None).name == "ana"
        assert not [request for request in site.requests if "authorization" in request.headers]


@BOTH
def test_plain_http_to_this_machine_does_not_warn(driver: Driver, outside: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        for url in (site.root, site.root.replace("127.0.0.1", "localhost")):
            assert driver.run(url, UserOps.get("ana")).name == "ana"


@BOTH
@pytest.mark.parametrize("name", ["JUPYTERHUB_SERVICE_PREFIX", "JUPYTERHUB_SERVICE_NAME", "JUPYTERHUB_SERVER_NAME"])
def test_plain_http_inside_a_hubs_server_does_not_warn(driver: Driver, name: str, outside: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        outside.setenv("HTTP_PROXY", site.url)
        outside.setenv("JUPYTERHUB_API_URL", PLAIN)
        outside.setenv("JUPYTERHUB_API_TOKEN", "FROMENV")
        outside.setenv(name, "")
        assert driver.run(None, UserOps.get("ana"), token=None).name == "ana"
        with pytest.warns(UserWarning, match="plain http"):  # a URL argument may be another hub's
            driver.run(PLAIN, UserOps.get("ana"))


@BOTH
def test_plain_http_outside_of_a_hubs_server_warns(driver: Driver, outside: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        outside.setenv("HTTP_PROXY", site.url)
        outside.setenv("JUPYTERHUB_API_URL", PLAIN)
        outside.setenv("JUPYTERHUB_API_TOKEN", "FROMENV")
        with pytest.warns(UserWarning, match="plain http"):
            driver.run(None, UserOps.get("ana"), token=None)


def answer(request: httpx2.Request) -> httpx2.Response:
    """Answer as a hub that redirects http to https."""
    if request.url.scheme == "http":
        return httpx2.Response(302, headers={"Location": str(request.url.copy_with(scheme="https"))})
    return httpx2.Response(200, json={"name": "ana", "version": "6.1.1"})


@pytest.mark.parametrize(
    "url", ["https://hub.invalid", "https://hub.invalid/hub/api", "http://hub.invalid", "hub.invalid"]
)
def test_https_does_not_warn_even_after_a_redirect_from_http(url: str, outside: pytest.MonkeyPatch) -> None:
    async def go() -> str:
        async with AsyncHub(url, "SECRET", transport=httpx2.MockTransport(answer)) as hub:
            return (await hub.users.get("ana")).name

    with Hub(url, "SECRET", transport=httpx2.MockTransport(answer)) as hub:
        assert hub.users.get("ana").name == "ana"
        assert hub.api_url == "https://hub.invalid/hub/api"
    assert asyncio.run(go()) == "ana"


def test_a_redirect_from_https_to_http_is_not_followed(outside: pytest.MonkeyPatch) -> None:
    def downgrade(request: httpx2.Request) -> httpx2.Response:
        assert request.url.scheme == "https"
        return httpx2.Response(302, headers={"Location": str(request.url.copy_with(scheme="http"))})

    with Hub("https://hub.invalid", "SECRET", transport=httpx2.MockTransport(downgrade)) as hub, pytest.raises(NotAHub):
        hub.users.get("ana")


def with_cookies(path: str) -> Request[int]:
    return Request(
        "POST", path, decode_status, root="site", anonymous=True, headers=(("Cookie", "a=SECRET"),), page=True
    )


@BOTH
@pytest.mark.parametrize(
    "path",
    [
        "https://evil.invalid/hub/login",
        "http://localhost/hub/login",
        "//evil.invalid/hub/login",
        "http://127.0.0.1/hub/login",
        "https://127.0.0.1:{port}/hub/login",
        "http://127.0.0.1:{port}.evil.invalid/",
        "http://127.0.0.1:{port}@evil.invalid/",
    ],
)
def test_a_requests_headers_are_for_the_hub_only(driver: Driver, path: str, outside: pytest.MonkeyPatch) -> None:
    with serving(answer_as_ana) as site:
        outside.setenv("ALL_PROXY", site.url)
        with pytest.raises(InvalidInput) as caught:
            driver.run(site.root, with_cookies(path.format(port=site.server_port)))
        assert "SECRET" not in f"{caught.value!r}"
        assert site.calls == []


@BOTH
def test_a_request_carries_its_cookies_to_the_hub_and_no_token(driver: Driver, outside: pytest.MonkeyPatch) -> None:
    def route(visit: Visit) -> None:
        visit.send(200, "text/html", b"", {"Set-Cookie": "b=KEPT"})

    with serving(route) as site:
        for path in ("../login", "/hub/login", f"{site.url}/hub/login"):
            assert driver.run(site.root, with_cookies(path)) == 200
        assert site.calls == ["POST /hub/login"] * 3
        # The client stores no cookies from the answers.
        assert [(request.headers.get("cookie"), request.headers.get("authorization")) for request in site.requests] == [
            ("a=SECRET", None)
        ] * 3


@KINDS
def test_creating_a_client_does_not_warn(kind: type[Hub] | type[AsyncHub], outside: pytest.MonkeyPatch) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        kind(PLAIN, "SECRET")
    assert caught == []
