"""Sign-in by the browser."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from browser_port import port_lock
from terminal import Jhub

from jhub import Hub, WaitTimeout
from jhub.login.callback import visit
from jhub.login.questions import Visit
from jhub.oauth_client import CLIENT_ID, CLIENT_SECRET, PORT, REDIRECT_URI
from matrix.hub import HubUnderTest
from matrix.sign_in.conftest import ByBrowser, Window
from matrix.sign_in.hubs import Hubs
from matrix.sign_in.methods import DUMMY, NATIVE, SINGLE_SIGN_ON
from matrix.sign_in.people import People
from matrix.sign_in.waiting import waiting

Fresh = Callable[[str], str]


def plain(method: str, url: str, **options: Any) -> requests.Response:
    """Send a request as somebody else."""
    with requests.Session() as session:
        session.trust_env = False
        return session.request(method, url, timeout=30, **options)


def test_one_token_with_an_expiry_remains(
    hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh, by_browser: ByBrowser
) -> None:
    person = people.stranger(DUMMY, fresh("new"))
    options = ("--browser", "--expires", "8h", "--note", "a test", "--scopes", "read:users!user,tokens!user")
    assert by_browser(hubs[DUMMY].url, person, *options).code == 0
    tokens = hubs[DUMMY].api("GET", f"/users/{person.name}/tokens")["api_tokens"]
    (mine,) = [token for token in tokens if token["note"] == "a test"]
    assert mine["expires_at"] is not None
    assert "inherit" not in mine["scopes"]
    assert [token for token in tokens if CLIENT_ID in str(token) or "jhub-login" in str(token)] == []
    assert jhub.ok("logout") == ""
    tokens = hubs[DUMMY].api("GET", f"/users/{person.name}/tokens")["api_tokens"]
    assert [token for token in tokens if token["note"] == "a test"] == []


def test_the_browser_opens(
    hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh, window: Window, tmp_path: Path
) -> None:
    opened = tmp_path / "opened"
    script = tmp_path / "browser.py"
    script.write_text(f"import pathlib, sys; pathlib.Path({str(opened)!r}).write_text(sys.argv[1])\n")
    jhub.env["BROWSER"] = f"{sys.executable} {script} %s"
    person = people.stranger(SINGLE_SIGN_ON, fresh("new"))
    with waiting(jhub, hubs[SINGLE_SIGN_ON].url) as command:
        deadline = time.monotonic() + 20
        while not (opened.exists() and opened.read_text()) and time.monotonic() < deadline:
            time.sleep(0.05)
        address = opened.read_text()
        assert "state" not in address, "everybody on this machine can read it"
        window.sign_in(address, person)
        assert command.end().code == 0
    assert jhub.ok("whoami").split()[1] == person.name


def test_requests_of_others_to_the_port_are_ignored(
    hubs: Hubs, people: People, jhub: Jhub, fresh: Fresh, window: Window
) -> None:
    person = people.stranger(DUMMY, fresh("new"))
    with waiting(jhub, hubs[DUMMY].url, "--browser", "--no-open") as command:
        state = parse_qs(urlsplit(command.url).query)["state"][0]
        elsewhere = REDIRECT_URI.replace("/signed-in", "/elsewhere")
        for url in (
            f"{REDIRECT_URI}?code=stolen&state=wrong",
            f"{REDIRECT_URI}?code=stolen",
            REDIRECT_URI,
            f"{elsewhere}?code=stolen&state={state}",
        ):
            assert plain("GET", url).status_code in (400, 404)
        assert command.process.poll() is None, "it still waits"
        window.sign_in(command.url, person)
        result = command.end()
    assert result.code == 0, result
    assert f"as {person.name} with the browser" in result.err


def test_a_user_without_access_to_the_login_client_gets_a_hint(
    hubs: Hubs, people: People, fresh: Fresh, window: Window
) -> None:
    person = people.stranger(NATIVE, fresh("new"))

    def ask(question: object) -> str:
        assert isinstance(question, Visit)

        def tell(text: str) -> None:
            if text == question.url:
                shown = window.sign_in(text, person)
                assert "do not have permission to access JupyterHub service jhub-login" in shown.text

        return visit(question, tell, open_browser=False, timeout=0.5)

    with port_lock(), pytest.raises(WaitTimeout, match="timed out after") as caught:
        Hub.login(hubs[NATIVE].url, method="browser", ask=ask)
    assert "jhub service create --login-client" in caught.value.hint


def test_without_the_login_client_the_hint_explains_its_registration(hub: HubUnderTest, jhub: Jhub) -> None:
    result = jhub("login", hub.url, "--browser", "--no-open")
    assert result.code == 2
    assert "jhub's login client is not registered" in result.err
    assert "jhub service create --login-client" in result.err


def test_a_port_in_use_is_an_immediate_error(hubs: Hubs, jhub: Jhub) -> None:
    with port_lock(), socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # the last sign-in may be a moment ago
        taken.bind(("127.0.0.1", PORT))
        taken.listen()
        result = jhub("login", hubs[DUMMY].url, "--browser", "--no-open", timeout=20)
    assert result.code == 2
    assert f"cannot listen on port {PORT}" in result.err
    assert "--paste" in result.err


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/users", None),
        ("GET", "/users/admin", None),
        ("GET", "/users/admin/tokens", None),
        ("POST", "/users/admin/tokens", {}),
        ("POST", "/users/ana/servers/x", {}),
        ("GET", "/services", None),
        ("GET", "/groups", None),
        ("GET", "/proxy", None),
        ("GET", "/info", None),
    ],
)
def test_the_public_client_secret_gives_no_access(
    method: str, path: str, body: dict[str, str] | None, hubs: Hubs
) -> None:
    api, token = f"{hubs[DUMMY].url}hub/api", {"Authorization": f"token {CLIENT_SECRET}"}
    who = plain("GET", f"{api}/user", headers=token).json()
    assert (who["kind"], who["name"], who["scopes"]) == ("service", "jhub-login", [])
    assert plain(method, f"{api}{path}", headers=token, json=body).status_code in (403, 404)
