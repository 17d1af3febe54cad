"""A hub with an options form of its own, and a profile that lets options of any name through."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from hub_api import Api

from jhub.local import LocalHub

STUB = Path(__file__).parents[1] / "support" / "stub_server.py"

PROFILES = """
profiles:
- slug: any
  user_options: any
- slug: closed
"""
# The extension knows DockerSpawner by the name of the class.
CONFIG = f"""
from jhub.local.spawner import LocalSpawner
class DockerSpawner(LocalSpawner):
    pass
c.JupyterHub.spawner_class = DockerSpawner
c.Spawner.cmd = [{sys.executable!r}, {str(STUB)!r}]
c.Spawner.options_form = '<input name="course">'
c.Spawner.apply_user_options = {{"memory": "mem_limit"}}
c.JupyterHub.tornado_settings = dict(slow_spawn_timeout=2)
def hook(spawner):
    spawner.environment["JHUB_HOOK"] = str(spawner.user_options)
c.Spawner.pre_spawn_hook = hook
"""


@pytest.fixture(scope="module")
def form_hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """The hub."""
    file = tmp_path_factory.mktemp("any") / "profiles.yaml"
    file.write_text(PROFILES)
    with LocalHub(profiles=file, config=CONFIG, users=["ana", "bo"]) as hub:
        yield hub


@pytest.fixture(scope="module")
def admin(form_hub: LocalHub) -> Api:
    """The REST API, for the hub's administrator."""
    login = {"auth": {"username": form_hub.username, "password": form_hub.password}}
    answer = Api(form_hub)("POST", f"/users/{form_hub.username}/tokens", json=login)
    return Api(form_hub, answer.json()["token"])


def test_options_of_any_name_reach_the_hook(admin: Api) -> None:
    assert admin.start("ana", "rest", course="geo", seats=3).status_code in (201, 202)
    environment = admin.at(admin.ready("ana", "rest")["url"]).json()["environment"]
    assert environment["JHUB_HOOK"] == str({"profile": "any", "course": "geo", "seats": 3})


@pytest.mark.parametrize(
    "options", [{"image": "any/image:1"}, {"memory": "900G"}, {"profile": "closed", "course": "geo"}]
)
def test_settings_of_the_spawner_and_other_profiles_stay_closed(admin: Api, options: dict[str, Any]) -> None:
    answer = admin.start("ana", "closed", **options)
    assert answer.status_code == 400
    assert answer.json()["message"].startswith("unknown option ")


def test_the_hubs_own_form_is_read(form_hub: LocalHub, admin: Api) -> None:
    with requests.Session() as browser:
        browser.trust_env = False
        browser.get(f"{form_hub.url}hub/login")
        form = {"username": "bo", "password": form_hub.user_password, "_xsrf": browser.cookies["_xsrf"]}
        assert browser.post(f"{form_hub.url}hub/login", data=form, allow_redirects=False).status_code == 302
        fields = {"course": "geo", "_xsrf": browser.cookies["_xsrf"]}
        page = f"{form_hub.url}hub/spawn/bo"
        assert browser.post(page, data={**fields, "memory": "900G"}, allow_redirects=False).status_code == 400
        assert browser.post(page, data=fields, allow_redirects=False).status_code == 302
    assert admin.ready("bo", "")["user_options"] == {"profile": "any", "course": ["geo"]}
