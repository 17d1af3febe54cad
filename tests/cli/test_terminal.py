"""Prompts and screens at a terminal, and commands that need no hub."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from terminal import Jhub

from jhub.cli.kit.exit_codes import CODES
from jhub.cli.main import COMMANDS


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    return Jhub(tmp_path)


def test_a_server_is_stopped_only_after_confirmation(as_admin: Jhub, user: str) -> None:
    as_admin.ok("server", "start", f"{user}/x", "-p", "stub")
    no = as_admin.at_terminal("server", "stop", f"{user}/x", answers={"[y/N]": "n"})
    assert no.code == 1
    assert "Nothing changed." in no.out
    yes = as_admin.at_terminal("server", "stop", f"{user}/x", answers={"[y/N]": "y"})
    assert yes.code == 0
    assert "stopped" in yes.out


def test_a_user_is_deleted_only_after_the_name_was_typed(as_admin: Jhub, user: str) -> None:
    wrong = as_admin.at_terminal("user", "delete", user, answers={"to continue": "yes"})
    assert wrong.code == 1
    assert as_admin("user", "show", user).code == 0
    assert as_admin.at_terminal("user", "delete", user, answers={"to continue": user}).code == 0
    assert as_admin("user", "show", user).code == 5


def test_members_are_removed_only_after_confirmation(as_admin: Jhub, user: str, fresh: Callable[[str], str]) -> None:
    group = fresh("group")
    as_admin.ok("group", "create", group, "--user", user)
    no = as_admin.at_terminal("group", "set", group, "ana", answers={"(add 1, remove 1)? [y/N]": "n"})
    assert no.code == 1
    assert as_admin.ok("group", "list", "--user", user, "-o", "name") == f"{group}\n"
    yes = as_admin.at_terminal("group", "set", group, "ana", answers={"(add 1, remove 1)? [y/N]": "y"})
    assert yes.code == 0
    assert as_admin.ok("group", "list", "--user", user, "-o", "name") == ""


def test_a_question_is_asked_on_the_terminal_although_stdin_is_a_pipe(
    as_admin: Jhub, user: str, fresh: Callable[[str], str]
) -> None:
    group, other = fresh("group"), fresh("user")
    as_admin.ok("user", "create", other)
    as_admin.ok("group", "create", group, "--user", user)
    command = ("group", "set", group, "-")
    no = as_admin.at_terminal(*command, stdin=f"{other}\n", answers={"(add 1, remove 1)? [y/N]": "n"})
    assert no.code == 1
    assert "Nothing changed." in no.out
    yes = as_admin.at_terminal(*command, stdin=f"{other}\n", answers={"(add 1, remove 1)? [y/N]": "y"})
    assert yes.code == 0
    assert as_admin.ok("group", "list", "--user", other, "-o", "name") == f"{group}\n"


def test_a_deletion_of_several_names_them(as_admin: Jhub, fresh: Callable[[str], str]) -> None:
    first, second = fresh("user"), fresh("user")
    as_admin.ok("user", "create", first, second)
    host = as_admin.env["JUPYTERHUB_API_URL"].partition("://")[2].removesuffix("/hub/api")
    question = f"This permanently deletes 2 users ({first}, {second}) on {host} and all their data. Type 2 to continue"
    done = as_admin.at_terminal("user", "delete", "-", stdin=f"{first}\n{second}\n", answers={question: "2"})
    assert done.code == 0
    assert as_admin("user", "show", first).code == 5


def test_a_start_draws_a_live_screen_in_colour(as_admin: Jhub, user: str) -> None:
    screen = as_admin.at_terminal("server", "start", f"{user}/x", "-p", "slow_spawn", answers={})
    assert screen.code == 0
    assert "━" in screen.out
    assert "\x1b[" in screen.out


def test_no_color_turns_colours_off(jhub: Jhub) -> None:
    assert "\x1b[31m" in jhub.at_terminal("whoami", answers={}).out
    plain = Jhub(jhub.home, {"NO_COLOR": "1"})
    assert "\x1b[31m" not in plain.at_terminal("whoami", answers={}).out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(jhub: Jhub, command: str) -> None:
    assert jhub.ok(command, "--help").startswith(f"Usage: python -m jhub {command}") or "Usage: jhub" in jhub.ok(
        command, "--help"
    )


def test_help_topics_print_their_tables(jhub: Jhub) -> None:
    codes = jhub.ok("help", "exit-codes")
    assert [int(line.split()[0]) for line in codes.splitlines()] == list(CODES)
    assert "JHUB_CONTEXT" in jhub.ok("help", "environment")
    assert "stdin" in jhub.ok("help", "output")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_completion_script_is_printed_for_each_shell(jhub: Jhub, shell: str) -> None:
    assert "_JHUB_COMPLETE" in jhub.ok("completion", shell)


def test_commands_are_completed(jhub: Jhub) -> None:
    completing = Jhub(jhub.home, {"_JHUB_COMPLETE": "bash_complete", "COMP_WORDS": "jhub server st", "COMP_CWORD": "2"})
    found = completing.ok().split()
    assert {"plain,start", "plain,stop"} <= set(found)
