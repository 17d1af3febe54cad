"""What the README says of other ways to use a hub is so, on a real hub."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from chromium import PROGRAM, chromium, sign_in
from hub_api import Api
from page_blocks import ROOT
from playwright.async_api import Request

from jhub import Hub, SpawnFailed
from jhub.local import LocalHub

README = (ROOT / "README.md").read_text()
FULL = "the home folder is full"
CONFIG = f"""
class QuotaExceeded(Exception):
    jupyterhub_message = "{FULL}"

def check_quota(spawner):
    if spawner.user.name == "pupil-a":
        raise QuotaExceeded

c.Spawner.pre_spawn_hook = check_quota
"""


@pytest.fixture
def local_hub(profiles_file: Path) -> Iterator[LocalHub]:
    with LocalHub(profiles=profiles_file, config=CONFIG, users=["pupil-a", "pupil-b"]) as running:
        yield running


@pytest.fixture
def hub(local_hub: LocalHub) -> Iterator[Hub]:
    with Hub.login(local_hub.url, username=local_hub.username, password=local_hub.password) as hub:
        yield hub


def test_a_plain_list_of_users_is_cut(local_hub: LocalHub, hub: Hub) -> None:
    [(seen, count)] = re.findall(r"returns (\d+) of (\d+) users and does not say so", README)
    assert f"returns all {count} " in README
    before = list(hub.users.list())
    with hub.users.create_many(f"student-{number}" for number in range(int(count) - len(before))) as creation:
        list(creation)

    token = hub.tokens.create(local_hub.username, expires_in=600).token
    answer = Api(local_hub, token)("GET", "/users")
    assert isinstance(answer.json(), list), "no field for a next page"
    assert len(answer.json()) == int(seen)
    assert "link" not in answer.headers

    assert len({user.name for user in hub.users.list()}) == int(count)


@pytest.mark.skipif(PROGRAM is None, reason="no Chromium is installed")
def test_start_all_gives_no_reason_and_jhub_does(local_hub: LocalHub, hub: Hub) -> None:
    assert "*Start All* starts default servers, without a profile, and gives no reason when one fails" in README
    sent, text = asyncio.run(start_all(local_hub, hub))
    users = (local_hub.username, "pupil-a", "pupil-b")
    assert sorted(sent) == [(f"/users/{name}/server", None) for name in users], "no body, so no profile"
    assert "pupil-a" in text
    assert FULL not in text

    with pytest.raises(SpawnFailed) as failed:
        hub.servers.start("pupil-a", "lab", profile="stub")
    assert failed.value.reason == FULL


async def start_all(local_hub: LocalHub, hub: Hub) -> tuple[list[tuple[str, str | None]], str]:
    """Click "Start All", and return the requests, with their bodies, and the page after the starts."""
    sent: list[tuple[str, str | None]] = []
    answers: list[int] = []

    def keep(request: Request) -> None:
        if request.method == "POST":
            sent.append((request.url.partition("/hub/api")[2].partition("?")[0], request.post_data))

    async with chromium() as page:
        await sign_in(page, f"{local_hub.url}hub/admin", local_hub.username, local_hub.password)
        await page.get_by_test_id("user-name-div-pupil-b").wait_for()
        page.on("request", keep)
        page.on("response", lambda answer: answers.append(answer.status) if answer.request.method == "POST" else None)
        await page.get_by_role("button", name="Start All").click()
        while len(answers) < 3 or any(user.pending for user in hub.users.list()):
            await asyncio.sleep(0.2)
        text = await page.locator("body").inner_text()
    return sent, text
