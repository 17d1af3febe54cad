"""Rosters and roster commands of state files."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jhub.errors import InvalidInput
from jhub.state import CheckResult, Document, MembersEntry, check, load
from jhub.state.rosters import roster_command

ROSTER = "Email,Section\nana@x.org,A\nbo@x.org,B\ncy@x.org,A\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a roster."""
    course = tmp_path / "course"
    course.mkdir()
    (course / "roster.csv").write_text(ROSTER)
    (tmp_path / "secret.csv").write_text(ROSTER)
    monkeypatch.chdir(course)
    return course


def file_with(members: str) -> str:
    """Write a state file with a group, and return its name."""
    Path("jhub.yaml").write_text(f"version: 1\ngroups:\n  - name: g\n    members: {members}\n")
    return "jhub.yaml"


def only(document: Document | None) -> MembersEntry | None:
    assert document is not None
    return document.groups[0].members


def said(result: CheckResult) -> list[str]:
    return [str(problem) for problem in result.problems]


def python(code: str) -> str:
    """Return the members that a program of Python prints."""
    Path("print_roster.py").write_text(code)
    return f"{{command: ['{sys.executable}', print_roster.py], column: Email}}"


def failure(members: str) -> str:
    """Return the only error of loading a group, with commands."""
    with pytest.raises(InvalidInput) as caught:
        load(file_with(members), allow_commands=True)
    prefix = "jhub.yaml:4: group g: members: "
    assert str(caught.value).startswith(prefix)
    return str(caught.value).removeprefix(prefix).replace(repr(sys.executable), "PYTHON")


def test_a_roster_gives_the_members(folder: Path) -> None:
    text = "{roster: ./roster.csv, column: Email, name: before-@, where: {Section: A}, also: [zoe, ana]}"
    assert only(load(file_with(text))) == MembersEntry(names=("ana", "cy", "zoe"))


def test_a_roster_is_found_from_the_folder_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file_with("{roster: roster.csv, column: Email}")
    monkeypatch.chdir(folder.parent)
    found = only(load("course/jhub.yaml"))
    assert found == MembersEntry(names=("ana@x.org", "bo@x.org", "cy@x.org"))
    (folder / "sub").mkdir()
    (folder / "sub/r.csv").write_text("Email\nana\n")
    monkeypatch.chdir(folder)
    assert only(load(file_with("{roster: sub/r.csv}"))) == MembersEntry(names=("ana",))


def test_rows_without_a_name_keep_everybody_in_the_group(folder: Path) -> None:
    Path("roster.csv").write_text("Email,Section\nana,A\n,B\nana,A\nbo..,A\n../x,A\n")
    result = check(file_with("{roster: roster.csv, column: Email}"))
    assert result.errors == ()
    assert (result.problems[0].file, result.problems[0].line) == ("roster.csv", 3)
    members = only(result.document)
    assert members is not None
    assert members.unreadable
    assert members.unreadable[0].startswith("roster.csv:3: ")
    notes = [
        each.message.endswith("; until it is corrected, nobody leaves the groups of this roster")
        for each in result.problems
    ]
    assert notes.count(True) == len(members.unreadable)
    (duplicate,) = (each for each in result.problems if each.line == 4)
    assert duplicate.severity == "warning"
    assert not any(text.startswith("roster.csv:4:") for text in members.unreadable)


def test_a_roster_is_below_the_folder_of_the_file(folder: Path) -> None:
    (folder / "link.csv").symlink_to("../secret.csv")
    (folder / "folder").symlink_to("..")
    for name in ("../secret.csv", "/etc/passwd", "link.csv", "folder/secret.csv", str(folder / "roster.csv")):
        assert failure(f"{{roster: {name}, column: Email}}") == (
            f"the roster {name!r} is not below the folder of the state file: copy it there"
        )
    (folder / "inside.csv").symlink_to("roster.csv")
    assert only(load(file_with("{roster: inside.csv, column: Email}"))) is not None


def test_a_roster_is_an_existing_file(folder: Path) -> None:
    assert failure("{roster: none.csv}") == "no such roster: none.csv"
    assert failure("{roster: .}") == "the roster '.' is not a file"
    os.mkfifo(folder / "pipe.csv")
    assert failure("{roster: pipe.csv}") == "the roster 'pipe.csv' is not a file"
    (folder / "loop.csv").symlink_to("loop.csv")
    assert "loop.csv" in failure("{roster: loop.csv}")
    assert failure('{roster: "a\\0.csv"}').startswith("cannot read the roster 'a\\x00.csv'")


def test_an_empty_roster_is_an_error(folder: Path) -> None:
    Path("roster.csv").write_text("Email\n")
    assert "roster.csv" in failure("{roster: roster.csv}")
    Path("roster.csv").write_text(ROSTER)
    assert "roster.csv" in failure("{roster: roster.csv, column: Mail}")


def test_a_rule_for_names_is_checked(folder: Path) -> None:
    assert "'upper'" in failure("{roster: roster.csv, column: Email, name: upper}")


@pytest.mark.parametrize(
    ("members", "part"),
    [
        ("{roster: [a]}", "`roster` must be text, not a list"),
        ("{roster: roster.csv, column: Email, format: csv}", "`format` is for the output of a `command`"),
        ("{command: []}", "`command` must be a list of a program and its arguments"),
        ("{command: [a], format: xml}", "`format` must be csv or tsv, not 'xml'"),
        ("{command: [a, [b]]}", "an item of `command` must be text, not a list"),
        ("{roster: roster.csv, column: Email, where: [a]}", "`where` must be a mapping, not a list"),
        ("{roster: roster.csv, column: Email, where: {Section: }}", "`where.Section` is empty"),
    ],
)
def test_the_keys_of_a_roster_are_checked(folder: Path, members: str, part: str) -> None:
    assert failure(members) == part


def test_a_command_runs_only_if_it_is_allowed(folder: Path) -> None:
    file = file_with(python("open('ran', 'w').close()\nprint('Email\\nana')"))
    with pytest.raises(InvalidInput, match=r"runs only with --allow-commands$"):
        load(file)
    result = check(file)
    assert [each.severity for each in result.problems] == ["warning"]
    members = only(result.document)
    assert members is not None
    assert members.unreadable, "nobody leaves a group whose members are not known"
    assert not Path("ran").exists()
    assert only(load(file, allow_commands=True)) == MembersEntry(names=("ana",))
    assert Path("ran").exists()


def test_a_command_runs_once_for_all_groups(folder: Path) -> None:
    members = python("print(1, file=open('runs', 'a'))\nprint('Email,Section\\nana,A\\nbo,B')")
    groups = [f"{members[:-1]}, where: {{Section: {section}}}}}" for section in "AB"]
    files = [file_with(groups[0]), "other.yaml"]
    Path("other.yaml").write_text(f"version: 1\ngroups: [{{name: h, members: {groups[1]}}}]\n")
    found = load(*files, allow_commands=True)
    assert [group.members for group in found.groups] == [MembersEntry(names=("ana",)), MembersEntry(names=("bo",))]
    assert Path("runs").read_text() == "1\n"


def test_a_command_that_fails_runs_once_and_is_an_error_of_each_group(folder: Path) -> None:
    members = python("print(1, file=open('runs', 'a'))\nraise SystemExit(3)")
    Path("jhub.yaml").write_text(
        f"version: 1\ngroups:\n- {{name: g, members: {members}}}\n- {{name: h, members: {members}}}\n"
    )
    errors = check("jhub.yaml", allow_commands=True).errors
    assert [(each.line, each.message.rpartition(": ")[2]) for each in errors] == [
        (3, f"the command {sys.executable!r} ended with exit code 3"),
        (4, f"the command {sys.executable!r} ended with exit code 3"),
    ]
    assert Path("runs").read_text() == "1\n"


COUNT_READS = """\
import sys
reads = []
sys.addaudithook(lambda event, args: event == "open" and str(args[0]).endswith("roster.csv") and reads.append(args))
import jhub.state
groups = jhub.state.load("jhub.yaml").groups
print(*(",".join(group.members.names) for group in groups), len(reads))
"""


def test_a_roster_is_read_once_for_all_groups(folder: Path) -> None:
    groups = [
        f"- {{name: g{section}, members: {{roster: roster.csv, column: Email, where: {{Section: {section}}}}}}}"
        for section in "AB"
    ]
    Path("jhub.yaml").write_text("\n".join(["version: 1", "groups:", *groups, ""]))
    command = [sys.executable, "-c", COUNT_READS]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert ended.stdout == "ana@x.org,cy@x.org bo@x.org 1\n"


def test_a_roster_is_read_with_the_columns_of_each_group(folder: Path) -> None:
    groups = ("{roster: roster.csv, column: Email, name: before-@}", "{roster: roster.csv, name: 's-{section}'}")
    lines = (f"- {{name: g{number}, members: {members}}}" for number, members in enumerate(groups))
    Path("jhub.yaml").write_text("\n".join(["version: 1", "groups:", *lines, ""]))
    found = [group.members.names if group.members else () for group in load("jhub.yaml").groups]
    assert found == [("ana", "bo", "cy"), ("s-a", "s-b")]


def test_a_command_runs_in_the_folder_of_the_file_without_a_token(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import os, sys\nprint('Email')\nprint(os.path.basename(os.getcwd()))\n"
    code += "print('JUPYTERHUB_API_TOKEN' in os.environ)\nprint('in' + sys.stdin.read())"
    file_with(python(code))
    monkeypatch.setenv("JUPYTERHUB_API_TOKEN", "secret")
    monkeypatch.chdir(folder.parent)
    assert only(load("course/jhub.yaml", allow_commands=True)) == MembersEntry(names=("course", "false", "in"))


def test_a_command_may_print_tabs(folder: Path) -> None:
    members = python("print('Name\\tEmail\\nAna, B\\tana')").replace("}", ", format: tsv}")
    assert only(load(file_with(members), allow_commands=True)) == MembersEntry(names=("ana",))


def test_the_problems_of_an_output_are_those_of_the_command(folder: Path) -> None:
    file = file_with(python("print('Email,x\\nana,1\\n,2')"))
    result = check(file, allow_commands=True)
    assert [(each.file, each.line) for each in result.problems] == [(f"output of {sys.executable}", 3)]


def test_a_command_that_fails_is_an_error_with_its_stderr(folder: Path) -> None:
    code = "import sys\nprint('Email\\nana')\nprint('no such\\ncourse', file=sys.stderr)\nsys.exit(3)"
    assert failure(python(code)) == "the command PYTHON ended with exit code 3: no such course"
    assert failure("{command: [no-such-program-here]}") == (
        "the command 'no-such-program-here' could not be started: No such file or directory"
    )
    assert failure('{command: ["a\\0b"]}').startswith("the command 'a\\x00b' could not be started: ")
    assert failure(python("import sys\nsys.stdout.buffer.write(b'\\xff')")) == "the command PYTHON did not print UTF-8"
    assert "nobody" in failure(python("print('Email')")) or "output of" in failure(python("print('Email')"))


def test_a_command_has_a_time_limit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_command, "COMMAND_SECONDS", 0.5)
    assert failure(python("import time\ntime.sleep(600)")) == "the command PYTHON did not end within 0.5 seconds"


def test_a_command_that_leaves_a_process_behind_has_the_same_limit(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roster_command, "COMMAND_SECONDS", 2)
    assert failure("{command: [sh, -c, 'sleep 600 & echo $! > child']}") == (
        "the command 'sh' did not end within 2 seconds"
    )
    child = int(Path("child").read_text())
    deadline = time.monotonic() + 60
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(child)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_the_output_of_a_command_is_limited(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(roster_command, "MAX_OUTPUT_BYTES", 100_000)
    assert failure(python("while True: print('x' * 1000)")) == "the command PYTHON printed more than 100000 bytes"
    long = "import sys\nsys.stderr.write('x' * 1000000)\nsys.exit(1)"
    assert len(failure(python(long))) < 2 * roster_command.MAX_ERROR_BYTES
