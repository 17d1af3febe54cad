"""`jhub validate`: state files of this machine, without a hub."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import Jhub

GOOD = """\
version: 1
users: [ada, {name: bo, admin: true}]
groups:
  - {name: g, members: {roster: roster.csv, column: Email, name: before-@}}
  - {name: h, members: [ada]}
"""
BAD = "version: 1\nowner:\nusers: [ada,\n  Ada]\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jhub:
    """The command on a machine without contexts, in its home folder."""
    monkeypatch.chdir(tmp_path)
    Path("roster.csv").write_text("Email\nana@x.org\nana@x.org\ncy@x.org\n")
    return Jhub(tmp_path)


def test_a_valid_file_is_counted(here: Jhub) -> None:
    Path("jhub.yaml").write_text(GOOD)
    done = here("validate")
    assert (done.code, done.err) == (0, "")
    warning, last = done.lines
    assert warning.startswith("roster.csv:3: warning: ")
    assert last == "jhub.yaml is valid: 2 users, 2 groups, 3 members"


def test_several_files_are_counted_together(here: Jhub) -> None:
    Path("a.yaml").write_text("version: 1\nusers: [a]\nservers: [{user: a, name: b}]\n")
    Path("b.json").write_text('{"version": 1, "users": ["b"], "roles": [{"name": "r"}]}')
    done = here("validate", "a.yaml", "b.json", "a.yaml")
    assert (done.code, done.lines) == (
        0,
        ["a.yaml and b.json are valid: 2 users, 0 groups, 0 members, 1 server, 1 role"],
    )


def test_all_errors_are_printed_with_their_lines(here: Jhub) -> None:
    Path("bad.yaml").write_text(BAD)
    done = here("validate", "bad.yaml")
    assert done.code == 1
    assert done.lines == [
        "bad.yaml:2: error: `owner` is empty",
        "bad.yaml:4: error: duplicate user Ada: first named in line 3",
        "bad.yaml has 2 errors",
    ]


def test_errors_are_json(here: Jhub) -> None:
    Path("bad.yaml").write_text(BAD)
    done = here("validate", "bad.yaml", "-o", "json")
    assert done.code == 1
    assert json.loads(done.out)[0] == {
        "file": "bad.yaml",
        "line": 2,
        "severity": "error",
        "message": "`owner` is empty",
    }
    Path("good.yaml").write_text("version: 1\n")
    done = here("validate", "good.yaml", "-o", "json")
    assert (done.code, json.loads(done.out)) == (0, [])


def test_a_command_is_not_run(here: Jhub) -> None:
    Path("jhub.yaml").write_text("version: 1\ngroups: [{name: g, members: {command: [touch, ran]}}]\n")
    done = here("validate")
    assert done.code == 0
    assert done.lines[0] == (
        "jhub.yaml:2: warning: group g: members: the command 'touch' was not run: its members are not checked"
    )
    assert not Path("ran").exists()


def test_text_from_a_file_does_not_steer_the_terminal(here: Jhub) -> None:
    Path("bad.yaml").write_text('version: 1\n"\\e[31m": 1\nusers: ["a\\e[0m"]\n')
    done = here("validate", "bad.yaml")
    assert done.code == 1
    assert "\x1b" not in done.out


def test_wrong_usage_has_exit_code_2(here: Jhub) -> None:
    for words in (["validate"], ["validate", "none.yaml"], ["validate", "--schema", "roster.csv"]):
        done = here(*words)
        assert done.code == 2, words
        assert done.err.startswith("error: ")


def test_the_schema_checks_a_file(here: Jhub) -> None:
    """`check-jsonschema` is one of the tools that read the schema."""
    done = here("validate", "--schema")
    assert done.code == 0
    Path("state.schema.json").write_text(done.out)
    Path("good.yaml").write_text(GOOD)
    Path("bad.yaml").write_text("version: 1\ngroups: [{name: g, member: []}]\n")
    check = [sys.executable, "-m", "check_jsonschema", "--schemafile", "state.schema.json"]
    assert subprocess.run([*check, "good.yaml"], capture_output=True, timeout=300).returncode == 0
    assert subprocess.run([*check, "bad.yaml"], capture_output=True, timeout=300).returncode == 1
