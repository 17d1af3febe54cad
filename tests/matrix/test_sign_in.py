"""Tokens from passwords and OAuth codes, and the identity of a token."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from jhub import AsyncHub, BadRequest, Hub, NotAuthorized
from matrix.conftest import Connect
from matrix.hub import OAUTH_CLIENT, OAUTH_REDIRECT, HubUnderTest
from matrix.rows import SIGN_IN

pytestmark = SIGN_IN


def by_hub(url: str, username: str, password: str) -> str:
    """Return the name of the user after `Hub.login`."""
    with Hub.login(url, username=username, password=password, expires_in=60) as hub:
        return hub.whoami().name


def by_async_hub(url: str, username: str, password: str) -> str:
    """Return the name of the user after `AsyncHub.login`."""

    async def login() -> str:
        async with await AsyncHub.login(url, username=username, password=password, expires_in=60) as hub:
            return (await hub.whoami()).name

    return asyncio.run(login())


@pytest.mark.parametrize("login", [by_hub, by_async_hub])
@pytest.mark.parametrize("pasted", ["", "hub/home", "hub/api", "hub/login?next=%2Fhub", "user/ana/lab/tree#x"])
def test_signing_in_works_from_any_address_of_the_hub(
    login: Callable[[str, str, str], str], pasted: str, hub: HubUnderTest
) -> None:
    assert login(hub.url + pasted, "admin", hub.password) == "admin"


def test_a_password_gives_a_token_that_works_until_it_is_revoked(
    connect: Connect, hub: HubUnderTest, user: str
) -> None:
    made = connect().tokens.create_with_password(user, hub.password, note="a test", expires_in=600)
    mine = connect(made.token)
    assert (mine.whoami().name, mine.whoami().kind, mine.whoami().admin) == (user, "user", False)
    mine.tokens.revoke(user, made.id)
    with pytest.raises(NotAuthorized, match="the token is missing, unknown, expired or revoked"):
        mine.whoami()


def test_a_wrong_password_and_an_unknown_user_are_refused_alike(connect: Connect, hub: HubUnderTest) -> None:
    for name, password in (("admin", "not the password"), ("ghost", hub.password)):
        with pytest.raises(NotAuthorized, match="refused this username and password") as caught:
            connect().tokens.create_with_password(name, password)
        assert caught.value.status == 403


def test_whoami_returns_a_service_and_its_scopes(operator: Any, robot: Any) -> None:
    assert (robot.whoami().name, robot.whoami().kind) == ("robot", "service")
    assert "list:users" in robot.whoami().scopes
    assert "admin:users" not in robot.whoami().scopes
    assert "admin:users" in operator.whoami().scopes


def test_without_a_token_only_the_version_is_readable(connect: Connect, hub: HubUnderTest) -> None:
    door = connect()
    assert door.version() == ".".join(map(str, hub.version))
    for ask in (door.whoami, door.info, lambda: list(door.users.list())):
        with pytest.raises(NotAuthorized) as caught:
            ask()
        assert caught.value.status == 403


def test_an_oauth_code_is_exchanged_once(connect: Connect, hub: HubUnderTest) -> None:
    code = oauth_code(hub, "admin")
    known = {"client_id": OAUTH_CLIENT, "redirect_uri": OAUTH_REDIRECT}
    secret = hub.services["oauth"]
    with pytest.raises(NotAuthorized):
        connect().tokens.exchange_code(code, client_secret="wrong", **known)
    token = connect().tokens.exchange_code(code, client_secret=secret, **known)
    assert connect(token.access_token).whoami().name == "admin"
    with pytest.raises(BadRequest):
        connect().tokens.exchange_code(code, client_secret=secret, **known)


def oauth_code(hub: HubUnderTest, user: str) -> str:
    """Return the code with which the hub redirects a browser to the service, after the user has signed in."""
    with requests.Session() as browser:
        browser.trust_env = False
        browser.headers["Sec-Fetch-Mode"] = "navigate"
        browser.get(f"{hub.url}hub/login", timeout=30)
        form = {"username": user, "password": hub.password, "_xsrf": browser.cookies.get("_xsrf", path=None) or ""}
        browser.post(f"{hub.url}hub/login", data=form, allow_redirects=False, timeout=30)
        asked = {"client_id": OAUTH_CLIENT, "redirect_uri": OAUTH_REDIRECT, "response_type": "code", "state": "x"}
        answer = browser.get(f"{hub.url}hub/api/oauth2/authorize", params=asked, allow_redirects=False, timeout=30)
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
