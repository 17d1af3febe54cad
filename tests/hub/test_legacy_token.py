"""A token for a username and a password, as JupyterHub 1 gave it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from hub_api import Api, Tokens

from jhub.local import LocalHub

ROUTE = "/authorizations/token"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def stranger(hub: LocalHub) -> Api:
    """Somebody with no token."""
    return Api(hub)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_for_a_password(hub: LocalHub, stranger: Api, method: str) -> None:
    answer = stranger(method, ROUTE, json={"username": hub.username, "password": hub.password})
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    body = answer.json()
    assert body["user"]["name"] == hub.username
    assert body["user"]["kind"] == "user"
    assert body["user"]["admin"] is True

    admin = Api(hub, body["token"])
    assert admin("GET", "/users").status_code == 200
    known = admin("GET", f"/users/{hub.username}/tokens").json()["api_tokens"]
    mine = [token for token in known if token["note"] == "Requested by username and password"][-1]
    expires = datetime.fromisoformat(mine["expires_at"]) - datetime.now(UTC)
    assert 3500 < expires.total_seconds() <= 3600


@pytest.mark.parametrize("spelling", [str, str.upper])
def test_somebody_who_never_logged_in(
    hub: LocalHub, api: Api, stranger: Api, fresh: Callable[[str], str], spelling: Callable[[str], str]
) -> None:
    name = fresh("user")
    assert api("GET", f"/users/{name}").status_code == 404
    answer = stranger("GET", ROUTE, json={"username": spelling(name), "password": hub.user_password})
    assert answer.status_code == 200
    assert answer.json()["user"]["name"] == name
    assert answer.json()["user"]["admin"] is False
    assert Api(hub, answer.json()["token"])("GET", "/user").json()["name"] == name
    assert Api(hub, answer.json()["token"])("GET", "/users").status_code == 403


@pytest.mark.parametrize(
    "login",
    [
        {"username": "ana", "password": "wrong-password"},
        {"username": "admin", "password": "wrong-password"},
        {"username": "nobody-at-all", "password": "wrong-password"},
        {"username": "a/b", "password": "wrong-password"},
        # JupyterHub 6.1's authenticator raises TypeError for a password beyond ASCII.
        {"username": "ana", "password": "wröng-password"},
        {"username": "ana", "password": "wrong-\x00password"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_wrong_login(hub: LocalHub, api: Api, stranger: Api, method: str, login: dict[str, str]) -> None:
    answer = stranger(method, ROUTE, json=login)
    assert answer.status_code == 403
    assert answer.json() == {"status": 403, "message": "wrong username or password"}
    assert "Set-Cookie" not in answer.headers
    assert api("GET", "/users/nobody-at-all").status_code == 404
    assert "wrong-password" not in hub.log.read_text()


@pytest.mark.parametrize(
    ("headers", "body", "message"),
    [
        (JSON, "", "not JSON"),
        (JSON, "{", "not JSON"),
        (JSON, b"\xff\xfe\x00", "not JSON"),
        (JSON, "[" * 10_000, "not JSON"),
        (JSON, "[" * 100_000, "longer than"),
        (JSON, "[]", "must be a JSON object"),
        (JSON, '"ana"', "must be a JSON object"),
        (JSON, "null", "must be a JSON object"),
        (JSON, "{}", "needs username"),
        (JSON, '{"username": "ana"}', "needs password"),
        (JSON, '{"username": "", "password": "PASSWORD"}', "needs username"),
        (JSON, '{"username": "ana", "password": ""}', "needs password"),
        (JSON, '{"username": "ana", "password": 1}', "needs password"),
        (JSON, '{"username": ["ana"], "password": "PASSWORD"}', "needs username"),
        (FORM, "username=ana&password=PASSWORD", "must be JSON"),
        (FORM, '{"username": "ana", "password": "PASSWORD"}', "must be JSON"),
        ({"Content-Type": "text/plain"}, '{"username": "ana", "password": "PASSWORD"}', "must be JSON"),
        ({}, '{"username": "ana", "password": "PASSWORD"}', "must be JSON"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_malformed_body(
    hub: LocalHub, stranger: Api, method: str, headers: dict[str, str], body: str | bytes, message: str
) -> None:
    data = body.replace("PASSWORD", hub.user_password) if isinstance(body, str) else body
    answer = stranger(method, ROUTE, data=data, headers=headers)
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert "Set-Cookie" not in answer.headers
    assert hub.user_password not in answer.text


def test_nothing_but_the_body_counts(hub: LocalHub, hub_tokens: Tokens, stranger: Api) -> None:
    login = {"username": "ana", "password": hub.user_password}
    # Not the query string.
    answer = stranger("GET", ROUTE, params=login)
    assert answer.status_code == 400
    # Not a token: neither one that may do more, nor one that is none.
    for token in (hub_tokens.service, hub_tokens.admin, "none"):
        assert Api(hub, token)("GET", ROUTE).status_code == 400
        answer = Api(hub, token)("GET", ROUTE, json=login)
        assert answer.status_code == 200
        assert answer.json()["user"]["name"] == "ana"
        assert answer.json()["user"]["admin"] is False
    # Not the cookies of a browser in which somebody else is logged in, which stay as they are.
    with requests.Session() as browser:
        browser.trust_env = False
        browser.get(f"{hub.url}hub/login")
        form: dict[str, Any] = {"username": hub.username, "password": hub.password, "_xsrf": browser.cookies["_xsrf"]}
        assert browser.post(f"{hub.url}hub/login", data=form, allow_redirects=False).status_code == 302
        for method in ("GET", "POST"):
            assert browser.request(method, f"{hub.api_url}{ROUTE}").status_code == 400
            answer = browser.request(method, f"{hub.api_url}{ROUTE}", json=login)
            assert answer.status_code == 200
            assert answer.json()["user"]["name"] == "ana"
            assert "Set-Cookie" not in answer.headers


def test_the_route_behind_it_is_still_jupyterhubs(api: Api, hub_tokens: Tokens) -> None:
    answer = api("GET", f"{ROUTE}/{hub_tokens.ana}")
    assert answer.status_code == 200
    assert answer.json()["name"] == "ana"
    assert api("GET", f"{ROUTE}/none").status_code == 404
