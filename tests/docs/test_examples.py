"""The examples of examples/ and docs/ run against a real hub."""

from __future__ import annotations

import doctest
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_api import Api
from page_blocks import PAGES, ROOT, blocks, run_by
from terminal import Jhub

import jhub.testing
from jhub.extension.profile_access import Owner, available_profiles
from jhub.local import LocalHub
from jhub.operations import groups
from jhub.profiles.loader import parse
from jhub.steps import Request

EXAMPLES = sorted((ROOT / "examples").iterdir())
SHOWN = [path for path in EXAMPLES if path.stem.partition("_")[0] in ("token", "groups", "servers")]
"""The examples that docs/how-to/using-the-api.md shows; it links the others."""
PROFILES = "docs/how-to/profiles.md"


def texts(page: str, language: str) -> list[str]:
    """Return the blocks in a language that this file runs."""
    return [block.text for block in run_by(__file__, page) if block.language == language]


@pytest.fixture(scope="module")
def example_hub(profiles_file: Path) -> Iterator[LocalHub]:
    """A hub for the examples only, because they use common names."""
    with LocalHub(base_url="/@/space word/", users=["ana", "bo", "cy"]) as running:
        yield running


@pytest.fixture
def settings(example_hub: LocalHub, tmp_path: Path) -> dict[str, str]:
    """Return the environment that the page on the API describes."""
    login = {"auth": {"username": example_hub.username, "password": example_hub.password}, "expires_in": 600}
    token = Api(example_hub)("POST", f"/users/{example_hub.username}/tokens", json=login).json()["token"]
    api = Api(example_hub, token)
    api("DELETE", "/groups/geo")
    for user in ("ana", "bo", "cy"):
        api("DELETE", f"/users/{user}/servers/lab", json={"remove": True})
    return {
        "JUPYTERHUB_API_URL": example_hub.api_url,
        "JUPYTERHUB_API_TOKEN": token,
        "HUB_URL": example_hub.url,
        "HUB_USERNAME": example_hub.username,
        "HUB_PASSWORD": example_hub.password,
        "HOME": str(tmp_path),
    }


def run(command: list[str], tmp_path: Path, env: dict[str, str], stdin: str = "") -> str:
    # `jhub` is in the folder of the Python that runs the tests.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    everything = {**Jhub(tmp_path, env).environment(), "PATH": path}
    done = subprocess.run(
        command, env=everything, cwd=tmp_path, input=stdin, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done
    assert env.get("HUB_PASSWORD", "no password") not in done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("example", SHOWN, ids=lambda path: path.name)
def test_an_example_runs(example: Path, settings: dict[str, str], tmp_path: Path) -> None:
    program = ["bash", "-eu"] if example.suffix == ".sh" else [sys.executable, "-W", "error"]
    out = run([*program, str(example)], tmp_path, settings)
    job, way = example.stem.partition("_")[::2]
    if job == "token":
        assert "admin" in out
    elif job == "groups":
        assert "geo" in out
        assert "ana" in out
    else:
        assert "/user/ana/lab/" in out
    assert way in ("", "jhub", "requests")


def test_the_page_shows_the_examples_as_they_are() -> None:
    shown = {block.kind: block.text for block in blocks("docs/how-to/using-the-api.md") if "examples/" in block.kind}
    assert shown == {f"examples/{path.name}": path.read_text() for path in SHOWN}
    linked = re.findall(r"\]\(\.\./\.\./examples/([^)]+)\)", (ROOT / "docs/how-to/using-the-api.md").read_text())
    assert sorted(linked) == [path.name for path in EXAMPLES if path not in SHOWN]


def test_the_six_snippets_of_the_page_run_as_written(example_hub: LocalHub, settings: dict[str, str]) -> None:
    import requests

    endpoint, user, server_name, group = example_hub.api_url, "ana", "lab", "geo"

    headers = {"Accept": "application/json"}
    data: dict[str, object] = {"username": example_hub.username, "password": example_hub.password}
    r = requests.get(f"{endpoint}/authorizations/token", headers=headers, json=data)
    assert (r.status_code, r.json()["user"]["name"]) == (200, example_hub.username)
    headers = {"Authorization": f"token {r.json()['token']}"}

    r = requests.get(f"{endpoint}/groups", headers=headers)
    assert (r.status_code, r.json()) == (200, [])

    r = requests.post(f"{endpoint}/groups/{group}", headers=headers)
    assert r.status_code == 201

    data = {"users": ["ana", "bo"]}
    r = requests.post(f"{endpoint}/groups/{group}/users", headers=headers, json=data)
    assert (r.status_code, r.json()["users"]) == (200, ["ana", "bo"])

    data = {"users": ["bo"]}
    r = requests.delete(f"{endpoint}/groups/{group}/users", headers=headers, json=data)
    assert (r.status_code, r.json()["users"]) == (200, ["ana"])

    data = {"profile": "lean"}
    r = requests.post(f"{endpoint}/users/{user}/servers/{server_name}", headers=headers, json=data)
    assert r.status_code in (201, 202)
    api = Api(example_hub, settings["JUPYTERHUB_API_TOKEN"])
    assert api.ready("ana", "lab")["user_options"] == {"profile": "lean"}


def test_the_page_on_signing_in_runs_in_python(example_hub: LocalHub, settings: dict[str, str], tmp_path: Path) -> None:
    programs = texts("docs/how-to/signing-in.md", "python")
    for program, told in zip(programs, ["'ana'", "admin"], strict=True):
        program = program.replace("https://hub.example.org", example_hub.url)
        assert told in run([sys.executable, "-W", "error", "-c", program], tmp_path, settings)


def test_the_page_on_signing_in_runs_in_the_shell(
    example_hub: LocalHub, settings: dict[str, str], tmp_path: Path
) -> None:
    first, scripts, register, tokens, contexts = texts("docs/how-to/signing-in.md", "sh")
    # There is no terminal. A line without a user belongs to the administrator.
    signed_in = f'-u {example_hub.username} --password-stdin <<< "$HUB_PASSWORD"'
    first = first.replace("hub.example.org", f"hub.example.org --name hub.example.org {signed_in}")
    tokens = tokens.replace("list:users,tokens", f"list:users,tokens {signed_in}")
    (tmp_path / "password.txt").write_text(f"{example_hub.user_password}\n")
    (tmp_path / "token.txt").write_text(f"{settings['JUPYTERHUB_API_TOKEN']}\n")
    # The local hub already has the OAuth client.
    register = f"jhub service list\n{register.replace('--login-client', '--login-client --if-not-exists')}"
    script = "\n".join([first, register, contexts, scripts, tokens])
    script = script.replace("https://hub.example.org", example_hub.url)
    env = {key: settings[key] for key in ("HUB_PASSWORD", "HOME")}
    out = run(["bash", "-euc", script], tmp_path, env)
    assert "jhub-login" in out
    assert "hub.example.org" in out
    assert (tmp_path / "weekly.token").read_text().strip() not in out


def test_the_page_on_testing_runs(tmp_path: Path) -> None:
    program, *tests = texts("docs/how-to/testing.md", "python")
    (tmp_path / "start_class.py").write_text(program)
    for number, text in enumerate(tests):
        (tmp_path / f"test_{number}.py").write_text(text)
    out = run([sys.executable, "-m", "pytest", "-W", "error", "-p", "no:kmock"], tmp_path, {})
    assert "7 passed" in out, out


def test_the_configuration_on_the_local_hubs_page_runs(tmp_path: Path) -> None:
    (config,) = run_by(__file__, "docs/how-to/local-hub.md")
    run_config(config.text, tmp_path)


def test_the_page_on_profiles_runs(tmp_path: Path) -> None:
    profiles, gated_choices = texts(PROFILES, "yaml")
    (tmp_path / "profiles.yaml").write_text(profiles)
    check, start = texts(PROFILES, "sh")
    (config,) = texts(PROFILES, "python")
    (all_of_it,) = texts("docs/reference/configuration.md", "python")
    (tmp_path / "jupyterhub_config.py").write_text(config)
    assert run(["bash", "-euc", check], tmp_path, {}) == "ok: 2 profiles\n" * 2
    run_config(config, tmp_path)
    run_config(all_of_it, tmp_path)
    (answer,) = texts(PROFILES, "json")
    with LocalHub(profiles=tmp_path / "profiles.yaml", users=["ana"]) as hub:
        login = {"auth": {"username": "ana", "password": hub.user_password}}
        token = Api(hub)("POST", "/users/ana/tokens", json=login).json()["token"]
        assert Api(hub, token)("GET", "/profiles").json() == json.loads(answer)
        out = run(["bash", "-euc", start], tmp_path, {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": token})
    assert "/user/ana/lab/" in out
    assert [default_choice(gated_choices, groups) for groups in ({"geo"}, {"others"})] == ["large", "small"]


def default_choice(profiles: str, groups: set[str]) -> str:
    """Return the choice of the first option that a start by an owner in these groups gets."""
    (profile,) = available_profiles(parse(profiles), Owner(name="ana", groups=frozenset(groups)))
    choice = profile.profile_options[0].default
    assert choice is not None
    return choice.key


def run_config(config: str, tmp_path: Path) -> None:
    """Run a piece of jupyterhub_config.py."""
    run([sys.executable, "-c", f"from traitlets.config import Config\nc = Config()\n{config}"], tmp_path, {})


def test_the_operation_in_contributing_works() -> None:
    declaration, its_test = texts("CONTRIBUTING.md", "python")
    names = {**vars(groups), **vars(jhub.testing), "pytest": pytest, "Request": Request}
    exec(declaration, names)
    exec(its_test, names)
    names["test_a_taken_name_is_a_conflict"]()


def test_the_example_of_play_runs() -> None:
    result = doctest.testmod(jhub.testing)
    assert (result.failed, result.attempted) == (0, 4)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_an_existing_target(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link
