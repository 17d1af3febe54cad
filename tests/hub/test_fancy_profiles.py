"""The form of jupyterhub-fancy-profiles, in a browser, on live hubs with KubeSpawner and choices with access rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import chromium, sign_in
from kube_cluster import KubeHub, container, kube_hub

PROFILES = """
profiles:
- slug: standard
  display_name: Standard machine
  default: true
  kubespawner_override: {image: example/standard:1}
- slug: own
  display_name: Own environment
  description: For everybody
  profile_options:
    image:
      display_name: Image
      dynamic_image_building: {enabled: true}
      unlisted_choice:
        enabled: true
        display_name: Custom image
        display_name_in_choices: Another image
        description_in_choices: With a tag
        validation_regex: "example/.+:.+"
        kubespawner_override: {image: "{value}"}
      choices:
        base: {display_name: Base tools, slug: base, description: Plain, kubespawner_override: {image: example/base}}
        secret: {display_name: Secret tools, groups: [staff], kubespawner_override: {image: example/secret}}
- {slug: hidden, display_name: Hidden machine, groups: [staff]}
"""
CONFIG = """
from jupyterhub_fancy_profiles import setup_ui
setup_ui(c)
"""
FROM_FILE = 'jhub.extension.enable(c, profiles="profiles.yaml")'
FROM_LIST = """
import yaml
c.KubeSpawner.profile_list = yaml.safe_load(open("profiles.yaml"))["profiles"]
jhub.extension.enable(c, profiles=jhub.extension.KUBESPAWNER)
"""


@pytest.fixture(scope="module", params=[FROM_FILE, FROM_LIST], ids=["file", "own list"])
def hub(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeHub]:
    place = tmp_path_factory.mktemp("fancy")
    (place / "profiles.yaml").write_text(PROFILES)
    # The form asks for its script at /hub.
    with kube_hub(place, CONFIG + request.param, base_url="/") as up:
        yield up


def test_the_form_shows_and_starts_what_the_owner_may(hub: KubeHub, tmp_path: Path) -> None:
    owner = hub.user("ana")
    profiles, text, pods = asyncio.run(start(hub, owner))
    assert [profile["slug"] for profile in profiles] == ["standard", "own"]
    image = profiles[1]["profile_options"]["image"]
    assert image["dynamic_image_building"] == {"enabled": True}
    assert list(image["choices"]) == ["base"]
    assert (image["choices"]["base"]["slug"], image["choices"]["base"]["description"]) == ("base", "Plain")
    assert image["unlisted_choice"]["description_in_choices"] == "With a tag"
    assert "Own environment" in text
    assert not any(name in text for name in ("Secret", "Hidden", "staff"))
    assert container(pods[0])["image"] == "example/base"


async def start(hub: KubeHub, owner: str) -> tuple[Any, str, list[dict[str, Any]]]:
    """Return the profiles that the form has, its text, and the pods after a start of the second profile."""
    async with chromium() as page:
        await sign_in(page, f"{hub.url}/spawn/{owner}/form", owner, hub.settings.password)
        await page.get_by_text("Own environment").click()
        profiles = await page.evaluate("window.profileList")
        text = await page.locator("form").inner_text()
        await page.locator("#form button[type=submit]").click()
        return profiles, text, await asyncio.to_thread(hub.wait, lambda: hub.pods(owner), bool)
