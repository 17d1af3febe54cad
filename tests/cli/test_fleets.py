"""Many servers at the command line, on a real hub: selected by group, name, profile, state and idle time."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from terminal import Jhub

Fresh = Callable[[str], str]


@pytest.fixture
def members(as_admin: Jhub, fresh: Fresh) -> list[str]:
    """Three new users."""
    names = [fresh("member") for _ in range(3)]
    as_admin.ok("user", "create", *names)
    return names


@pytest.fixture
def group(as_admin: Jhub, fresh: Fresh, members: list[str]) -> str:
    """A new group of the three users."""
    name = fresh("class")
    as_admin.ok("group", "create", name, *(part for user in members for part in ("--user", user)))
    return name


def test_servers_of_a_group_are_started_listed_stopped_and_deleted(
    as_admin: Jhub, group: str, members: list[str]
) -> None:
    servers = [f"{user}/lab" for user in members]
    start = ("server", "start", "--group", group, "--name", "lab", "-p", "stub")

    planned = as_admin(*start, "--dry-run")
    assert (planned.code, planned.err) == (0, "")
    assert sorted(planned.lines) == [
        f'POST /users/{user}/servers/lab {{"user_options":{{"profile":"stub"}}}}' for user in sorted(members)
    ]

    started = as_admin(*start, "--hub-load", "80%", "--max-failures", "2")
    assert started.code == 0, started
    assert sorted(row.split()[0] for row in started.lines[1:]) == servers
    assert re.search(r"^3 ready in \d+\.\d s$", started.err, re.MULTILINE)

    again = as_admin(*start, "--dry-run")
    assert (again.code, again.out, again.err) == (0, "", "3 of 3 already running or starting with these options\n")
    other = as_admin("server", "start", "--group", group, "--name", "lab", "-p", "lab", "--dry-run")
    assert (other.code, other.lines, other.err.count("already running with other options")) == (6, [], 3)

    lines = as_admin("server", "wait", "--group", group, "--name", "lab", "-o", "json").lines
    assert sorted(event["server"] for event in map(json.loads, lines) if event["state"] == "ready") == servers

    as_admin.ok("server", "start", members[0], "-p", "stub")
    listed = as_admin.ok("server", "list", "--group", group, "-o", "name").split()
    assert listed == sorted([members[0], *servers])
    listed = as_admin.ok("server", "list", "--group", group, "--name", "lab", "--state", "ready", "-o", "name").split()
    assert listed == servers

    stopped = as_admin("server", "stop", "--group", group, "--name", "lab", "--yes", "-o", "csv")
    assert stopped.code == 0, stopped
    assert sorted(row["server"] for row in csv.DictReader(stopped.lines)) == servers
    assert as_admin.ok("server", "list", "--group", group, "-o", "name").split() == [members[0]]

    planned = as_admin("server", "delete", "--group", group, "--dry-run")
    assert sorted(planned.lines) == [f'DELETE /users/{user}/servers/lab {{"remove":true}}' for user in members]
    wrong = as_admin.at_terminal("server", "delete", "--group", group, answers={"to continue": "yes"})
    assert wrong.code == 1
    assert "Nothing changed." in wrong.out
    right = as_admin.at_terminal("server", "delete", "--group", group, answers={"Type 3 to continue": "3"})
    assert right.code == 0
    assert as_admin.ok("server", "list", "--group", group, "--stopped", "-o", "name").split() == members


def test_idle_servers_are_selected_and_stopped(as_admin: Jhub, group: str, members: list[str]) -> None:
    as_admin.ok("server", "start", "--group", group, "-p", "stub")
    assert as_admin.ok("server", "list", "--group", group, "--idle", "1h", "-o", "name") == ""
    time.sleep(2)
    idle = as_admin.ok("server", "list", "--group", group, "--idle", "1s", "-o", "name")
    assert idle.split() == members
    planned = as_admin("server", "stop", "--group", group, "--idle", "1s", "--dry-run")
    assert planned.lines == [f"DELETE /users/{user}/server" for user in members]

    no = as_admin.at_terminal("server", "stop", "--group", group, "--idle", "1s", answers={"[y/N]": "n"})
    assert no.code == 1
    assert "Nothing changed." in no.out
    assert f"selected: {', '.join(members)}" in no.out
    assert "Stop 3 servers (" in no.out

    piped = as_admin("server", "stop", "--yes", "-", stdin=idle)
    assert piped.code == 0
    assert as_admin.ok("server", "list", "--group", group, "-o", "name") == ""


def test_servers_of_a_profile_are_stopped(as_admin: Jhub, group: str, members: list[str]) -> None:
    as_admin.ok("server", "start", f"{members[0]}/a", "-p", "stub")
    as_admin.ok("server", "start", f"{members[0]}/b", "-p", "slow_spawn")
    selected = ("--group", group, "--profile", "slow_spawn")
    assert as_admin.ok("server", "stop", *selected, "--yes", "-o", "name") == f"{members[0]}/b\n"
    assert as_admin.ok("server", "list", "--group", group, "-o", "name") == f"{members[0]}/a\n"


@pytest.mark.parametrize(
    "command",
    [
        ("start", "--group", "GROUP"),
        ("wait", "--group", "GROUP"),
        ("stop", "--yes", "--group", "GROUP"),
        ("stop", "--group", "GROUP", "--idle", "1s"),
        ("stop", "--yes", "--name", "nobody-has-this"),
        ("delete", "--yes", "--name", "nobody-has-this"),
        ("start", "--group", "GROUP", "--dry-run"),
    ],
)
def test_an_empty_selection_is_not_an_error(as_admin: Jhub, fresh: Fresh, command: tuple[str, ...]) -> None:
    as_admin.ok("group", "create", name := fresh("empty"))
    result = as_admin("server", *(name if part == "GROUP" else part for part in command))
    assert (result.code, result.out, result.err) == (0, "", "nothing to do: no server matches\n")


@pytest.mark.parametrize(
    ("args", "code", "error"),
    [
        (("stop", "--idle", "2h", "ana/x"), 2, "cannot combine server names"),
        (("stop", "--idle", "2h", "-"), 2, "cannot combine server names"),
        (("delete", "--name", "lab", "ana/lab"), 2, "cannot combine server names"),
        (("start", "--group", "geo", "ana/lab"), 2, "cannot combine server names"),
        (("start", "--name", "lab"), 2, "--name requires --group"),
        (("start", "--name", "lab", "ana"), 2, "--name requires --group"),
        (("wait", "--name", "lab"), 2, "--name requires --group"),
        (("start", "--group", "geo", "--no-wait"), 2, "--no-wait cannot be used with --group"),
        (("start", "a", "b", "c", "d", "e", "--no-wait"), 2, "--no-wait accepts up to 4 servers"),
        (("start", "--group", ""), 2, "a group name is missing"),
        (("start", "--group", "geo", "--name", ""), 2, "a server name is missing"),
        (("stop", "--yes", "--group", ""), 2, "a group name is missing"),
        (("stop", "--yes", "--name", ""), 2, "a server name is missing"),
        (("stop", "--yes", "--profile", ""), 2, "a profile name is missing"),
        (("stop", "--yes", "--idle", ""), 2, "invalid duration ''"),
        (("stop", "--yes", "--group", "no-such-group"), 5, "group no-such-group: not found"),
        (("start", "--group", "no-such-group"), 5, "group no-such-group: not found"),
        (("stop", "--name", "lab", "--idle", "soon"), 2, "invalid duration 'soon'"),
        (("list", "--state", "runing"), 2, "'runing' is not one of"),
        (("list", "--stopped", "--idle", "2h"), 2, "cannot combine stopped servers with state, idle or max_age"),
        (("delete", "--yes"), 2, "Missing argument"),
        (("start", "ana/x", "--hub-load", "0"), 2, "invalid share '0'"),
        (("start", "ana/x", "--hub-load", "150%"), 2, "invalid share '150%'"),
        (("start", "ana/x", "--hub-load", "half"), 2, "invalid share 'half'"),
        (("start", "ana/x", "--max-failures", "0"), 2, "--max-failures"),
    ],
)
def test_conflicting_arguments_are_refused(as_admin: Jhub, args: tuple[str, ...], code: int, error: str) -> None:
    result = as_admin("server", *args)
    assert (result.code, result.out) == (code, ""), result
    assert error in result.err.splitlines()[0]


def test_json_output_is_one_event_per_line(as_admin: Jhub, group: str, members: list[str]) -> None:
    result = as_admin("server", "start", "--group", group, "-p", "stub", "-o", "json")
    events = [json.loads(line) for line in result.lines]
    assert {event["server"] for event in events} == set(members)
    states = [event["state"] for event in events if event["state"] != "progress"]
    assert [states.count(state) for state in ("starting", "ready")] == [3, 3]
    assert re.fullmatch(r"3 ready in \d+\.\d s", json.loads(result.err)["note"])


def test_without_a_terminal_plain_lines_omit_the_queue(as_admin: Jhub, group: str, members: list[str]) -> None:
    result = as_admin("server", "start", "--group", group, "-p", "stub")
    assert "queued" not in result.err
    assert "\x1b" not in result.err + result.out
    for user in members:
        assert f"{user}: starting\n" in result.err
        assert f"{user}: ready after " in result.err


def test_failures_are_in_the_table_and_set_the_exit_code(as_admin: Jhub, members: list[str]) -> None:
    as_admin.ok("server", "start", members[1], "-p", "stub")
    result = as_admin("server", "start", *members[:2], "-p", "slow_spawn")
    assert result.code == 7
    assert [row.split()[:2] for row in result.lines] == [
        ["SERVER", "STATE"],
        [members[0], "ready"],
        [members[1], "failed"],
    ]
    assert "already running with other options" in result.lines[2]
    assert re.search(r"^1 ready in \d+\.\d s, 1 failed$", result.err, re.MULTILINE)


def test_skipped_servers_are_reported_with_a_reason_and_a_hint(as_admin: Jhub, group: str, members: list[str]) -> None:
    result = as_admin("server", "start", "--group", group, "-p", "nobodys")
    assert result.code == 5
    states = [row.split()[1] for row in result.lines[1:]]
    assert states.count("skipped") >= 1
    assert states[-1] == "failed"
    assert re.search(r"^\d skipped: ", result.err, re.MULTILINE)
    assert "run the same command again to continue with the skipped servers" in result.err
    assert as_admin.ok("server", "list", "--group", group, "-o", "name") == ""


def test_ctrl_c_prints_the_state_of_the_fleet(as_admin: Jhub, members: list[str]) -> None:
    result = as_admin.interrupted("server", "start", *members, "-p", "never_spawn", after=": progress")
    assert result.code == 130
    assert "Traceback" not in result.err
    assert re.search(r"^0 ready, \d still starting on the hub.*; run the same command again", result.err, re.MULTILINE)
    assert result.err.endswith("interrupted\n")
    as_admin("server", "stop", "--yes", *members)


def test_a_closed_pipe_ends_the_fleet_without_success(as_admin: Jhub, members: list[str]) -> None:
    result = as_admin.head("server", "start", *members, "-p", "slow_spawn", "-o", "json")
    assert json.loads(result.out)["state"] == "queued"
    assert result.code == 1
    assert re.fullmatch(r"0 ready, .*; run the same command again to continue", json.loads(result.err)["note"])
    as_admin.ok("server", "stop", "--yes", *members)
    listed = as_admin.head("server", "list", "--stopped", "-o", "json")
    assert (listed.code, listed.err) == (0, "")


ESCAPES = re.compile(r"\x1b\[[?0-9;]*[A-Za-z]")


def test_a_terminal_shows_a_live_screen(as_admin: Jhub, group: str, members: list[str]) -> None:
    small = Jhub(as_admin.home, {**as_admin.env, "COLUMNS": "80", "LINES": "24"})
    shown = small.at_terminal("server", "start", "--group", group, "-p", "slow_spawn", answers={})
    assert shown.code == 0
    screen, end = shown.out.rsplit("\x1b[2K", 1)  # the screen is gone with its last line
    assert "\x1b[?25h" in screen, "the cursor comes back"
    assert "━" in screen
    assert re.search(r"\d ready · \d starting", screen)
    assert re.search(r" s  member", screen)
    assert " left" in screen
    lines = ESCAPES.sub("", screen).replace("\r", "\n").splitlines()
    assert max(map(cell_len, lines)) <= 80
    # The screen is drawn a few times a second, at any rate of events.
    assert len(re.findall(r"\d/3 ", screen)) < 8 * 20
    assert "━" not in end
    assert ESCAPES.sub("", end).split()[:2] == ["SERVER", "STATE"]
    for user in members:
        assert user in end
    assert "3 ready in " in end
    as_admin.ok("server", "stop", "--yes", "--group", group)


def test_ctrl_c_removes_the_screen_and_prints_the_state(as_admin: Jhub, members: list[str]) -> None:
    shown = as_admin.at_terminal(
        "server", "start", *(f"{user}/x" for user in members), "-p", "never_spawn", answers={" starting · ": "\x03"}
    )
    assert shown.code == 130
    _, end = shown.out.rsplit("\x1b[2K", 1)
    assert re.search(
        r"0 ready, \d still starting on the hub.*; run the same command again to continue\s+interrupted", end
    )
    assert "Traceback" not in shown.out
    as_admin("server", "stop", "--yes", *(f"{user}/x" for user in members))


def test_the_screen_respects_no_color(as_admin: Jhub, user: str) -> None:
    plain = Jhub(as_admin.home, {**as_admin.env, "NO_COLOR": "1"})
    shown = plain.at_terminal("server", "start", f"{user}/x", "-p", "slow_spawn", answers={})
    assert shown.code == 0
    assert " starting" in shown.out
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]", shown.out)


@pytest.mark.parametrize("more", [{"TERM": "dumb"}, {"PYTHONIOENCODING": "ascii"}])
def test_a_dumb_terminal_gets_plain_lines(as_admin: Jhub, user: str, more: dict[str, str]) -> None:
    plain = Jhub(as_admin.home, {**as_admin.env, **more})
    shown = plain.at_terminal("server", "start", f"{user}/x", "-p", "stub", answers={})
    assert shown.code == 0
    assert f"{user}/x: ready after " in shown.out
    assert "\x1b[1A" not in shown.out


def test_groups_and_states_are_completed(as_admin: Jhub, group: str) -> None:
    def completed(line: str) -> list[str]:
        words = {"COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
        completing = Jhub(as_admin.home, {**as_admin.env, "_JHUB_COMPLETE": "bash_complete", **words})
        return [part.partition(",")[2] for part in completing.ok().split()]

    assert group in completed(f"jhub server start --group {group[:-1]}")
    assert completed("jhub server stop --state rea") == ["ready"]
