"""The arguments of `jhub plan` and `jhub apply`, and the files that commands write."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from jhub.cli.import_command import parse_objects
from jhub.cli.kit.output_file import PRIVATE, write_file
from jhub.cli.planning import refuse, with_prune_kinds
from jhub.errors import Conflict, InvalidInput, MissingScope
from jhub.state.changes import Plan, Refusal


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", ""),
        ("a.yaml", "a.yaml"),
        ("--prune", "--prune=groups,servers"),
        ("--prune a.yaml", "--prune=groups,servers a.yaml"),
        ("--prune users a.yaml", "--prune=users a.yaml"),
        ("--prune groups,users a.yaml", "--prune=groups,users a.yaml"),
        ("--prune=users a.yaml", "--prune=users a.yaml"),
        ("a.yaml --prune", "a.yaml --prune=groups,servers"),
        ("--prune --prune users", "--prune=groups,servers --prune=users"),
        ("--prune --adopt", "--prune=groups,servers --adopt"),
        ("--prune ./users", "--prune=groups,servers ./users"),
        ("-- --prune", "-- --prune"),
    ],
)
def test_the_value_of_prune_may_be_left_out(typed: str, read: str) -> None:
    assert with_prune_kinds(typed.split()) == read.split()


def test_the_kinds_of_prune_are_read_as_such_beside_files_of_these_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("groups").mkdir()
    for name in ("users", "groups,users", "state"):
        Path(name).touch()
    for typed, read in (
        ("--prune groups", "--prune=groups"),
        ("--prune users a.yaml", "--prune=users a.yaml"),
        ("--prune groups,users", "--prune=groups,users"),
        ("--prune state", "--prune=groups,servers state"),
    ):
        assert with_prune_kinds(typed.split()) == read.split()


def test_objects_are_read_once_each() -> None:
    objects = parse_objects(["user/ana", "group/a/b", "server/ana/lab", "user/ana"])
    assert (objects.users, objects.groups, objects.servers) == (["ana"], ["a/b"], [("ana", "lab")])
    assert objects.names() == ["user/ana", "group/a/b", "server/ana/lab"]


@pytest.mark.parametrize("text", ["ana", "user/", "group/", "server/ana", "server/ana/", "server//x", "role/x", ""])
def test_other_objects_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="invalid object"):
        parse_objects([text])


def test_a_refused_plan_is_a_conflict() -> None:
    refusal = Refusal(subject="group geo", message="belongs to x", hint="adopt it")
    plan = Plan(refusals=(refusal, refusal), missing_scopes=("groups",))
    with pytest.raises(Conflict, match="the plan is refused: group geo: belongs to x, and 1 more") as caught:
        refuse(plan, for_apply=False)
    assert caught.value.hint == "adopt it"


def test_scopes_are_missing_for_an_apply_only() -> None:
    plan = Plan(missing_scopes=("groups", "admin:users"))
    refuse(plan, for_apply=False)
    with pytest.raises(MissingScope) as caught:
        refuse(plan, for_apply=True)
    assert caught.value.hint == "use a token with the scopes groups, admin:users"


def test_a_file_is_written_as_a_whole_with_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    write_file(str(path), "one", overwrite=False)
    with pytest.raises(Conflict, match=r"a\.yaml exists"):
        write_file(str(path), "two", overwrite=False)
    assert path.read_text() == "one"
    path.chmod(0o640)
    write_file(str(path), "two", overwrite=True)
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == ("two", 0o640)
    write_file(str(path), "three", overwrite=True, mode=PRIVATE)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == ["a.yaml"]


def test_a_link_to_a_file_stays_a_link(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text("one")
    (tmp_path / "link").symlink_to(path)
    write_file(str(tmp_path / "link"), "two", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert path.read_text() == "two"


@pytest.mark.parametrize("name", ["folder", "none/a.yaml"])
def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match=name):
        write_file(str(tmp_path / name), "x", overwrite=True)
    assert os.listdir(tmp_path) == ["folder"]
