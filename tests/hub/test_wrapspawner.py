"""Profiles on a hub with wrapspawner, which by itself starts its default for an unknown profile."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_api import Api

from jhub.local import LocalHub

STUB = Path(__file__).parents[1] / "support" / "stub_server.py"

PROFILES = """
profiles:
- slug: cold
  default: true
- slug: hot
  groups: [cooks]
- slug: direct
  spawner_override:
    child_class: jhub.local.spawner.LocalSpawner
    child_config: {environment: {JHUB_FLAVOUR: direct}}
"""
# The keys of its own profiles are the slugs; "direct" is not among them.
CONFIG = f"""
import sys
from jhub.local.spawner import LocalSpawner
stub = [sys.executable, {str(STUB)!r}]
c.JupyterHub.spawner_class = "wrapspawner.ProfilesSpawner"
c.ProfilesSpawner.profiles = [
    (name.title(), name, LocalSpawner, dict(environment=dict(JHUB_FLAVOUR=name))) for name in ("other", "hot", "cold")
]
c.Spawner.cmd = stub
c.JupyterHub.tornado_settings = dict(slow_spawn_timeout=2)
"""


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The REST API of a hub with wrapspawner, for its administrator."""
    file = tmp_path_factory.mktemp("wrapped") / "profiles.yaml"
    file.write_text(PROFILES)
    with LocalHub(profiles=file, config=CONFIG, users=["ana"]) as hub:
        login = {"auth": {"username": hub.username, "password": hub.password}}
        yield Api(hub, Api(hub)("POST", f"/users/{hub.username}/tokens", json=login).json()["token"])


@pytest.mark.parametrize(("server", "options", "flavour"), [("a", {}, "cold"), ("b", {"profile": "direct"}, "direct")])
def test_the_wrapped_spawner_has_the_profile_of_the_decision(
    wrapped: Api, server: str, options: dict[str, str], flavour: str
) -> None:
    wrapped.start("ana", server, **options)
    model = wrapped.ready("ana", server)
    assert wrapped.at(model["url"]).json()["environment"]["JHUB_FLAVOUR"] == flavour


def test_profiles_that_only_wrapspawner_has_are_refused(wrapped: Api) -> None:
    assert wrapped.start("ana", "c", profile="gpu").status_code == 400
    assert wrapped.start("ana", "c", profile="other").status_code == 400, "only wrapspawner has this profile"
    assert wrapped.start("ana", "c", profile="hot").status_code == 403
    wrapped("POST", "/groups/cooks")
    wrapped("POST", "/groups/cooks/users", json={"users": ["ana"]})
    wrapped.start("ana", "c", profile="hot")
    assert wrapped.at(wrapped.ready("ana", "c")["url"]).json()["environment"]["JHUB_FLAVOUR"] == "hot"
