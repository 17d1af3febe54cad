"""Tokens for a username and a password, as JupyterHub 1 issued them."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hub_api import BASE_URL, MAX_SECONDS, Api, Tokens
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_unix_socket
from tornado.web import Application, RequestHandler
from waits import LOG_WAITS, waits

from jhub.extension import password_tokens
from jhub.local import LocalHub

ROUTE = "/authorizations/token"
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def stranger(hub: LocalHub) -> Api:
    """A client without a token."""
    return Api(hub)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_username_and_a_password_get_a_token(hub: LocalHub, stranger: Api, method: str) -> None:
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
def test_a_user_without_an_earlier_login_gets_a_token(
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
def test_a_wrong_login_is_refused(hub: LocalHub, api: Api, stranger: Api, method: str, login: dict[str, str]) -> None:
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
        (JSON, "{}", "non-empty username"),
        (JSON, '{"username": "ana"}', "non-empty password"),
        (JSON, f'{{"username": "{"a" * 256}", "password": "PASSWORD"}}', "longer than 255"),
        (JSON, '{"username": "", "password": "PASSWORD"}', "non-empty username"),
        (JSON, '{"username": "ana", "password": ""}', "non-empty password"),
        (JSON, '{"username": "ana", "password": 1}', "non-empty password"),
        (JSON, '{"username": ["ana"], "password": "PASSWORD"}', "non-empty username"),
        (JSON, r'{"username": "ana\nbo", "password": "PASSWORD"}', "unprintable characters"),
        (JSON, r'{"username": "ana\u0000", "password": "PASSWORD"}', "unprintable characters"),
        (JSON, r'{"username": "ana\ud800", "password": "PASSWORD"}', "unprintable characters"),
        (FORM, "username=ana&password=PASSWORD", "not JSON"),
        ({}, "username=ana&password=PASSWORD", "not JSON"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_malformed_body_is_refused(
    hub: LocalHub, stranger: Api, method: str, headers: dict[str, str], body: str | bytes, message: str
) -> None:
    data = body.replace("PASSWORD", hub.user_password) if isinstance(body, str) else body
    answer = stranger(method, ROUTE, data=data, headers=headers)
    assert answer.status_code == 400
    assert message in answer.json()["message"]
    assert "Set-Cookie" not in answer.headers
    assert hub.user_password not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        FORM,
        {"Content-Type": "text/plain;charset=UTF-8"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": "x"},
        {**FORM, "Sec-Fetch-Site": "none"},
        {**FORM, "Sec-Fetch-Site": "same-origin", "Origin": "HUB"},
        {**FORM, "Referer": "HUB/some/page"},
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_content_type_has_no_effect(hub: LocalHub, stranger: Api, method: str, headers: dict[str, str]) -> None:
    site = "http://{0.hostname}:{0.port}".format(urlsplit(hub.url))
    sent = {name: value.replace("HUB", site) for name, value in headers.items()}
    body = json.dumps({"username": "ana", "password": hub.user_password})
    answer = stranger(method, ROUTE, data=body, headers=sent)
    assert answer.status_code == 200, answer.text
    assert answer.json()["user"]["name"] == "ana"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_needs_no_header(hub: LocalHub) -> None:
    body = json.dumps({"username": "ana", "password": hub.user_password})
    command = ["curl", "-sS", "--noproxy", "*", "-d", "@-", f"{hub.api_url}{ROUTE}"]
    for more in ([], ["-X", "GET"], ["-H", "Content-Type:"]):
        done = subprocess.run([*command, *more], input=body, capture_output=True, text=True, check=True)
        assert json.loads(done.stdout)["user"]["name"] == "ana"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Referer": "https://elsewhere.example/page"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("content", [FORM, JSON, {"Content-Type": "text/plain"}, {}])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_pages_of_other_sites_are_refused(
    hub: LocalHub, stranger: Api, method: str, content: dict[str, str], headers: dict[str, str]
) -> None:
    body = json.dumps({"username": "ana", "password": hub.user_password})
    answer = stranger(method, ROUTE, data=body, headers={**content, **headers})
    assert answer.status_code == 403
    assert "pages of other sites are refused" in answer.json()["message"]
    assert "token" not in answer.json()
    assert "Set-Cookie" not in answer.headers


def test_only_the_body_identifies_the_user(hub: LocalHub, hub_tokens: Tokens, stranger: Api) -> None:
    login = {"username": "ana", "password": hub.user_password}
    # The query string has no effect.
    answer = stranger("GET", ROUTE, params=login)
    assert answer.status_code == 400
    # Tokens have no effect: a service's, an administrator's, an invalid one.
    for token in (hub_tokens.service, hub_tokens.admin, "none"):
        assert Api(hub, token)("GET", ROUTE).status_code == 400
        answer = Api(hub, token)("GET", ROUTE, json=login)
        assert answer.status_code == 200
        assert answer.json()["user"]["name"] == "ana"
        assert answer.json()["user"]["admin"] is False
    # The cookies of a browser in which another user is logged in have no effect, and stay unchanged.
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


def test_the_route_of_jupyterhub_for_one_token_is_unchanged(api: Api, hub: LocalHub, hub_tokens: Tokens) -> None:
    """It responds as on the same hub without the extension's route."""
    without = """
from jupyterhub import apihandlers
from jhub.extension.password_tokens import PasswordTokenHandler
apihandlers.default_handlers[:] = [each for each in apihandlers.default_handlers if PasswordTokenHandler not in each]
"""
    service = f'c.JupyterHub.services = [{{"name": "robot", "api_token": {hub_tokens.service!r}}}]\n'
    with LocalHub(base_url=BASE_URL, users=["ana"], config=without + service) as bare:
        login = {"auth": {"username": "ana", "password": bare.user_password}}
        ana = Api(bare)("POST", "/users/ana/tokens", json=login).json()["token"]
        assert Api(bare)("POST", ROUTE, json=login["auth"]).status_code == 404, "this hub has no such route"
        theirs = [_told(answer) for answer in _asked_behind(bare, ana, hub_tokens.service)]
    ours = [_told(answer) for answer in _asked_behind(hub, hub_tokens.ana, hub_tokens.service)]
    assert ours == theirs
    assert [status for status, *_ in ours][:3] == [200, 200, 404]
    assert api("GET", f"{ROUTE}/{hub_tokens.ana}").json()["name"] == "ana"


def _asked_behind(hub: LocalHub, ana: str, service: str) -> list[requests.Response]:
    user, nobody = Api(hub, ana), Api(hub)
    body = {"username": "ana", "password": hub.user_password}
    return [
        user("GET", f"{ROUTE}/{ana}"),
        user("GET", f"{ROUTE}/{service}", json=body),
        user("GET", f"{ROUTE}/none"),
        user("HEAD", f"{ROUTE}/{ana}"),
        user("POST", f"{ROUTE}/{ana}", json=body),
        user("DELETE", f"{ROUTE}/{ana}"),
        nobody("GET", f"{ROUTE}/{ana}"),
        nobody("GET", f"{ROUTE}/{ana}", json=body),
        nobody("GET", f"{ROUTE}/", json=body),
        nobody("POST", f"{ROUTE}/x/y", json=body),
    ]


def _told(answer: requests.Response) -> tuple[int, set[str], Any]:
    """Return status, headers and body, without times."""
    body: Any = answer.text
    if answer.headers.get("Content-Type") == "application/json" and body:
        body = {key: value for key, value in answer.json().items() if key not in ("created", "last_activity")}
    return answer.status_code, set(answer.headers), body


def _attempt(api: Api, name: str, password: str, **headers: str) -> tuple[int, float]:
    """Return the status and the wait in seconds, provided that no other attempt runs at the same time."""
    before = len(waits(api.hub))
    answer = api("POST", ROUTE, json={"username": name, "password": password}, headers=headers)
    return answer.status_code, sum(waits(api.hub)[before:])


def test_failures_for_a_name_are_throttled_until_a_success(
    hub: LocalHub, stranger: Api, fresh: Callable[[str], str]
) -> None:
    name = fresh("user")
    for spelling in (name, name.upper(), name, name):
        status, seconds = _attempt(stranger, spelling, "wrong-password")
        assert (status, seconds < 0.5) == (403, True), "people mistype"
    began = time.monotonic()
    status, seconds = _attempt(stranger, name.upper(), "wrong-password")
    assert (status, 0.49 < seconds <= 0.5) == (403, True)
    assert time.monotonic() - began >= seconds, "the hub really waits"
    assert _attempt(stranger, fresh("user"), hub.user_password)[1] < 0.5, "other names do not wait"
    status, seconds = _attempt(stranger, name, hub.user_password)
    assert (status, 0.5 < seconds <= 1) == (200, True)
    status, seconds = _attempt(stranger, name, hub.user_password)
    assert (status, seconds) == (200, 0), "a success clears the failures"


def test_a_flood_gets_429_and_the_hub_stays_responsive(
    hub: LocalHub, stranger: Api, fresh: Callable[[str], str]
) -> None:
    name = fresh("user")
    for _ in range(7):
        _attempt(stranger, name, "wrong-password")
    with ThreadPoolExecutor(20) as pool:
        flood = [pool.submit(_post, Api(hub), name) for _ in range(20)]
        assert Api(hub)("GET", "/").status_code == 200
        assert not all(each.done() for each in flood), "five of them wait for four seconds"
        answers = [each.result() for each in flood]
    assert sorted(answer.status_code for answer in answers) == [403] * 5 + [429] * 15
    full = next(answer for answer in answers if answer.status_code == 429)
    assert full.headers["Retry-After"] == "5"
    assert "try again in a few seconds" in full.json()["message"]
    assert _attempt(stranger, name, hub.user_password)[0] == 200, "nobody is locked out"
    assert "wrong-password" not in hub.log.read_text()


@pytest.mark.parametrize("proxied", [True, False])
def test_a_disconnected_client_frees_its_place(
    hub: LocalHub, stranger: Api, fresh: Callable[[str], str], proxied: bool
) -> None:
    name = fresh("user")
    for _ in range(7):
        _attempt(stranger, name, "wrong-password")
    port = urlsplit(hub.url).port if proxied else _hub_port(hub)
    body = json.dumps({"username": name, "password": hub.user_password})
    head = f"POST {urlsplit(hub.api_url).path}{ROUTE} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    logged, before = len(hub.log.read_text()), len(waits(hub))
    with ExitStack() as waiting:
        for _ in range(5):
            waiting.enter_context(socket.create_connection(("127.0.0.1", port))).sendall((head + body).encode())
        _until(lambda: len(waits(hub)) == before + 5)
        assert _attempt(stranger, name, "wrong-password")[0] == 429
        # The waiting attempts do not lock the database.
        database = sqlite3.connect(hub.folder / "jupyterhub.sqlite", timeout=0, isolation_level=None)
        with closing(database):
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
    _until(lambda: hub.log.read_text()[logged:].count(" 499 POST ") == 5)
    status, seconds = _attempt(stranger, name, "wrong-password")
    assert (status, seconds > 1.5) == (403, True), (
        "the hub checked none of their passwords: a correct one would have cleared the wait"
    )
    assert "Traceback" not in hub.log.read_text()[logged:]


def _until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MAX_SECONDS
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _hub_port(hub: LocalHub) -> int:
    """Return the port of the hub itself, behind its proxy."""
    (port,) = re.findall(r"Hub API listening on http://127.0.0.1:(\d+)", hub.log.read_text())
    return int(port)


def _post(api: Api, name: str) -> requests.Response:
    return api("POST", ROUTE, json={"username": name, "password": "wrong-password"})


def test_addresses_are_throttled_behind_a_trusted_proxy_only(
    stranger: Api, fresh: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The hub trusts its proxy and, to keep the test short, allows an address two failures without a wait."""
    config = """
from jhub.extension import password_tokens
from jhub.extension.login_throttle import Limits, Throttle
password_tokens.ADDRESS_THROTTLE = Throttle(
    Limits(free_failures=2, first_wait_seconds=1.0, max_wait_seconds=1.0, max_in_flight=50)
)
c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]
"""
    with LocalHub(config=config + LOG_WAITS) as trusting:
        everybody = Api(trusting)
        # The proxy drops the client's header: all requests come from this machine, which is the proxy's own.
        for _ in range(4):
            assert _attempt(everybody, fresh("user"), "wrong", **{"X-Forwarded-For": "203.0.113.7"})[1] < 0.9
        # Directly to the hub, as from a proxy in front of it.
        url = f"http://127.0.0.1:{_hub_port(trusting)}{urlsplit(trusting.api_url).path}{ROUTE}"

        def attempt(address: str, password: str = "wrong", **more: str) -> float:
            before = len(waits(trusting))
            login = {"username": fresh("user"), "password": password}
            requests.post(url, json=login, headers={"X-Forwarded-For": address, **more}, timeout=MAX_SECONDS)
            return sum(waits(trusting)[before:])

        for _ in range(3):
            assert attempt("203.0.113.7") < 0.9
        assert attempt("203.0.113.7, 127.0.0.1") > 0.9
        assert attempt("203.0.113.7", trusting.user_password) > 0.9, "a success from the same address clears nothing"
        assert attempt("203.0.113.8") < 0.9
        assert attempt("198.51.100.1, 203.0.113.7") > 0.9, "earlier entries can be forged"
        assert attempt("203.0.113.7", **{"X-Real-Ip": "198.51.100.2"}) > 0.9
        assert attempt("not an address") < 0.9
        for _ in range(3):
            assert attempt("2001:db8::1") < 0.9
        assert attempt("2001:db8::ffff:1") > 0.9, "a machine may have both addresses"
        assert attempt("2001:db8:0:1::1") < 0.9
        # Through the hub's own proxy, from another address: on Linux, a machine has several loopback addresses.
        if sys.platform == "linux":
            for number in range(4):
                before = len(waits(trusting))
                _post_from("127.0.0.2", trusting, fresh("user"))
                assert (sum(waits(trusting)[before:]) > 0.9) == (number == 3)
            assert _attempt(everybody, fresh("user"), "wrong")[1] < 0.9


def _post_from(source: str, hub: LocalHub, name: str) -> None:
    site = urlsplit(hub.api_url)
    with closing(HTTPConnection("127.0.0.1", site.port, timeout=MAX_SECONDS, source_address=(source, 0))) as connection:
        body = json.dumps({"username": name, "password": "wrong"})
        # The proxy does not forward the client's own header.
        connection.request("POST", site.path + ROUTE, body, {**JSON, "X-Forwarded-For": "203.0.113.9"})
        assert connection.getresponse().status == 403


def test_a_request_over_a_unix_socket_has_no_address(tmp_path: Path) -> None:
    """Tornado uses 0.0.0.0 as the proxy's address there, and trusts its headers."""
    seen = []

    class Page(RequestHandler):
        def get(self) -> None:
            seen.append((self.request.remote_ip, password_tokens.client_address(self.request)))

    async def serve() -> None:
        # As JupyterHub creates it.
        server = HTTPServer(Application([("/", Page)]), xheaders=True, trusted_downstream=["0.0.0.0", ""])
        server.add_socket(bind_unix_socket(str(tmp_path / "hub")))
        for header in ("", "X-Forwarded-For: 203.0.113.7\r\n"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "hub")
            writer.write(f"GET / HTTP/1.1\r\nHost: hub\r\n{header}\r\n".encode())
            assert b" 200 " in await reader.readline()
            writer.close()
            await writer.wait_closed()
        server.stop()
        await server.close_all_connections()

    asyncio.run(serve())
    assert seen == [("0.0.0.0", None), ("203.0.113.7", None)]


def test_the_log_never_contains_the_password() -> None:
    config = """
from jupyterhub.auth import Authenticator
from tornado.web import HTTPError
class Failing(Authenticator):
    async def authenticate(self, handler, data):
        self.seen = data["password"]
        if data["username"] == "ana":
            raise RuntimeError(f"cannot check {self.seen}")
        if data["username"] == "bo":
            raise HTTPError(500, f"cannot check {self.seen}")
        return data["username"]
    def add_user(self, user):
        if user.name == "cy":
            raise RuntimeError(f"cannot add one with {self.seen}")
        if user.name == "di":
            raise HTTPError(409, f"cannot add one with {self.seen}")
c.JupyterHub.authenticator_class = Failing
c.Authenticator.allow_all = True
"""
    with LocalHub(config=config + LOG_WAITS) as hub:
        stranger, secret = Api(hub), "PASSWORD-OF-ANA"
        for _ in range(5):
            assert _attempt(stranger, "ana", secret)[0] == 403
        assert _attempt(stranger, "ana", secret)[1] > 0.9, "an error of the authenticator counts as a wrong password"
        assert _attempt(stranger, "bo", secret)[0] == 403
        for name in ("cy", "di"):
            answer = stranger("POST", ROUTE, json={"username": name, "password": secret})
            assert (answer.status_code, secret in answer.text) == (500, False)
        # Some clients put the password into the query.
        misplaced: dict[str, Any] = {"params": {"username": "ed", "password": secret}}
        assert stranger("GET", ROUTE, **misplaced).status_code == 400
        assert stranger("PUT", ROUTE, **misplaced).status_code == 405
        answer = stranger("POST", ROUTE, json={"username": "ed", "password": secret}, **misplaced)
        assert answer.status_code == 200
        log = hub.log.read_text()
    assert "RuntimeError" in log
    assert "in add_user" in log, "the log has the stack"
    assert secret not in log
    assert answer.json()["token"] not in log
