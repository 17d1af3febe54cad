"""Saved plans."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from jhub.errors import InvalidInput
from jhub.state import is_saved_plan, load_plan
from jhub.state.changes import AddMembers, BeginGrace, CreateUser, GroupBefore, Notice, Plan, SetProperties

PLAN = Plan(
    hub="https://hub.example.org",
    owner="me",
    changes=(
        CreateUser(user="dee", admin=True),
        SetProperties(group="geo", before={}, after={"a": {"b": [1, None, "2"]}}),
        BeginGrace(group="geo", users=("bo",), since=datetime(2026, 9, 1, tzinfo=UTC)),
        AddMembers(group="geo", users=("ana", "dee"), exact=False),
    ),
    notices=(Notice(kind="warning", subject="user bo", message="odd"),),
    groups={"geo": GroupBefore(owner="me", members=("bo",))},
)


def saved(folder: Path, value: Any) -> Path:
    path = folder / "plan.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def test_a_plan_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = saved(tmp_path, PLAN.to_dict())
    assert is_saved_plan(path)
    assert load_plan(path) == PLAN


@pytest.mark.parametrize(
    "value",
    ["", "version: 1\nowner: me\n", "{}", "[]", '{"version": 1}', '{"version": 1, "changes": {}}', "\ud800x"],
)
def test_other_files_are_not_plans(tmp_path: Path, value: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(value.encode("utf-8", "surrogatepass"))
    assert not is_saved_plan(path)
    with pytest.raises(InvalidInput, match="not a saved plan"):
        load_plan(path)


def test_a_missing_file_is_not_a_plan(tmp_path: Path) -> None:
    assert not is_saved_plan(tmp_path / "none.json")
    with pytest.raises(InvalidInput, match=r"none\.json: cannot read the plan: No such file"):
        load_plan(tmp_path / "none.json")


def test_a_damaged_change_is_named(tmp_path: Path) -> None:
    value = PLAN.to_dict()
    value["changes"][0]["user"] = 3
    with pytest.raises(InvalidInput, match=r"changes"):
        load_plan(saved(tmp_path, value))


def test_a_plan_of_another_format_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, {**PLAN.to_dict(), "version": 2})
    assert is_saved_plan(path)
    with pytest.raises(InvalidInput, match="a plan of version 2"):
        load_plan(path)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"hub": ""}, "it is for no hub"),
        ({"groups": {}}, "`groups` does not have the group 'geo', which changes"),
        (
            {"changes": [{"change": "add members", "group": "geo", "users": ["ana", "ana"]}]},
            "a change of the group 'geo' has a user twice",
        ),
    ],
)
def test_a_plan_that_was_edited_is_refused(tmp_path: Path, fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidInput, match=f"not a saved plan: {fault}"):
        load_plan(saved(tmp_path, {**PLAN.to_dict(), **fields}))
