"""Output that cannot be written ends a command with 1 and one line; messages that cannot be written end nothing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from terminal import JHUB, Jhub

FULL = "error: the output cannot be written: No space left on device"
CLOSED = "error: the output cannot be written: Bad file descriptor"

OFFLINE = [
    ["--version"],
    ["--help"],
    ["help", "exit-codes"],
    ["help", "output"],
    ["server", "start", "--help"],
    ["completion", "bash"],
    ["completion", "zsh"],
    *(["context", "list", "-o", output_format] for output_format in ("table", "json", "yaml", "csv")),
]
ONLINE = [
    *(["user", "list", "-o", output_format] for output_format in ("table", "json", "yaml", "name", "csv")),
    *(["user", "show", "ana", "-o", output_format] for output_format in ("table", "json", "yaml", "name", "csv")),
    ["whoami"],
    ["api", "GET", "/users"],
    ["group", "create", "g", "--dry-run"],
    ["server", "start", "USER/full", "-p", "stub", "-o", "json"],
]


def redirected(jhub: Jhub, to: str, *args: str) -> tuple[int, list[str]]:
    """The exit code of a command with redirections as a shell has them, and what it says on stderr."""
    command = ["sh", "-c", f'exec "$@" {to}', "sh", *JHUB, *args]
    done = subprocess.run(command, env=jhub.environment(), capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    return Jhub(tmp_path)


def names(args: list[str]) -> str:
    return " ".join(args)


@pytest.mark.parametrize("args", OFFLINE, ids=names)
def test_output_that_cannot_be_written_is_an_error(jhub: Jhub, args: list[str]) -> None:
    assert redirected(jhub, ">/dev/full", *args) == (1, [FULL])
    assert redirected(jhub, ">&-", *args) == (1, [CLOSED])
    assert redirected(jhub, ">/dev/full 2>/dev/full", *args) == (1, [])
    assert redirected(jhub, "<&- >&- 2>&-", *args) == (1, [])


@pytest.mark.parametrize("args", OFFLINE, ids=names)
def test_messages_that_cannot_be_written_change_nothing(jhub: Jhub, args: list[str]) -> None:
    code = jhub(*args).code
    assert redirected(jhub, "2>/dev/full", *args) == (code, [])
    assert redirected(jhub, "2>&-", *args) == (code, [])


@pytest.mark.parametrize("to", ["2>/dev/full", "2>&-", ">/dev/full 2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("args", [["whoami"], ["nonsense"], [], ["user", "list"]], ids=names)
def test_an_error_that_cannot_be_told_keeps_its_exit_code(jhub: Jhub, to: str, args: list[str]) -> None:
    assert redirected(jhub, to, *args) == (2, [])


@pytest.mark.parametrize("args", ONLINE, ids=names)
def test_what_a_hub_has_answered_cannot_be_written(as_admin: Jhub, user: str, args: list[str]) -> None:
    args = [arg.replace("USER", user) for arg in args]
    code, said = redirected(as_admin, ">/dev/full", *args)
    assert (code, said[-1]) == (1, FULL)
    assert not [line for line in said if "Exception" in line or "Traceback" in line]
    code, said = redirected(as_admin, ">&-", *args)
    assert (code, said[-1]) == (1, CLOSED)


def test_events_that_nobody_hears_are_no_failure(as_admin: Jhub, user: str) -> None:
    assert redirected(as_admin, "2>/dev/full >/dev/null", "server", "start", f"{user}/x", "-p", "stub") == (0, [])
    assert redirected(as_admin, "2>&- >/dev/null", "server", "stop", "--yes", f"{user}/x") == (0, [])


def test_completion_that_cannot_be_written_says_nothing(jhub: Jhub) -> None:
    completing = Jhub(jhub.home, {"_JHUB_COMPLETE": "bash_complete", "COMP_WORDS": "jhub server st", "COMP_CWORD": "2"})
    assert redirected(completing, ">/dev/full") == (1, [])
    assert redirected(completing, ">&-") == (1, [])
