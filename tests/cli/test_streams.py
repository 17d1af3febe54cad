"""Closed and full standard streams: unwritable output is an error, unwritable messages are dropped."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from terminal import JHUB, Jhub

FULL = "error: cannot write the output: No space left on device"
CLOSED = "error: cannot write the output: Bad file descriptor"

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
    """Return the exit code and the lines on stderr of a command with shell redirections."""
    command = ["sh", "-c", f'exec "$@" {to}', "sh", *JHUB, *args]
    done = subprocess.run(command, env=jhub.environment(), capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr.splitlines()


@pytest.fixture
def jhub(tmp_path: Path) -> Jhub:
    return Jhub(tmp_path)


def as_text(line: str) -> str:
    """Return an error as text, also one in JSON."""
    return f"error: {json.loads(line)['error']}" if line.startswith("{") else line


def names(args: list[str]) -> str:
    return " ".join(args)


@pytest.mark.parametrize("args", OFFLINE, ids=names)
def test_output_that_cannot_be_written_is_an_error(jhub: Jhub, args: list[str]) -> None:
    for to, error in ((">/dev/full", FULL), (">&-", CLOSED)):
        code, lines = redirected(jhub, to, *args)
        assert (code, [as_text(line) for line in lines]) == (1, [error])
    assert redirected(jhub, ">/dev/full 2>/dev/full", *args) == (1, [])
    assert redirected(jhub, "<&- >&- 2>&-", *args) == (1, [])


@pytest.mark.parametrize("args", OFFLINE, ids=names)
def test_messages_that_cannot_be_written_keep_the_exit_code(jhub: Jhub, args: list[str]) -> None:
    code = jhub(*args).code
    assert redirected(jhub, "2>/dev/full", *args) == (code, [])
    assert redirected(jhub, "2>&-", *args) == (code, [])


@pytest.mark.parametrize("to", ["2>/dev/full", "2>&-", ">/dev/full 2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("args", [["whoami"], ["nonsense"], [], ["user", "list"]], ids=names)
def test_an_error_that_cannot_be_printed_keeps_its_exit_code(jhub: Jhub, to: str, args: list[str]) -> None:
    assert redirected(jhub, to, *args) == (2, [])


@pytest.mark.parametrize("args", ONLINE, ids=names)
def test_an_answer_that_cannot_be_written_is_an_error(as_admin: Jhub, user: str, args: list[str]) -> None:
    args = [arg.replace("USER", user) for arg in args]
    code, lines = redirected(as_admin, ">/dev/full", *args)
    assert (code, as_text(lines[-1])) == (1, FULL)
    assert not [line for line in lines if "Exception" in line or "Traceback" in line]
    code, lines = redirected(as_admin, ">&-", *args)
    assert (code, as_text(lines[-1])) == (1, CLOSED)


def test_events_on_a_closed_stderr_do_not_fail(as_admin: Jhub, user: str) -> None:
    assert redirected(as_admin, "2>/dev/full >/dev/null", "server", "start", f"{user}/x", "-p", "stub") == (0, [])
    assert redirected(as_admin, "2>&- >/dev/null", "server", "stop", "--yes", f"{user}/x") == (0, [])


def test_a_completion_that_cannot_be_written_fails_silently(jhub: Jhub) -> None:
    completing = Jhub(jhub.home, {"_JHUB_COMPLETE": "bash_complete", "COMP_WORDS": "jhub server st", "COMP_CWORD": "2"})
    assert redirected(completing, ">/dev/full") == (1, [])
    assert redirected(completing, ">&-") == (1, [])
