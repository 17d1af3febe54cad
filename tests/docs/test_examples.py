"""The examples of examples/, docs/ and the README run against a real hub."""

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
import yaml
from hub_api import Api
from terminal import Jhub

import jhub.testing
from jhub.local import LocalHub
from jhub.operations import groups
from jhub.steps import Request

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").iterdir())
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(?:<!-- (\S+) -->\n)?```(\w+)\n(.*?)```", re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Return the code blocks of a page: the file, the language and the text of each."""
    return [(name or "", language, text) for name, language, text in BLOCK.findall(page.read_text())]


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


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
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
    shown = {name: text for name, _, text in blocks(ROOT / "docs/using-the-api.md") if name}
    assert shown == {f"examples/{path.name}": path.read_text() for path in EXAMPLES}


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


@pytest.mark.parametrize("number", range(2))
def test_the_readmes_python_runs(number: int, example_hub: LocalHub, settings: dict[str, str], tmp_path: Path) -> None:
    python = [text for _, language, text in blocks(ROOT / "README.md") if language == "python" and "Hub" in text]
    assert len(python) == 2
    program = python[number].replace("https://hub.example.org", example_hub.url)
    # There is no terminal for the password.
    program = program.replace("getpass()", "__import__('os').environ['HUB_PASSWORD']")
    assert run([sys.executable, "-c", program], tmp_path, settings).split()[1] == "lab"


def test_the_readmes_shell_lines_run(example_hub: LocalHub, settings: dict[str, str], tmp_path: Path) -> None:
    [lines] = [text for _, language, text in blocks(ROOT / "README.md") if language == "sh" and "jhub login" in text]
    script = lines.replace("https://hub.example.org", example_hub.url)
    # There is no terminal for the password.
    script = script.replace("--username admin", '--username admin --password-stdin <<< "$HUB_PASSWORD"')
    env = {key: settings[key] for key in ("HUB_PASSWORD", "HOME")}
    out = run(["bash", "-euc", script], tmp_path, env)
    assert '"user_options": {\n      "profile": "lab"' in out


CLIENT = [text for _, language, text in blocks(ROOT / "docs/client.md") if language == "python"]


@pytest.mark.parametrize("number", range(len(CLIENT)))
def test_the_clients_page_runs(number: int, settings: dict[str, str], tmp_path: Path) -> None:
    out = run([sys.executable, "-W", "error", "-c", CLIENT[number]], tmp_path, settings)
    assert out or "users.delete" in CLIENT[number]


SIGNING_IN = blocks(ROOT / "docs/signing-in.md")


def test_the_page_on_signing_in_runs_in_python(example_hub: LocalHub, settings: dict[str, str], tmp_path: Path) -> None:
    programs = [text for _, language, text in SIGNING_IN if language == "python"]
    for program, told in zip(programs, ["'ana'", "admin"], strict=True):
        program = program.replace("https://hub.example.org", example_hub.url)
        assert told in run([sys.executable, "-W", "error", "-c", program], tmp_path, settings)


def test_the_page_on_signing_in_runs_in_the_shell(
    example_hub: LocalHub, settings: dict[str, str], tmp_path: Path
) -> None:
    first, scripts, register, tokens, contexts = (text for _, language, text in SIGNING_IN if language == "sh")
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


def test_the_local_hubs_page_runs(tmp_path: Path) -> None:
    found = blocks(ROOT / "docs/local-hub.md")
    [program] = [text for _, language, text in found if "LocalHub(" in text and language == "python"]
    assert "/user/ana/work/" in run([sys.executable, "-W", "error", "-c", program], tmp_path, {})

    [config] = [text for _, language, text in found if "jhub.extension" in text and language == "python"]
    run_config(config, tmp_path)


def test_the_page_on_profiles_runs(tmp_path: Path) -> None:
    found = blocks(ROOT / "docs/profiles.md")
    [profiles] = [text for _, language, text in found if language == "yaml"]
    (tmp_path / "profiles.yaml").write_text(profiles)
    [check] = [text for _, language, text in found if "profile check" in text]
    assert run(["bash", "-euc", check], tmp_path, {}) == "ok: 2 profiles\n"
    for page in ("README.md", "docs/profiles.md"):
        [config] = [t for _, language, t in blocks(ROOT / page) if "jhub.extension" in t and language == "python"]
        run_config(config, tmp_path)
    [start] = [text for _, language, text in found if "profile show" in text]
    [answer] = [text for _, language, text in found if language == "json"]
    with LocalHub(profiles=tmp_path / "profiles.yaml", users=["ana"]) as hub:
        login = {"auth": {"username": "ana", "password": hub.user_password}}
        token = Api(hub)("POST", "/users/ana/tokens", json=login).json()["token"]
        assert Api(hub, token)("GET", "/profiles").json() == json.loads(answer)
        out = run(["bash", "-euc", start], tmp_path, {"JUPYTERHUB_API_URL": hub.api_url, "JUPYTERHUB_API_TOKEN": token})
    assert "/user/ana/lab/" in out


def run_config(config: str, tmp_path: Path) -> None:
    """Run a piece of jupyterhub_config.py."""
    run([sys.executable, "-c", f"from traitlets.config import Config\nc = Config()\n{config}"], tmp_path, {})


def test_the_local_hubs_shell_lines_run(tmp_path: Path) -> None:
    """`jhub local up`, `status` and `down`, and the users of the page on the API."""
    jhub = Jhub(tmp_path)
    pages = ("docs/local-hub.md", "docs/using-the-api.md")
    scripts = {page: next(t for name, lang, t in blocks(ROOT / page) if lang == "sh" and not name) for page in pages}
    try:
        out = run(["bash", "-euc", scripts["docs/using-the-api.md"]], tmp_path, {})
        assert "cy" in out
        assert "running        yes" in run(["bash", "-euc", scripts["docs/local-hub.md"]], tmp_path, {})
    finally:
        jhub("local", "down")
    assert jhub("local", "status").code == 1


def test_the_operation_in_contributing_works() -> None:
    declaration, its_test = [text for _, language, text in blocks(ROOT / "CONTRIBUTING.md") if language == "python"]
    names = {**vars(groups), **vars(jhub.testing), "pytest": pytest, "Request": Request}
    exec(declaration, names)
    exec(its_test, names)
    names["test_a_taken_name_is_a_conflict"]()


def test_the_example_of_play_runs() -> None:
    result = doctest.testmod(jhub.testing)
    assert (result.failed, result.attempted) == (0, 4)


def test_the_demo_shows_servers_that_differ_by_profile(tmp_path: Path) -> None:
    jhub = Jhub(tmp_path)
    result = jhub("demo", "-o", "json", timeout=600)
    assert result.code == 0, result.err
    rows = {row["user"]: row for row in yaml.safe_load(result.out)}
    assert {user: row["profile"] for user, row in rows.items()} == {"ana": "lab", "bo": "lean"}
    assert rows["ana"]["application"].startswith("JupyterLab on Jupyter Server")
    assert rows["bo"]["application"].startswith("Jupyter Server")
    assert "geo: ana, bo\n" in result.err


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_have_an_existing_target(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link
