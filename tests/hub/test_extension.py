"""jhub.extension in real hubs: profiles take effect, and unknown ones are refused before anything happens."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from hub_api import Api, Tokens
from jupyterhub.spawner import SimpleLocalProcessSpawner
from tornado.web import HTTPError

from jhub.errors import LocalHubError
from jhub.extension import barrier
from jhub.extension.profiles import Profile
from jhub.local import LocalHub

REFUSED = "unknown profile 'gpu'; known profiles: lab, lean, stub,"

Call = Callable[..., requests.Response]

# Everything by which the REST API of JupyterHub 6 takes a server's options.
WAYS_IN: dict[str, tuple[str, dict[str, Any]]] = {
    "start": ("POST", {"user_options": {"profile": "gpu"}}),
    "start, with a display name": ("POST", {"display_name": "Work", "user_options": {"profile": "gpu"}}),
    "start, as before JupyterHub 6": ("POST", {"profile": "gpu"}),
    "create": ("PUT", {"user_options": {"profile": "gpu"}}),
    "create, as before JupyterHub 6": ("PUT", {"profile": "gpu"}),
}


def test_a_profile_takes_effect(api: Api, user: str) -> None:
    api.start(user, "work", profile="slow_spawn", more="options")
    answer = api.at(api.ready(user, "work")["url"]).json()
    assert answer["arguments"] == ["--after", "3"]
    # The administrator's environment is there too, and the administrator's hook ran, after the profile.
    assert answer["environment"] == {
        "JHUB_PROFILE": "slow_spawn",
        "JHUB_OWN": "the administrator's",
        "JHUB_HOOK": "saw slow_spawn",
    }


@pytest.mark.parametrize("options", [{}, {"profile": None}, {"profile": ""}, {"else": "x"}])
def test_no_profile_is_the_default_one(api: Api, user: str, options: dict[str, Any]) -> None:
    api.start(user, "work", **options)
    assert api.at(api.ready(user, "work")["url"]).json()["profile"] == "stub"


@pytest.mark.parametrize("way", WAYS_IN)
@pytest.mark.parametrize("server", ["work", ""])
def test_an_unknown_profile_is_refused(api: Api, user: str, way: str, server: str) -> None:
    _check_refused(api, user, server, *WAYS_IN[way])


def test_an_unknown_profile_is_refused_where_starts_are_pending_at_once(zero_api: Api, zero_user: str) -> None:
    _check_refused(zero_api, zero_user, "work", *WAYS_IN["start"])
    assert zero_api.start(zero_user, "work", profile="stub").status_code == 202
    zero_api.ready(zero_user, "work")


def _check_refused(api: Api, user: str, server: str, method: str, body: dict[str, Any]) -> None:
    path = f"/users/{user}/servers/{server}" if server else f"/users/{user}/server"
    began = time.monotonic()
    answer = api(method, path, json=body)
    assert time.monotonic() - began < 1.5
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(REFUSED)
    # As if it had never been asked for: no row, no options, no start that failed.
    known = api("GET", f"/users/{user}", params={"include_stopped_servers": "1"}).json()["servers"]
    assert set(known) <= {""}
    assert not any(model["user_options"] for model in known.values())
    assert api("GET", f"{path}/progress").status_code in (400, 404)


def test_options_that_are_none_are_refused(api: Api, user: str) -> None:
    for profile in (["lab", "lean"], 3, {"slug": "lab"}):
        answer = api.start(user, "work", profile=profile)
        assert answer.status_code == 400
        assert "'profile' must be text" in answer.json()["message"]
    for body in ("[]", '"lab"', "{", '{"user_options": []}'):
        assert api("POST", f"/users/{user}/servers/work", data=body).status_code == 400 or body == "[]"


def test_an_edit_that_saves_an_unknown_profile_is_refused(api: Api, user: str) -> None:
    path = f"/users/{user}/servers/work"
    assert api("PUT", path, json={"user_options": {"profile": "slow_spawn"}}).status_code == 201
    answer = api("PATCH", path, json={"user_options": {"profile": "gpu"}})
    assert answer.status_code == 400
    assert answer.json()["message"].startswith(REFUSED)
    assert api("GET", path).json()["user_options"] == {"profile": "slow_spawn"}
    assert api("PATCH", path, json={"user_options": {"profile": "stub"}}).status_code == 200
    # A start that names no options gets those that were saved.
    api("POST", path)
    assert api.at(api.ready(user, "work")["url"]).json()["profile"] == "stub"
    # And while it runs, JupyterHub's own answers are unchanged.
    assert "already running" in api("POST", path).json()["message"]


def test_a_refusal_tells_strangers_nothing(hub: LocalHub, hub_tokens: Tokens, user: str) -> None:
    for token, status in ((None, 403), (hub_tokens.ana, 404)):
        for method in ("POST", "PUT", "PATCH"):
            body = {"user_options": {"profile": "gpu"}}
            answer = Api(hub, token)(method, f"/users/{user}/servers/work", json=body)
            assert answer.status_code == status
            assert "lean" not in answer.text
    # Whoever may start, may know; whose server it is does not matter for the service.
    assert "lean" in Api(hub, hub_tokens.service).start(user, "work", profile="gpu").text


def test_an_unknown_user_is_still_unknown(api: Api) -> None:
    assert api.start("nobody-at-all", "work", profile="gpu").status_code == 404


def test_the_page_does_not_start_an_unknown_profile(hub: LocalHub, api: Api, fresh: Callable[[str], str]) -> None:
    """The query string of the spawn page does not come by the REST API: the inner barrier stops it."""
    name = fresh("user")
    with requests.Session() as browser:
        browser.trust_env = False
        browser.get(f"{hub.url}hub/login")
        form = {"username": name, "password": hub.user_password, "_xsrf": browser.cookies["_xsrf"]}
        login = browser.post(f"{hub.url}hub/login", data=form, allow_redirects=False)
        assert login.status_code == 302
        for server in ("", "/work"):
            page = browser.get(f"{hub.url}hub/spawn/{name}{server}", params={"opt-profile": "gpu"}, timeout=20)
            assert page.status_code == 400
    assert api("GET", f"/users/{name}").json()["servers"] == {}
    # What the page has saved, it has saved; it does not start by REST either.
    answer = api("POST", f"/users/{name}/server")
    assert answer.status_code == 400
    assert "unknown profile" in answer.json()["message"]


def test_a_profile_leaves_no_trace_on_the_spawner() -> None:
    """JupyterHub may use a spawner object for several starts."""
    spawner = SimpleLocalProcessSpawner(environment={"A": "1"}, args=["--own"], mem_limit="1G")
    first = {"environment": {"B": "2"}, "args": ["--first"], "default_url": "/x"}
    barrier.apply(spawner, Profile(slug="first", display_name="First", spawner_override=first))
    assert spawner.environment == {"A": "1", "B": "2"}
    assert (spawner.args, spawner.default_url, spawner.mem_limit) == (["--first"], "/x", 2**30)
    spawner.environment["C"] = "a hook's"

    barrier.apply(spawner, Profile(slug="second", display_name="Second", spawner_override={"mem_limit": "2G"}))
    assert spawner.environment == {"A": "1"}
    assert (spawner.args, spawner.default_url, spawner.mem_limit) == (["--own"], "", 2**31)

    barrier.restore(spawner)
    assert spawner.mem_limit == 2**30


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"mem_limt": "1G"}, "profile odd: the setting 'mem_limt' of SimpleLocalProcessSpawner does not exist"),
        ({"default_url": 3}, "profile odd: the setting 'default_url' of SimpleLocalProcessSpawner cannot be 3"),
    ],
)
def test_a_setting_that_the_spawner_does_not_take(override: dict[str, Any], message: str) -> None:
    spawner = SimpleLocalProcessSpawner()
    with pytest.raises(HTTPError) as caught:
        barrier.apply(spawner, Profile(slug="odd", display_name="Odd", spawner_override=override))
    assert caught.value.status_code == 500
    assert message in str(caught.value)


def test_a_bad_file_stops_the_hub(tmp_path: Path) -> None:
    bad = tmp_path / "profiles.yaml"
    bad.write_text("profiles: [{slug: lab, kubespawner_overide: {}}]")
    with pytest.raises(LocalHubError, match=r"InvalidInput: .*profile lab: unknown key 'kubespawner_overide'"):
        LocalHub(profiles=bad).start()


def test_in_a_hub_it_is_small_and_enabled_once(profiles_file: Path) -> None:
    script = f"""
import json, sys
from traitlets.config import Config
import jhub.extension
from jupyterhub.apihandlers import default_handlers
before = len(default_handlers)
for _ in range(2):
    jhub.extension.enable(Config(), profiles={str(profiles_file)!r}, legacy_token=True)
print(json.dumps({{
    "added": [path for path, *_ in default_handlers[:len(default_handlers) - before]],
    "loaded": sorted({{"httpx2", "click", "rich"}} & set(sys.modules)),
}}))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {
        "added": [
            "/api/authorizations/token",
            "/api/users/([^/]+)/server",
            "/api/users/([^/]+)/servers/([^/]*)",
        ],
        "loaded": [],
    }
