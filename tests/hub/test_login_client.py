"""`jhub.extension.enable(c, login_client=True)`: it adds the service for all users, and keeps all other services.

The tests' hub is a local one, which has it; its configuration sets `services` and `load_roles` after that.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from hub_api import Api, Tokens

from jhub import oauth_client
from jhub.client.hub import Hub
from jhub.local import LocalHub

START = Path(__file__).parents[1] / "support" / "hub_start.py"

BASE = """
c = get_config()
c.JupyterHub.db_url = "sqlite:///jupyterhub.sqlite"
c.JupyterHub.authenticator_class = "null"
"""
LINE = """
import jhub.extension
jhub.extension.enable(c, login_client=True)
"""
ROBOT = 'c.JupyterHub.services = [{"name": "robot", "api_token": "robots-own-secret"}]\n'
THEIRS = 'c.JupyterHub.services = [{"name": "jhub-login", "api_token": "an-administrators", "admin": True}]\n'
ROLES = """
c.JupyterHub.load_roles = [
    {"name": "robot", "services": ["robot"], "scopes": ["list:users"]},
    {"name": "user", "scopes": ["read:users!user"]},
]
"""
OURS = {
    "roles": [],
    "admin": False,
    "client": [
        oauth_client.CLIENT_ID,
        oauth_client.REDIRECT_URI,
        [oauth_client.ACCESS_SCOPE, *oauth_client.ALLOWED_SCOPES],
    ],
}

Hubs = Callable[[str, str], Path]


def test_every_user_signs_in_with_the_client(hub: LocalHub, api: Api, hub_tokens: Tokens, user: str) -> None:
    assert {"robot", oauth_client.NAME} <= set(api("GET", "/services").json())
    assert Api(hub, hub_tokens.service)("GET", "/users").status_code == 200, "the administrator's roles still apply"
    with requests.Session() as browser:
        browser.trust_env = False
        browser.headers["Sec-Fetch-Mode"] = "navigate"
        browser.get(f"{hub.url}hub/login")
        form = {"username": user, "password": hub.user_password, "_xsrf": browser.cookies["_xsrf"]}
        assert browser.post(f"{hub.url}hub/login", data=form, allow_redirects=False).status_code == 302
        asked = {
            "client_id": oauth_client.CLIENT_ID,
            "redirect_uri": oauth_client.REDIRECT_URI,
            "response_type": "code",
            "state": "x",
        }
        page = browser.get(f"{hub.api_url}/oauth2/authorize", params=asked)
        assert page.status_code == 200, "the page asks for consent"
        cookies = {cookie.path: cookie.value for cookie in browser.cookies if cookie.name == "_xsrf"}
        agreed = {"_xsrf": max(cookies.items(), key=lambda item: len(item[0] or ""))[1], "scopes": ["inherit"]}
        answer = browser.post(page.url, data=agreed, headers={"Referer": page.url}, allow_redirects=False)
    back = urlsplit(answer.headers["Location"])
    assert f"{back.scheme}://{back.netloc}{back.path}" == oauth_client.REDIRECT_URI
    with Hub(hub.api_url) as nobody:
        token = nobody.tokens.exchange_code(
            parse_qs(back.query)["code"][0],
            client_id=oauth_client.CLIENT_ID,
            client_secret=oauth_client.CLIENT_SECRET,
            redirect_uri=oauth_client.REDIRECT_URI,
        )
    with Hub(hub.api_url, token.access_token) as theirs:
        me = theirs.whoami()
    assert (me.name, f"tokens!user={user}" in me.scopes) == (user, True)


def test_the_secret_of_the_client_has_no_rights(hub: LocalHub, user: str) -> None:
    nobody = Api(hub, oauth_client.CLIENT_SECRET)
    me = nobody("GET", "/user").json()
    assert (me["kind"], me["name"], me["scopes"]) == ("service", oauth_client.NAME, [])
    for method, path in [
        ("GET", "/users"),
        ("GET", f"/users/{user}"),
        ("GET", f"/users/{user}/tokens"),
        ("POST", f"/users/{user}/tokens"),
        ("POST", f"/users/{user}/server"),
        ("POST", f"/users/{oauth_client.NAME}/tokens"),
        ("GET", "/services"),
        ("GET", f"/services/{oauth_client.NAME}"),
        ("POST", "/services/another"),
        ("GET", "/groups"),
        ("GET", "/proxy"),
        ("GET", "/info"),
        ("POST", "/shutdown"),
    ]:
        assert nobody(method, path, json={} if method == "POST" else None).status_code == 403, path


def start(*configs: Path) -> list[dict[str, Any]]:
    """Start hubs one after the other, in one process."""
    done = subprocess.run([sys.executable, START, *configs], capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def hubs(tmp_path: Path) -> Hubs:
    """Return a function that adds a configuration to the folder of a named hub, whose database they share."""

    def write(name: str, config: str) -> Path:
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        path = folder / f"config{len(list(folder.iterdir()))}.py"
        path.write_text(BASE + config)
        return path

    return write


def test_the_client_exists_exactly_while_it_is_configured(hubs: Hubs, tmp_path: Path) -> None:
    """Start hubs in three processes: without the call of `enable`, with it, and without it again."""
    (tmp_path / "same").mkdir()
    (tmp_path / "same" / "registered.json").write_text(json.dumps(oauth_client.service_entry((6,))))
    (tmp_path / "another").mkdir()
    (tmp_path / "another" / "registered.json").write_text('{"name": "jhub-login", "api_token": "somebody-elses"}')
    mine, *others = start(hubs("mine", THEIRS), hubs("same", ROBOT), hubs("another", ROBOT))
    assert (mine["services"]["jhub-login"]["admin"], mine["services"]["jhub-login"]["roles"]) == (True, ["admin"])
    assert [sorted(one["services"]) for one in others] == [["jhub-login", "robot"]] * 2
    assert [one["user"] for one in (mine, *others)] == [["self"]] * 3

    (tmp_path / "same" / "registered.json").unlink()
    config = LINE + ROBOT + ROLES
    pasted = f"{oauth_client.registration_line((6,))}\n{oauth_client.access_line((6,))}\n{LINE}"
    other_name = THEIRS.replace('"name": "jhub-login"', '"name": "x", "oauth_client_id": "service-jhub-login"')
    with_role = LINE + 'c.JupyterHub.load_roles = [{"name": "known", "services": ["jhub-login"]}]'
    found = start(
        hubs("mine", config),
        hubs("same", config),
        hubs("same", config),
        hubs("same", pasted),
        hubs("another", config),
        hubs("mine", LINE + THEIRS),
        hubs("mine", LINE + other_name),
        hubs("mine", with_role),
    )
    robot = {"roles": ["robot"], "admin": False, "client": None}
    for one in found[:3]:
        assert one["services"] == {"robot": robot, "jhub-login": OURS}
        assert one["user"] == ["read:users!user", oauth_client.ACCESS_SCOPE]
    assert found[3] == {"services": {"jhub-login": OURS}, "user": ["self", oauth_client.ACCESS_SCOPE]}
    reasons = ("jhub service delete jhub-login", "OAuth client in c.", "OAuth client in c.", "gives the role known")
    for one, reason in zip(found[4:], reasons, strict=True):
        assert one["error"].startswith("InvalidInput: ")
        assert reason in one["error"]

    [after] = start(hubs("same", ROBOT))
    assert after == {"services": {"robot": {**robot, "roles": []}}, "user": ["self"]}


def test_without_profiles_no_stage_is_installed() -> None:
    script = """
import sys
from jhub.local.fast_start import skip_slow_imports
skip_slow_imports()
from traitlets.config import Config
import jhub.extension
from jupyterhub.apihandlers import default_handlers
before = len(default_handlers)
for _ in range(2):
    jhub.extension.enable(Config(), login_client=True)
loaded = {"jhub.extension.spawner_hook", "jhub.extension.api_handlers"} & set(sys.modules)
print(len(default_handlers) - before, sorted(loaded))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "0 []\n"
