"""Report of an application without a terminal: errors, table, counts and advice."""

from __future__ import annotations

import json

import pytest

from jhub import Hub
from jhub.cli.apply_report import run_apply
from jhub.cli.kit import batch
from jhub.state import Document, GroupEntry, MembersEntry, Plan, UserEntry
from jhub.testing import FakeHub

NAMES = tuple(f"user{number}" for number in range(30))


def plan_of(hub: Hub, *, new: bool = False) -> Plan:
    """Return the plan by which 30 users become members of a group; with `new`, they are created as well."""
    users = tuple(UserEntry(name=name) for name in NAMES) if new else ()
    group = GroupEntry(name="geo", members=MembersEntry(names=NAMES))
    return hub.state.plan(Document(users=users, groups=(group,)))


def connect(fake: FakeHub) -> Hub:
    return Hub(fake.api_url, fake.token, transport=fake.transport)


@pytest.mark.parametrize("output_format", ["text", "json"])
def test_one_error_for_all_users_of_a_stale_group(output_format: str, capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeHub(users=[*NAMES, "eve"], groups={"geo": []})
    with connect(fake) as hub:
        plan = plan_of(hub)
        hub.groups.add_users("geo", ["eve"])
        assert run_apply(hub, plan, output_format, is_saved=True) == 6
    out, err = capsys.readouterr()
    (error,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert error.startswith("error: group geo: add members: 30 users (user0, user1, ")
    assert "user11 and 18 more) are stale: group geo: its members have changed" in error
    assert "0 changed, 30 stale in 0 s; make a new plan and apply it to finish" in err
    if output_format == "json":
        assert [each["name"] for each in json.loads(out)["results"]] == [*NAMES]
    else:
        (_, row) = out.splitlines()
        assert "group geo  add members: 30 users (user0, " in row
        assert "stale  group geo: its members have changed" in row


def test_one_error_for_users_that_cannot_be_created_and_one_row_for_those_who_are_skipped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    fake = FakeHub(groups={"geo": []})
    with connect(fake) as hub:
        plan = plan_of(hub, new=True)
        fake.fail("POST /users", 500, "no room")
        assert run_apply(hub, plan, "text", is_saved=False) == 1
    out, err = capsys.readouterr()
    assert [line for line in err.splitlines() if line.startswith("error: 30 users (user0, ")] != []
    assert err.count("error: ") == 1
    assert "30 failed, 30 skipped in 0 s; run the same command again to finish" in err
    assert [line.split("  ")[0][:14] for line in out.splitlines()[1:]] == ["30 users (user", "group geo"]


def test_unknown_users_have_one_error(capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeHub(users=NAMES, groups={"geo": []})
    with connect(fake) as hub:
        plan = plan_of(hub)
        for name in NAMES[:2]:
            hub.users.delete(name)
        assert run_apply(hub, plan, "text", is_saved=True) == 7
    err = capsys.readouterr().err
    assert "error: group geo: add members: 2 users (user0, user1): not a user of this hub\n" in err
    assert err.count("error: ") == 1
    assert "28 changed, 2 failed in 0 s; run the same command again to finish" in err, "nothing is stale"


def test_other_errors_of_a_change_have_their_own_lines(capsys: pytest.CaptureFixture[str]) -> None:
    fake = FakeHub(groups={"geo": []})
    users = (UserEntry(name="a/b"), UserEntry(name="c/d"))
    with connect(fake) as hub:
        assert run_apply(hub, hub.state.plan(Document(users=users)), "text", is_saved=False) == 1
    assert capsys.readouterr().err.count("error: user ") == 2


def test_a_line_now_and_then(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeHub(users=NAMES, groups={"geo": []})
    with connect(fake) as hub:
        plan = plan_of(hub)
        assert run_apply(hub, plan, "text", is_saved=False) == 0
        assert " so far" not in capsys.readouterr().err
        hub.groups.set_users("geo", [])
        monkeypatch.setattr(batch, "LINE_SECONDS", 0.0)
        assert run_apply(hub, plan, "text", is_saved=False) == 0
    assert "12 of 30 changes: 12 changed so far\n" in capsys.readouterr().err
