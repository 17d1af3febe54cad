"""A hub with one profile: servers that name none keep their options as on a hub without the extension."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hub_api import Api

from jhub import Conflict, Hub, NotFound
from jhub.local import LocalHub

STUB = Path(__file__).parents[1] / "support" / "stub_server.py"

PROFILES = """
profiles:
- slug: only
  user_options: [cpus]
  spawner_override: {environment: {JHUB_PROFILE: only}}
"""
CONFIG = f"""
c.Spawner.cmd = [{sys.executable!r}, {str(STUB)!r}]
c.JupyterHub.tornado_settings = dict(slow_spawn_timeout=2)
def hook(spawner):
    spawner.environment["JHUB_HOOK"] = str(spawner.user_options)
c.Spawner.pre_spawn_hook = hook
"""


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The REST API of the hub, for its administrator."""
    file = tmp_path_factory.mktemp("single") / "profiles.yaml"
    file.write_text(PROFILES)
    with LocalHub(profiles=file, config=CONFIG, users=["ana"]) as hub:
        login = {"auth": {"username": hub.username, "password": hub.password}}
        yield Api(hub, Api(hub)("POST", f"/users/{hub.username}/tokens", json=login).json()["token"])


@pytest.mark.parametrize(
    ("server", "sent", "running", "in_hook"),
    [
        ("none", {}, {}, {"profile": "only"}),
        ("own", {"cpus": 2}, {"cpus": 2}, {"profile": "only", "cpus": 2}),
        ("named", {"profile": "only"}, {"profile": "only"}, {"profile": "only"}),
    ],
)
def test_the_options_of_a_running_server(
    single: Api, server: str, sent: dict[str, Any], running: dict[str, Any], in_hook: dict[str, Any]
) -> None:
    assert single.start("ana", server, **sent).status_code in (201, 202)
    model = single.ready("ana", server)
    assert model["user_options"] == running
    environment = single.at(model["url"]).json()["environment"]
    assert environment["JHUB_PROFILE"] == "only", "the profile's settings apply in any case"
    assert environment["JHUB_HOOK"] == str(in_hook)


def test_a_start_from_the_only_profile_accepts_a_server_that_was_started_without_it(single: Api) -> None:
    single.start("ana", "unnamed", cpus=2)
    single.ready("ana", "unnamed")
    with Hub(single.hub.url, str(single.session.headers["Authorization"]).split()[1]) as hub:
        assert hub.servers.start("ana", "unnamed", profile="only").ready
        summary = hub.servers.start_many(["ana/unnamed"], profile="only").run()
        assert [str(event.target) for event in summary.done] == ["ana/unnamed"]
        assert str(hub.preview(hub.servers.start, "ana", "unnamed", profile="only")) == "(nothing)"
        with pytest.raises(NotFound):
            hub.servers.start("ana", "unnamed", profile="other")
        with pytest.raises(Conflict):
            hub.servers.start("ana", "unnamed", profile="only", user_options={"cpus": 3})


def test_unknown_options_are_refused_all_the_same(single: Api) -> None:
    assert single.start("ana", "odd", image="x").status_code == 400
