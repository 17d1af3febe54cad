"""The README: its order, its code blocks, its links and the numbers that other files hold."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import textwrap
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_api import Api
from packaging.requirements import Requirement
from page_blocks import ROOT, run_by
from terminal import Jhub

from jhub.local import LocalHub

README = (ROOT / "README.md").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
TRY, INSTALL, PYTHON, SHELL = (block.text for block in run_by(__file__, "README.md"))
SITE = "https://jhub.readthedocs.io/en/stable"
REPOSITORY = "https://github.com/jhub-contributors/jhub"
SOURCE = f"git+{REPOSITORY}"

MAX_LINES = 90
"""Lines of two screens, 100 columns wide, without the picture."""


@pytest.fixture(scope="module")
def local_hub() -> Iterator[LocalHub]:
    with LocalHub(base_url="/@/space word/", users=["ana", "bo"]) as running:
        yield running


def run(command: list[str], home: Path, hub: LocalHub | None = None) -> str:
    """Run a command in an empty home folder, and return what it prints."""
    # `jhub` is in the folder of the Python that runs the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**Jhub(home).environment(), "PATH": path, "HOME": str(home)}
    env |= {"HUB_PASSWORD": hub.password} if hub else {}
    done = subprocess.run(
        command, env=env, cwd=home, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done
    assert hub is None or hub.password not in done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_sections_are_in_this_order() -> None:
    title, first, picture = README.split("\n\n")[:3]
    assert title == "# jhub"
    assert len(re.findall(r"\.(?:\s|$)", first)) == 1, "one sentence"
    assert re.fullmatch(r"!\[.+\]\(docs/images/start-a-class\.svg\)", picture)
    sections = ["Why", "Try it", "Install", "Tokens, groups and named servers", "What works where", "More"]
    assert re.findall(r"^## (.+)$", README, re.MULTILINE) == sections


def test_what_comes_before_the_table_fits_on_two_screens() -> None:
    text = re.sub(r"^(!\[|<!--).*\n", "", README.partition("## What works where")[0], flags=re.MULTILINE)
    text = re.sub(r"\]\(.*?\)", "", text)
    assert sum(len(textwrap.wrap(line, 100)) or 1 for line in text.splitlines()) <= MAX_LINES


def test_the_two_commands_try_it(tmp_path: Path) -> None:
    """What the first one would install is installed already."""
    install, demo = TRY.splitlines()
    assert requirement(install) == ("jhub", {"local"}, SOURCE)
    out = run(["bash", "-euc", demo], tmp_path)
    assert "geo: ana, bo\n" in out
    assert re.search(r"^ana +\S+ +lab +JupyterLab on Jupyter Server", out, re.MULTILINE)
    assert re.search(r"^bo +\S+ +lean +Jupyter Server", out, re.MULTILINE)


def test_the_install_lines_name_all_extras() -> None:
    """They need a release. What they install is tried in tests/packaging, from the wheel."""
    wanted = [requirement(line.partition("#")[0]) for line in INSTALL.splitlines()]
    assert {name for name, _, _ in wanted} == {PROJECT["name"]}
    assert set().union(*(extras for _, extras, _ in wanted)) == set(PROJECT["optional-dependencies"])
    assert f"`'jhub @ {SOURCE}'`" in README


def requirement(line: str) -> tuple[str, set[str], str | None]:
    """Return what a line of pip or uv installs: the package, its extras and its source."""
    match = re.fullmatch(r"(?:pip|uv tool) install (?:'(.+)'|(\S+)) *", line)
    assert match, line
    wanted = Requirement(match[1] or match[2])
    return wanted.name, wanted.extras, wanted.url


def test_the_three_jobs_run_in_python(local_hub: LocalHub, tmp_path: Path) -> None:
    # There is no terminal for the name and the password.
    password = "__import__('os').environ['HUB_PASSWORD']"
    sign_in = f"Hub.login({local_hub.url!r}, username={local_hub.username!r}, password={password})"
    assert PYTHON.count('Hub.login("https://hub.example.org")') == 1
    program = PYTHON.replace('Hub.login("https://hub.example.org")', sign_in)
    url, profile = run([sys.executable, "-W", "error", "-c", program], tmp_path, local_hub).split()
    assert url.endswith("/user/ana/lab/")
    assert profile == "lab"


def test_the_three_jobs_run_in_the_shell(local_hub: LocalHub, tmp_path: Path) -> None:
    # There is no terminal for the name and the password.
    sign_in = f'jhub login {local_hub.url} -u {local_hub.username} --password-stdin <<< "$HUB_PASSWORD"'
    assert SHELL.count("jhub login https://hub.example.org") == 1
    out = run(["bash", "-euc", SHELL.replace("jhub login https://hub.example.org", sign_in)], tmp_path, local_hub)
    assert '"user_options": {\n      "profile": "lab"' in out
    token = (tmp_path / "report.token").read_text().strip()
    assert token not in out
    api = Api(local_hub, token)
    assert api("GET", "/users").status_code == 200
    assert api("GET", "/groups").status_code == 403, "the token has one scope"


def test_the_package_index_gets_whole_links() -> None:
    build = [sys.executable, "-m", "hatch_fancy_pypi_readme"]
    shown = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "## What works where" in shown
    for link in re.findall(r"\]\(([^)]+)\)", README):
        path, _, anchor = link.partition("#")
        if link.startswith("https://"):
            whole = link
        elif path.endswith(".svg"):
            whole = f"https://raw.githubusercontent.com/jhub-contributors/jhub/main/{path}"
        elif path.startswith("docs/"):
            whole = f"{SITE}/{path.removeprefix('docs/').removesuffix('.md')}.html{f'#{anchor}' if anchor else ''}"
        else:
            whole = f"{REPOSITORY}/blob/main/{link}"
        assert f"]({whole})" in shown
    assert not re.findall(r"\]\((?!https://).*?\)", shown)


def test_the_speed_is_that_of_the_benchmark() -> None:
    [speed] = re.findall(r"200 servers were ready (\d+ to \d+ times)", README)
    benchmarks = (ROOT / "docs/explanation/benchmarks.md").read_text()
    assert speed in benchmarks


def test_the_number_of_routes_is_that_of_the_rest_api() -> None:
    """A test of tests/meta compares rest_api.txt with what the operations send, and with the routes of hubs."""
    [number] = re.findall(r"all (\d+) routes", README)
    routes = (ROOT / "tests/meta/rest_api.txt").read_text()
    assert int(number) == len(re.findall(r"^[A-Z]+ +\S+ +[\d ]*\d$", routes, re.MULTILINE))


def test_the_versions_are_those_that_passed() -> None:
    [(first, last)] = re.findall(r"five major versions, JupyterHub (\d) to (\d)", README)
    recorded = {path.stem: json.loads(path.read_text()) for path in (ROOT / "tests/matrix/recorded").glob("*.json")}
    assert sorted(recorded) == [str(major) for major in range(int(first), int(last) + 1)]
    assert len(recorded) == 5
    for major, results in recorded.items():
        assert results["rows"]["many servers at a time"] == "yes", major
        assert results["rows"]["groups and their members"] == "yes", major
