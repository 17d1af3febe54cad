"""The text of a plan: short, complete on demand, in ASCII on demand, and without control characters."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from jhub.state import render_plan
from jhub.state.changes import (
    AddMembers,
    BeginGrace,
    Change,
    CreateGroup,
    CreateServer,
    CreateUser,
    DeleteGroup,
    DeleteServer,
    DeleteUser,
    EditServer,
    EndApply,
    GroupBefore,
    Notice,
    NoticeKind,
    Plan,
    Refusal,
    RemoveMembers,
    SetAdmin,
    SetOwner,
    SetProperties,
)
from jhub.state.plan_text import MAX_NAMES, count_changes, plan_summary

MANY = tuple(f"user{number:02}" for number in range(12))


def text(*changes: Change, **options: bool) -> list[str]:
    """Return the lines of a plan with these changes, without the counts."""
    return render_plan(Plan(changes=changes), width=500, **options).splitlines()[:-1]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (CreateUser(user="dee"), "+ user dee"),
        (CreateUser(user="dee", admin=True), "+ user dee   administrator"),
        (CreateUser(user="dee", why="a member of geo"), "+ user dee   (a member of geo)"),
        (SetAdmin(user="bo", before=False, after=True), "~ user bo   becomes an administrator"),
        (SetAdmin(user="bo", before=True, after=False), "~ user bo   is not an administrator any more"),
        (CreateGroup(group="geo"), "+ group geo   new"),
        (
            SetOwner(group="geo", before="a", after="b", why="taken over from a"),
            "~ group geo   owner a → b (taken over",
        ),
        (SetProperties(group="geo", before={"mem": "1G"}, after={"mem": "2G"}), "~ group geo   properties.mem 1G → 2G"),
        (SetProperties(group="geo", before={}, after={"n": 7}), "~ group geo   properties.n 7"),
        (SetProperties(group="geo", before={"n": 7}, after={"n": "7"}), '~ group geo   properties.n 7 → "7"'),
        (SetProperties(group="geo", before={"n": None}, after={"n": "a b"}), '~ group geo   properties.n null → "a b"'),
        (AddMembers(group="geo", users=("ana", "bo")), "~ group geo   members +2   + ana bo"),
        (AddMembers(group="geo", users=("Doe, Jo",)), '~ group geo   members +1   + "Doe, Jo"'),
        (EndApply(group="geo", document="f3"), "~ group geo   the claim of an application that was interrupted ends"),
        (CreateServer(user="ana", name="lab"), "+ server ana/lab"),
        (CreateServer(user="ana", name="x", options={"p": 1}), '+ server ana/x   options {"p": 1}'),
        (
            EditServer(user="ana", name="x", options={"p": 2}, options_before={"p": 1}),
            '~ server ana/x   options {"p": 1} → {"p": 2}',
        ),
        (EditServer(user="ana", name="x", display_name="The lab"), '~ server ana/x   display name "The lab"'),
        (DeleteServer(user="ana", name="x"), "- server ana/x   a stopped server"),
        (DeleteGroup(group="geo", owner="me"), "- group geo   owned by me; its members stay users"),
        (DeleteUser(user="old"), "- user old   with the storage that the spawner deletes"),
    ],
)
def test_a_change_is_one_line(change: Change, line: str) -> None:
    (found,) = text(change)
    assert found.startswith(line)


def test_a_group_has_its_members_on_one_line() -> None:
    plan = Plan(
        changes=(AddMembers(group="geo", users=MANY), RemoveMembers(group="geo", users=("yed", "zan"))),
        groups={"geo": GroupBefore(members=tuple(map(str, range(172))))},
    )
    assert render_plan(plan, width=500).splitlines()[0] == (
        f"~ group geo   members +12 -2 (170 unchanged)   + {' '.join(MANY[:MAX_NAMES])} … (4 more)   - yed zan"
    )


def test_a_full_plan_has_all_names_and_values() -> None:
    changes = (AddMembers(group="geo", users=MANY), SetProperties(group="geo", before={}, after={"x": "y" * 200}))
    short, full = "\n".join(text(*changes)), "\n".join(text(*changes, full=True))
    assert MANY[-1] not in short
    assert "y" * 200 not in short
    assert MANY[-1] in full
    assert "y" * 200 in full
    assert "…" not in full


def test_users_of_one_kind_share_a_line() -> None:
    changes = [CreateUser(user=name) for name in MANY] + [CreateUser(user="chief", admin=True)]
    assert text(*changes, full=True) == [f"+ 12 users     {' '.join(MANY)}", "+ user chief   administrator"]


@pytest.mark.parametrize("width", [80, 100])
def test_lines_fit_the_width(width: int) -> None:
    plan = Plan(changes=(*(CreateUser(user=name) for name in MANY), AddMembers(group="geology-1", users=MANY)))
    lines = render_plan(plan, full=True, width=width).splitlines()
    assert max(map(len, lines)) <= width
    assert [line[0] for line in lines] == ["+", " ", "~", *" " * (len(lines) - 4), "P"]


def test_a_name_longer_than_a_line_is_whole() -> None:
    name = "x" * 200
    assert name in render_plan(Plan(changes=(AddMembers(group=name, users=(name,)),)))


def test_ascii_has_nothing_else() -> None:
    plan = Plan(
        changes=(
            AddMembers(group="geo", users=(*MANY, "jörg")),
            SetProperties(group="géo", before={"a": 1}, after={"a": 2}),
        )
    )
    found = render_plan(plan, full=True, ascii_only=True)
    assert found.isascii()
    assert "a 1 -> 2" in found
    assert "j\\xf6rg" in found


@pytest.mark.parametrize("bad", ["\x1b[31mred", "a\nb", "a\u202eb", "\ud800"])
def test_names_cannot_steer_the_terminal(bad: str) -> None:
    plan = Plan(
        changes=(
            CreateUser(user=bad),
            AddMembers(group=bad, users=(bad, "bo")),
            SetProperties(group="geo", before={}, after={bad: bad}),
            DeleteServer(user="ana", name=bad),
        ),
        notices=(Notice(kind="warning", subject=bad, message=bad),),
        refusals=(Refusal(subject=bad, message=bad, hint=bad),),
    )
    assert all(line.isprintable() for line in render_plan(plan, width=1000).split("\n"))


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("unmanaged", "! user ana   is odd   (unmanaged)"),
        ("waiting", "! user ana   is odd"),
        ("unknown", "! user ana   is odd"),
        ("warning", "! user ana   warning: is odd"),
    ],
)
def test_notices_come_after_the_changes(kind: NoticeKind, line: str) -> None:
    plan = Plan(changes=(DeleteUser(user="bo"),), notices=(Notice(kind=kind, subject="user ana", message="is odd"),))
    assert render_plan(plan).splitlines()[1] == line


def test_reasons_against_a_plan_come_last_with_their_hints() -> None:
    plan = Plan(
        changes=(CreateUser(user="bo"),),
        refusals=(Refusal(subject="group geo", message="belongs to the owner x", hint="--adopt takes it over"),),
        missing_scopes=("admin:users", "groups"),
    )
    assert render_plan(plan, width=200).splitlines() == [
        "+ user bo",
        "x group geo   refused: belongs to the owner x",
        "              hint: --adopt takes it over",
        "x the token   lacks the scopes admin:users, groups",
        "Plan: 1 user to add, nothing to delete. Nothing can be applied: see the lines with x.",
    ]


def test_the_counts() -> None:
    plan = Plan(
        changes=(
            CreateUser(user="dee"),
            CreateUser(user="eve"),
            CreateGroup(group="geo"),
            SetOwner(group="geo", after="me"),
            SetProperties(group="bio", before={}, after={"a": 1}),
            BeginGrace(group="bio", users=("ana",), since=datetime(2026, 9, 1, tzinfo=UTC)),
            AddMembers(group="geo", users=("dee", "eve")),
            RemoveMembers(group="bio", users=("bo",)),
            DeleteServer(user="bo", name="x"),
        )
    )
    assert plan_summary(plan) == (
        "Plan: 2 users, 1 group and 2 memberships to add, 1 group to change, 1 membership to remove, "
        "1 server to delete."
    )
    assert count_changes(plan) == 10
    assert plan_summary(Plan()) == "Plan: nothing to change."
