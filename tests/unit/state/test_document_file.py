"""State files as documents: every key, and every problem with its line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

import jhub.state
from jhub.errors import InvalidInput
from jhub.state import (
    CheckResult,
    Document,
    GroupEntry,
    LeaveLimit,
    MembersEntry,
    RoleEntry,
    ServerEntry,
    UserEntry,
    check,
    load,
)
from jhub.state.files import document_file

DESIGN = """\
version: 1
owner: cs101-fall26               # written into each owned group's properties as {"jhub": {"owner": …}}
users:                            # present-or-create; never deleted by omission
  - {name: ada, admin: true}      # a field not written is not managed
groups:
  - name: cs101
    members: {roster: roster.csv, column: Email, name: before-@, where: {Section: A}, also: [ada]}
    properties: {mem_limit: 2G}   # merged; keys not written stay
  - name: gpu
    members: {at-least: [ada]}    # shared with others: only ever adds
servers:                          # existence and options, never power (start/stop is a command)
  - {user: ada, name: grading, options: {profile: large}}
roles:                            # needs the hub extension; without it compared and reported, never written
  - {name: cs101-staff, scopes: ["read:users!group=cs101"], groups: [cs101-staff]}
protect: {users: [ada]}
limits: {leave: 20%}              # refuse a plan that removes more than this from any group
"""
EVERY_KEY = """\
version: 1
owner: cs101-fall26
users:
  - ada                                   # short for {name: ada}
  - {name: bo, admin: true}
groups:
  - name: cs101
    owner: other
    members: {roster: roster.csv, column: Email, name: before-@, where: {Section: A}, also: [ada]}
    create-users: true
    properties: {mem_limit: 2G}
  - {name: gpu, members: {at-least: [ada]}}
  - {name: lab, members: [ada, bo]}
  - {name: lms, members: {command: [canvas-roster, "12"], column: login, format: csv}}
servers: [{user: ada, name: grading, options: {profile: large}, display-name: Grading}]
roles:   [{name: cs101-staff, scopes: ["read:users!group=cs101"], users: [ada], groups: [cs101-staff]}]
protect: {users: [ada]}
limits: {leave: 20%}
grace: 7d
"""
ROSTER = "Email,Section\nana@x.org,A\nbo@x.org,B\ncy@x.org,A\n"

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Return a function that writes a file into the current folder, and returns its name."""
    monkeypatch.chdir(tmp_path)

    def written(text: str | bytes, name: str = "jhub.yaml") -> str:
        Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    return written


def said(result: CheckResult) -> list[str]:
    return [str(problem) for problem in result.problems]


def errors(text: str, write: Write) -> list[str]:
    """Return the errors in a text after its first line, `version: 1`, with their lines."""
    result = check(write(f"version: 1\n{text}"))
    assert result.document is None
    return [f"{each.line}: {each.message}" for each in result.errors]


def document(text: str, write: Write) -> Document:
    """Return the document in a text after its first line, `version: 1`."""
    result = check(write(f"version: 1\n{text}"))
    assert said(result) == []
    assert result.document is not None
    return result.document


def test_the_design_is_accepted_as_it_stands(write: Write) -> None:
    write(ROSTER, "roster.csv")
    found = load(write(DESIGN))
    assert found.owner == "cs101-fall26"
    assert found.groups[0].members == MembersEntry(names=("ada", "ana", "cy"))
    assert found.groups[1].members == MembersEntry(names=("ada",), exact=False)


def test_every_key_is_read(write: Write) -> None:
    write(ROSTER, "roster.csv")
    result = check(write(EVERY_KEY))
    assert said(result) == [
        "jhub.yaml:14: warning: group lms: members: the command 'canvas-roster' was not run: "
        "its members are not checked"
    ]
    owner = "cs101-fall26"
    assert result.document == Document(
        owner=owner,
        users=(UserEntry(name="ada"), UserEntry(name="bo", admin=True)),
        groups=(
            GroupEntry(
                name="cs101",
                owner="other",
                members=MembersEntry(names=("ada", "ana", "cy")),
                properties={"mem_limit": "2G"},
                create_users=True,
            ),
            GroupEntry(name="gpu", members=MembersEntry(names=("ada",), exact=False)),
            GroupEntry(name="lab", members=MembersEntry(names=("ada", "bo"))),
            GroupEntry(
                name="lms",
                members=MembersEntry(
                    unreadable=("the command 'canvas-roster' was not run: its members are not checked",)
                ),
            ),
        ),
        servers=(ServerEntry(user="ada", name="grading", options={"profile": "large"}, display_name="Grading"),),
        roles=(
            RoleEntry(name="cs101-staff", scopes=("read:users!group=cs101",), users=("ada",), groups=("cs101-staff",)),
        ),
        protected_users=("ada",),
        leave_limit=LeaveLimit(percent=20.0),
        grace_seconds=7 * 86400.0,
    )


def test_json_is_read_like_yaml(write: Write) -> None:
    write(ROSTER, "roster.csv")
    values = yaml.safe_load(EVERY_KEY)
    for indent in (None, 2, "\t"):
        file = write(json.dumps(values, indent=indent), "jhub.json")
        assert check(file).document == check(write(EVERY_KEY)).document
    values["groups"][1]["member"] = values["groups"][1].pop("members")
    line = json.dumps(values, indent=1).split("\n").index('   "member": {') + 1
    problem = check(write(json.dumps(values, indent=1), "jhub.json")).errors[0]
    assert (problem.line, problem.message) == (line, "group gpu: unknown key 'member'; did you mean `members`?")


def test_a_text_is_taken_as_it_is_written(write: Write) -> None:
    names = ["007123", "no", "2G", "1e5", "2026-09-01", "1:30", "true", "0x1F", ".5", "~", "NaN", "12"]
    found = document(f"users: [{', '.join(names)}, 'null']\n", write)
    assert [user.name for user in found.users] == sorted([*names, "null"])
    found = document("owner: 2026\ngroups: [{name: 101, members: {at-least: [1, 01]}}]\n", write)
    assert found.groups == (GroupEntry(name="101", members=MembersEntry(names=("01", "1"), exact=False)),)
    assert load(write('{"version": 1, "users": [7, true]}', "a.json")).users == (
        UserEntry(name="7"),
        UserEntry(name="true"),
    )


def test_free_values_are_those_of_json(write: Write) -> None:
    text = (
        'groups: [{name: g, properties: {a: 2, b: "2", c: 2G, d: 007, e: no, f: true, g: null, h: [1.5, {i: .5}]}}]\n'
    )
    (group,) = document(text, write).groups
    assert repr(group.properties) == repr(
        {"a": 2, "b": "2", "c": "2G", "d": "007", "e": "no", "f": True, "g": None, "h": [1.5, {"i": ".5"}]}
    )


def test_a_key_that_is_not_written_is_not_managed(write: Write) -> None:
    assert document("", write) == Document()
    assert document("groups: [{name: g}]\n", write).groups == (GroupEntry(name="g"),)
    assert document("servers: []\n", write).servers == ()
    found = document("groups: [{name: g, members: [], properties: {}}]\n", write)
    assert found.groups == (GroupEntry(name="g", members=MembersEntry(), properties={}),)


def test_a_group_may_be_without_the_owner_of_the_file(write: Write) -> None:
    found = document("owner: a\ngroups: [{name: g, owner: null}, {name: h, owner: b}, {name: i}]\n", write)
    assert [group.owner for group in found.groups] == ["", "b", None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ownr: x", "2: unknown key 'ownr'; did you mean `owner`?"),
        (
            "zzz: x",
            "2: unknown key 'zzz'; the keys are version, owner, users, groups, servers, roles, protect, limits, grace",
        ),
        ("users: [{name: a, adm: true}]", "2: user: unknown key 'adm'; did you mean `admin`?"),
        (
            "groups: [{name: g, create_users: true}]",
            "2: group g: unknown key 'create_users'; did you mean `create-users`?",
        ),
        ("owner:", "2: `owner` is empty"),
        ('owner: ""', "2: `owner` is empty"),
        ("owner: null", '2: `owner` is null: leave it out, or write "null" if it is text'),
        ("owner: [x]", "2: `owner` must be text, not a list"),
        (f"owner: {'x' * 101}", f"2: invalid owner '{'x' * 60}…': use a text of 1 to 100 characters on one line"),
        ('owner: "a\\nb"', "2: invalid owner 'a\\nb': use a text of 1 to 100 characters on one line"),
        ("users:", "2: `users` must be a list of users ([] for an empty list), not an empty value"),
        ("users: ada", "2: `users` must be a list of users ([] for an empty list), not text"),
        ("users:\n  - [a]", "3: a user must be a name, or a mapping such as {name: ana}, not a list"),
        ("users:\n  -\n  - a", "3: a user is empty"),
        ("users: [{admin: true}]", "2: user: needs `name`"),
        ("users: [{name: a, admin: yes}]", "2: user: `admin` must be true or false, not text"),
        ('users: [{name: a, admin: "true"}]', "2: user: `admin` must be true or false without quotes, not text"),
        ("users: [{name: a, admin: 1}]", "2: user: `admin` must be true or false, not 1 (a number)"),
        ("users: [a,\n  b, A]", "3: duplicate user A: first named in line 2"),
        ("users: [a, A]", "2: duplicate user A: this line names it more than once"),
        ("users: [&a b, *a]", "2: duplicate user b: this line names it more than once"),
        (
            "groups: [{name: g}, {name: g, members: [a]}, {name: g}]",
            "2: duplicate group g: this line names it more than once",
        ),
        (
            "servers: [{user: a, name: x}, {user: A, name: x}]",
            "2: duplicate server A/x: this line names it more than once",
        ),
        ("roles: [{name: r}, {name: r}]", "2: duplicate role r: this line names it more than once"),
        ("users: [../a]", "2: invalid user name '../a': a proxy could resolve its part '.' or '..'"),
        ('users: ["a\\tb"]', "2: invalid user name 'a\\tb': it contains a control character"),
        ("groups: [g]", "2: group 1 must be a mapping such as {name: geo}, not text"),
        ("groups: [{name: .}]", "2: group .: invalid group name '.': a proxy could resolve its part '.' or '..'"),
        ("groups: [{name: g}, \n  {name: g}]", "3: duplicate group g: first named in line 2"),
        (
            "groups: [{name: g, members: }]",
            "2: group g: `members` must be a list of names ([] for an empty group), or a mapping, not an empty value",
        ),
        ("groups: [{name: g, members: [{name: a}]}]", "2: group g: a name in `members` must be text, not a mapping"),
        (
            "groups: [{name: g, properties: }]",
            "2: group g: `properties` must be a mapping ({} for an empty one), not an empty value",
        ),
        (
            "groups: [{name: g, properties: {a: }}]",
            '2: group g: `properties.a` has an empty value: write null, "" or {}',
        ),
        ("groups: [{name: g, properties: {a: 1, a: 2}}]", "2: duplicate key a: first used in line 2"),
        (
            "groups: [{name: g, properties: {jhub: {}}}]",
            "2: group g: the property `jhub` is reserved: write `owner` beside `properties`",
        ),
        ("groups: [{name: g, create-users: on}]", "2: group g: `create-users` must be true or false, not text"),
        (
            "groups: [{name: g, members: {}}]",
            "2: group g: members: needs `roster`, `command` or `at-least`, or write a list of names",
        ),
        (
            "groups: [{name: g, members: {roster: r.csv, at-least: [a]}}]",
            "2: group g: members: `at-least` cannot stand beside a roster, whose people are all members: "
            "use one of the two",
        ),
        (
            "groups: [{name: g, members: {roster: r.csv, command: [a]}}]",
            "2: group g: members: `roster` and `command` exclude each other",
        ),
        (
            "groups: [{name: g, members: {at-least: [a], also: [b]}}]",
            "2: group g: members: `also` is for rosters, and cannot stand beside `at-least`",
        ),
        ("servers: [{user: a}]", "2: server 1: needs `name`"),
        ("servers: [{name: a}]", "2: server a: needs `user`"),
        (
            "servers: [{user: a, name: Lab}]",
            "2: server a/Lab: invalid server name 'Lab': use 1 to 30 lower-case letters, digits and single dashes; "
            "start with a letter and do not end with a dash",
        ),
        (
            "servers: [{user: a, name: x, options: [1]}]",
            "2: server a/x: `options` must be a mapping ({} for an empty one), not a list",
        ),
        ("servers: [{user: a, name: x, display-name: ' '}]", "2: server a/x: `display-name` is empty: leave it out"),
        ("servers: [{user: a, name: x},\n {user: A, name: x}]", "3: duplicate server A/x: first named in line 2"),
        ("roles: [{name: r},\n {name: r}]", "3: duplicate role r: first named in line 2"),
        (
            "roles: [{name: r, scopes: x}]",
            "2: role r: `scopes` must be a list of scopes ([] for an empty list), not text",
        ),
        ("roles: [{scopes: [x]}]", "2: role 1: needs `name`"),
        ("protect: [a]", "2: `protect` must be a mapping, not a list"),
        ("protect: {user: [a]}", "2: protect: unknown key 'user'; did you mean `users`?"),
        ("protect: {users: [..]}", "2: protect: invalid user name '..': a proxy could resolve its part '.' or '..'"),
        (
            "limits: {leave: 101%}",
            "2: limits: invalid `leave` '101%': use a number of members such as 5, or 0% to 100%",
        ),
        ("limits: {leave: -1}", "2: limits: invalid `leave` '-1': use a number of members such as 5, or 0% to 100%"),
        ("limits: {leave: 0.5}", "2: limits: invalid `leave` '0.5': use a number of members such as 5, or 0% to 100%"),
        ("grace: 7", "2: invalid `grace` '7': use 90s, 15m, 8h or 30d, and at most ten years"),
        ("grace: 4000d", "2: invalid `grace` '4000d': use 90s, 15m, 8h or 30d, and at most ten years"),
    ],
)
def test_an_error_says_its_line_and_what_to_write(text: str, expected: str, write: Write) -> None:
    assert errors(f"{text}\n", write) == [expected]


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("0%", LeaveLimit(percent=0.0)),
        ("100%", LeaveLimit(percent=100.0)),
        ("12.5%", LeaveLimit(percent=12.5)),
        ("0", LeaveLimit(number=0, percent=None)),
        ('"5"', LeaveLimit(number=5, percent=None)),
    ],
)
def test_a_limit_is_a_number_or_a_percentage(text: str, limit: LeaveLimit, write: Write) -> None:
    assert document(f"limits: {{leave: {text}}}\n", write).leave_limit == limit


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("8h", 28800), ("30d", 2592000), ("0s", 0)])
def test_a_grace_is_a_duration(text: str, seconds: float, write: Write) -> None:
    assert document(f"grace: {text}\n", write).grace_seconds == seconds


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("users: []\n", "jhub.yaml:1: error: needs `version`"),
        ("version: 2\n", "jhub.yaml:1: error: unknown version '2': write `version: 1`; a newer jhub may read it"),
        ("version: x\n", "jhub.yaml:1: error: unknown version 'x': write `version: 1`"),
        ("", "jhub.yaml:1: error: a state file must be a mapping with the key `version`, not an empty value"),
        ("- a\n", "jhub.yaml:1: error: a state file must be a mapping with the key `version`, not a list"),
        (b"version: 1\nowner: \xff\n", "jhub.yaml:2: error: not UTF-8: save the file as UTF-8"),
        ("version: 1\n".encode("utf-16"), "jhub.yaml:1: error: the file is UTF-16: save it as UTF-8"),
    ],
)
def test_a_file_that_is_no_state_file_is_refused(text: str | bytes, expected: str, write: Write) -> None:
    assert said(check(write(text))) == [expected]


def test_a_byte_order_mark_and_line_ends_of_windows_are_accepted(write: Write) -> None:
    found = check(write(b"\xef\xbb\xbfversion: 1\r\nusers:\r\n  - ada\r\n  - .\r\n"))
    assert said(found) == ["jhub.yaml:4: error: invalid user name '.': a proxy could resolve its part '.' or '..'"]


def test_what_is_not_a_file_is_refused_without_waiting(write: Write, tmp_path: Path) -> None:
    assert said(check("none.yaml", str(tmp_path))) == [
        "none.yaml: error: no such file",
        f"{tmp_path}: error: not a file",
    ]
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.yaml")
        assert said(check("pipe.yaml")) == ["pipe.yaml: error: not a file"]
    with pytest.raises(InvalidInput, match="no state file"):
        check()


def test_a_file_has_a_maximum_size(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document_file, "MAX_FILE_BYTES", 19)
    assert load(write("version: 1\n# 456789"))
    assert said(check(write("version: 1\n# 4567890"))) == [
        "jhub.yaml: error: the file is too large: more than 19 bytes"
    ]


@pytest.mark.parametrize(
    ("name", "reason"), [(" ada ", "begins or ends with a space"), ("a/b", "has a slash"), ("bo ", "begins or ends")]
)
def test_a_name_that_most_hubs_refuse_is_a_warning(write: Write, name: str, reason: str) -> None:
    result = check(write(f"version: 1\nusers: [{name!r}]\ngroups: [{{name: /staff/x, members: [{name!r}]}}]\n"))
    assert len(result.problems) == 2
    for problem in result.problems:
        assert problem.severity == "warning"
        assert f"user {name!r} {reason}" in problem.message


def test_a_repeated_name_is_a_warning(write: Write) -> None:
    result = check(write("version: 1\ngroups:\n  - name: g\n    members:\n      - ada\n      - Ada\n"))
    assert said(result) == ["jhub.yaml:6: warning: group g: user Ada is in `members` twice: first named in line 5"]
    assert result.document is not None
    assert result.document.groups[0].members == MembersEntry(names=("ada",))


def test_several_files_are_one_document(write: Write) -> None:
    first = write("version: 1\nowner: a\nusers: [x]\ngroups: [{name: g}]\ngrace: 1h\nprotect: {users: [x]}\n", "a.yaml")
    second = write(
        "version: 1\nusers: [b]\ngroups: [{name: f}]\nservers: []\ngrace: 60m\nprotect: {users: [y]}\n", "b.yaml"
    )
    assert load(first, second) == load(second, first, first)
    found = load(first, second)
    assert [group.owner for group in found.groups] == [None, None]
    assert [user.name for user in found.users] == ["b", "x"]
    assert (found.servers, found.grace_seconds, found.protected_users) == ((), 3600.0, ("x", "y"))


def test_a_contradiction_of_two_files_names_both_places(write: Write) -> None:
    first = write("version: 1\nowner: a\ngroups: [{name: g}]\nusers: [x]\nlimits: {leave: 1}\ngrace: 1h\n", "a.yaml")
    second = write("version: 1\n\nowner: b\ngroups: [{name: g}]\nusers: [X]\nlimits: {leave: 2}\ngrace: 2h\n", "b.yaml")
    assert said(check(first, second)) == [
        "b.yaml:3: error: `owner` has another value in a.yaml:2",
        "b.yaml:4: error: duplicate group g: first named in a.yaml:3",
        "b.yaml:5: error: duplicate user X: first named in a.yaml:4",
        "b.yaml:6: error: limits: `leave` has another value in a.yaml:5",
        "b.yaml:7: error: `grace` has another value in a.yaml:6",
    ]


def test_duplicates_are_found_in_json_without_line_breaks(write: Write) -> None:
    groups = [{"name": "geo", "members": ["ana"]}, {"name": "geo", "members": ["bo"]}]
    text = json.dumps({"version": 1, "users": ["ana", "ana"], "groups": groups}, separators=(",", ":"))
    assert said(check(write(text, "jhub.json"))) == [
        "jhub.json:1: error: duplicate user ana: this line names it more than once",
        "jhub.json:1: error: duplicate group geo: this line names it more than once",
    ]


def test_loading_fails_with_all_errors(write: Write) -> None:
    file = write("version: 1\nowner:\nusers: [., ..]\n")
    with pytest.raises(InvalidInput) as caught:
        load(file)
    assert str(caught.value) == (
        "jhub.yaml:2: `owner` is empty; "
        "jhub.yaml:3: invalid user name '.': a proxy could resolve its part '.' or '..'; "
        "jhub.yaml:3: invalid user name '..': a proxy could resolve its part '.' or '..'"
    )
    assert caught.value.hint == ""
    with pytest.raises(InvalidInput, match=r"; and 80 more$") as many:
        load(write("version: 1\nusers:\n" + "  - .\n" * 100))
    assert many.value.hint == "jhub validate FILE lists all"


KEYS = st.sampled_from(
    [
        "version",
        "owner",
        "users",
        "groups",
        "servers",
        "roles",
        "protect",
        "limits",
        "grace",
        "name",
        "admin",
        "members",
        "at-least",
        "roster",
        "command",
        "format",
        "column",
        "where",
        "also",
        "create-users",
        "properties",
        "options",
        "display-name",
        "scopes",
        "leave",
        "user",
        "<<",
    ]
)
SCALARS = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "a", "g", "1", "20%", "7d", "x.csv", ".."])
)
STRUCTURES = st.recursive(
    SCALARS,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(KEYS, children, max_size=6),
    max_leaves=30,
)


@settings(max_examples=300)
@given(st.dictionaries(KEYS, STRUCTURES, max_size=8).map(lambda values: {"version": 1, **values}), st.booleans())
def test_no_structure_raises_anything_else(
    tmp_path_factory: pytest.TempPathFactory, values: Any, as_json: bool
) -> None:
    file = tmp_path_factory.getbasetemp() / f"random.{'json' if as_json else 'yaml'}"
    file.write_text(json.dumps(values) if as_json else yaml.safe_dump(values))
    result = check(file)
    assert (result.document is None) == bool(result.errors)


def test_importing_the_module_reads_no_yaml() -> None:
    names = set(dir(jhub.state))
    assert {"load", "check", "to_yaml", "json_schema", "Document"} <= names
    for name in jhub.state.__all__:
        assert getattr(jhub.state, name) is not None
    with pytest.raises(AttributeError):
        _ = jhub.state.nothing
