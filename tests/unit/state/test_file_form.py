"""The JSON Schema of state files accepts what the reader accepts, and refuses what it refuses."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from jhub.profiles.problems import ProblemLog
from jhub.profiles.yaml_tree import to_python
from jhub.state import check, json_schema
from jhub.state.files.yaml_reader import parse_yaml

jsonschema: Any = importlib.import_module("jsonschema")

GOOD = [
    "",
    "owner: 2026\n",
    "users: [ada, 007, 7, true, {name: bo}, {name: 12, admin: false}]\n",
    "users: []\ngroups: []\nservers: []\nroles: []\nprotect: {}\nlimits: {}\n",
    "groups: [{name: g, owner: null, members: [], properties: {}, create-users: true}]\n",
    "groups: [{name: g, owner: x, members: [a, 1], properties: {a: null, b: [1, {c: d}], c: true}}]\n",
    "groups: [{name: g, members: {at-least: [a]}}, {name: h, members: {at-least: []}}]\n",
    "groups: [{name: g, members: {roster: r.csv, column: Email, name: before-@, where: {S: A}, also: [a]}}]\n",
    "groups: [{name: g, members: {command: [a, 12], column: login, name: lower, where: {S: 1}, also: []}}]\n",
    "groups: [{name: g, members: {command: [a], format: tsv}}]\n",
    "servers: [{user: a, name: b, options: {a: 1}, display-name: B}]\n",
    "roles: [{name: r}, {name: s, scopes: [], users: [a], groups: [b]}]\n",
    "protect: {users: [a]}\n",
    "limits: {leave: 20%}\ngrace: 7d\n",
    "limits: {leave: 5}\ngrace: 0s\n",
]
BAD = [
    "ownr: x\n",
    "owner:\n",
    'owner: ""\n',
    "owner: [a]\n",
    f"owner: {'x' * 101}\n",
    "users:\n",
    "users: ada\n",
    "users: [{nam: a}]\n",
    "users: [{}]\n",
    "users: [[a]]\n",
    "users: [null]\n",
    'users: [""]\n',
    "users: [{name: a, admin: yes}]\n",
    'users: [{name: a, admin: "true"}]\n',
    "groups: {}\n",
    "groups: [g]\n",
    "groups: [{name: g, members: }]\n",
    "groups: [{name: g, members: a}]\n",
    "groups: [{name: g, members: [{name: a}]}]\n",
    "groups: [{name: g, members: {}}]\n",
    "groups: [{name: g, members: {at-least: [a], roster: r.csv}}]\n",
    "groups: [{name: g, members: {at-least: [a], also: [b]}}]\n",
    "groups: [{name: g, members: {roster: r.csv, command: [a]}}]\n",
    "groups: [{name: g, members: {roster: r.csv, format: csv}}]\n",
    "groups: [{name: g, members: {roster: [r.csv]}}]\n",
    "groups: [{name: g, members: {roster: r.csv, where: [a]}}]\n",
    "groups: [{name: g, members: {roster: r.csv, where: {a: }}}]\n",
    "groups: [{name: g, members: {command: a}}]\n",
    "groups: [{name: g, members: {command: []}}]\n",
    "groups: [{name: g, members: {command: [a], format: xml}}]\n",
    "groups: [{name: g, properties: [a]}]\n",
    "groups: [{name: g, properties: {jhub: 1}}]\n",
    "groups: [{name: g, create-users: 1}]\n",
    "groups: [{name: g, create_users: true}]\n",
    "groups: [{members: [a]}]\n",
    "servers: [{user: a}]\n",
    "servers: [{name: a}]\n",
    "servers: [{user: a, name: Lab}]\n",
    f"servers: [{{user: a, name: {'x' * 31}}}]\n",
    "servers: [{user: a, name: b, options: 1}]\n",
    'servers: [{user: a, name: b, display-name: ""}]\n',
    "roles: [{scopes: [a]}]\n",
    "roles: [{name: r, scopes: a}]\n",
    "protect: [a]\n",
    "protect: {groups: [a]}\n",
    "limits: {leave: x}\n",
    "limits: {leave: 101%}\n",
    "limits: {leave: -1}\n",
    "limits: {leave: 0.5}\n",
    "limits: 5\n",
    "grace: 7\n",
    "grace: a week\n",
]


def accepts(text: str) -> bool:
    """Return whether the schema accepts a YAML text."""
    values = to_python(parse_yaml(text, ProblemLog()))
    return bool(jsonschema.Draft202012Validator(json_schema()).is_valid(values))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "r.csv").write_text("Email,S\nana,A\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert json.loads(json.dumps(json_schema())) == json_schema()


def test_every_key_has_a_description_and_no_mapping_takes_others() -> None:
    for definition in json_schema()["$defs"].values():
        assert definition["additionalProperties"] is False
        assert definition["description"]
        for key, schema in definition["properties"].items():
            assert schema["description"].endswith("."), key
            assert "default" not in schema


@pytest.mark.parametrize("text", GOOD)
def test_what_the_reader_accepts_is_accepted(text: str, folder: Path) -> None:
    (folder / "jhub.yaml").write_text(f"version: 1\n{text}")
    assert check("jhub.yaml").errors == ()
    assert accepts(f"version: 1\n{text}")


@pytest.mark.parametrize("text", BAD)
def test_what_the_reader_refuses_is_refused(text: str, folder: Path) -> None:
    (folder / "jhub.yaml").write_text(f"version: 1\n{text}")
    assert check("jhub.yaml").document is None
    assert not accepts(f"version: 1\n{text}")


@pytest.mark.parametrize("text", ["users: []\n", "version: 2\n", "version: x\n", "[]\n"])
def test_a_file_of_another_form_is_refused(text: str, folder: Path) -> None:
    (folder / "jhub.yaml").write_text(text)
    assert check("jhub.yaml").document is None
    assert not accepts(text)
