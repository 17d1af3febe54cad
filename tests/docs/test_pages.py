"""The code blocks of each page run as they stand, in their order, from nothing: see `page_blocks`.

A page that starts the local hub itself begins with an empty home folder. Any other page also has a new hub, with the
users ana, bo and cy, and its administrator's token in the environment.
"""

from __future__ import annotations

import doctest
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from hub_api import Api
from page_blocks import PAGES, ROOT, Block, blocks
from terminal import Jhub

from jhub.local import LocalHub

EXAMPLE = "https://hub.example.org"
RUN = [
    page
    for page in (path.relative_to(ROOT).as_posix() for path in PAGES)
    if any(block.runs_as_it_stands for block in blocks(page))
]
PROGRAMS = {"sh": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-W", "error", "-c"]}
COMPARISON = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@contextmanager
def new_hub() -> Iterator[dict[str, str]]:
    """Run a hub, and return the environment of the page's blocks."""
    with LocalHub(base_url="/@/space word/", users=["ana", "bo", "cy"]) as hub:
        login = {"auth": {"username": hub.username, "password": hub.password}, "expires_in": 3600}
        token = Api(hub)("POST", f"/users/{hub.username}/tokens", json=login).json()["token"]
        yield {
            "JUPYTERHUB_API_URL": hub.api_url,
            "JUPYTERHUB_API_TOKEN": token,
            "HUB_URL": hub.url.rstrip("/"),
            "HUB_USERNAME": hub.username,
            "HUB_PASSWORD": hub.password,
        }


def run(block: Block, home: Path, settings: dict[str, str]) -> str:
    """Run a block, and return its output."""
    # `jhub` and `python` are in the folder of the Python that runs the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**Jhub(home, settings).environment(), "PATH": path, "HOME": str(home)}
    done = subprocess.run(
        [*PROGRAMS[block.language], block.text.replace(EXAMPLE, settings.get("HUB_URL", EXAMPLE))],
        env=env,
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        start_new_session=True,
    )
    assert done.returncode == int(block.value or 0), f"{block}: exit code {done.returncode}\n{done.stdout}"
    for name in ("JUPYTERHUB_API_TOKEN", "HUB_PASSWORD"):
        assert name not in settings or settings[name] not in done.stdout, f"{block} shows {name}"
    return done.stdout.replace(settings.get("HUB_URL", EXAMPLE), EXAMPLE)


@pytest.mark.parametrize("page", RUN)
def test_the_blocks_of_a_page_run(page: str, tmp_path: Path) -> None:
    starts_its_own_hub = any("jhub local up" in block.text for block in blocks(page) if block.runs_as_it_stands)
    out = ""
    environment: AbstractContextManager[dict[str, str]] = nullcontext({}) if starts_its_own_hub else new_hub()
    with environment as settings:
        try:
            for block in blocks(page):
                if block.kind == "file":
                    (tmp_path / block.value).parent.mkdir(parents=True, exist_ok=True)
                    (tmp_path / block.value).write_text(block.text.replace(EXAMPLE, settings.get("HUB_URL", EXAMPLE)))
                elif block.kind == "output":
                    assert doctest.OutputChecker().check_output(block.text, out, COMPARISON), f"{block}: it is\n{out}"
                elif block.runs_as_it_stands:
                    out = run(block, tmp_path, settings)
        finally:
            if starts_its_own_hub:
                Jhub(tmp_path)("local", "down")
