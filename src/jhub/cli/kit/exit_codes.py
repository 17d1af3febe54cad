"""Exit codes: their table, and the errors that a command ends with."""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from itertools import takewhile

import click
import msgspec

from jhub.cli.kit.output import escape, messages_are_json
from jhub.errors import APIError, Conflict, HubError, InvalidInput, NotAuthorized, NotFound, ServerPending, WaitTimeout

CODES = {
    0: "ok",
    1: "failed, or declined",
    2: "wrong usage or invalid input, or no terminal to ask for confirmation",
    3: "changes are pending (jhub plan --exit-code)",
    4: "not authorised",
    5: "not found",
    6: "conflict: the object already exists, the server runs with other options, or a plan is refused or stale",
    7: "some of several failed, or are not ready; all failed alike: the code of that error; --strict: warnings",
    8: "timed out, or still pending; the hub continues the work",
    125: "run, exec: not the fault of the notebook or command; other codes are those of a script or command",
    129: "terminated by SIGHUP, such as by closing the terminal",
    130: "interrupted",
    143: "terminated by SIGTERM",
}
"""Exit codes of the command line with their meanings, for `jhub help exit-codes`."""

ERROR_CODES: tuple[tuple[type[HubError], int], ...] = (
    (InvalidInput, 2),
    (NotAuthorized, 4),
    (NotFound, 5),
    (Conflict, 6),
    (WaitTimeout, 8),
    (ServerPending, 8),
    (HubError, 1),
)
"""Exit codes of errors; the first class that matches counts."""


def code_of(error: HubError) -> int:
    """Return the exit code for an error."""
    return next(code for kind, code in ERROR_CODES if isinstance(error, kind))


def wants_json(arguments: Sequence[str]) -> bool:
    """Return whether the arguments of a command ask for JSON, so that its messages are JSON too."""
    before_dashes = " ".join(takewhile(lambda argument: argument != "--", arguments))
    return re.search(r"(^| )(-o ?|--output[ =])json( |$)", before_dashes) is not None


def run(command: Callable[[], object], *, debug: bool) -> int:
    """Run a command and return its exit code. An error is printed on one line, with its hint, if any, on the next."""
    code = _run(command, debug=debug)
    if reason := flush_stdout():
        if code == 0:
            print_error(HubError(reason), debug=debug)
        return code or 1
    return code


def _run(command: Callable[[], object], *, debug: bool) -> int:
    try:
        code = command()
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        command_path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "jhub"
        print_error(
            HubError(" ".join(error.format_message().split()), hint=f"see: {command_path} --help"),
            exit_code=error.exit_code,
        )
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        if messages_are_json():
            print_error(HubError("interrupted"), exit_code=130)
        else:
            click.echo("interrupted", err=True)
        return 130
    except HubError as error:
        print_error(error, debug=debug)
        return code_of(error)
    except UnicodeError as error:
        print_error(InvalidInput(f"the input is not valid text ({type(error).__name__})"), debug=debug)
        return 2
    except SystemExit as end:
        # click exits like this when the reader closes the pipe (`| head`), which is not an error.
        return 0 if type(sys.stdout).__name__.endswith("PacifyFlushWrapper") else _as_exit_code(end.code)
    except OSError as error:
        flush_stdout()
        print_error(HubError(f"{error.strerror or error}"), debug=debug)
        return 1
    return code if isinstance(code, int) else 0


def flush_stdout() -> str:
    """Flush stdout, and return the reason if its content cannot be written; empty otherwise, also for a closed pipe.

    The content is then dropped, because Python would try to write it again at exit.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
        if not isinstance(error, BrokenPipeError):
            return f"{error.strerror or error}"
    return ""


def print_error(error: HubError, *, debug: bool = False, exit_code: int | None = None) -> None:
    """Print `error: …` and `hint: …`, or an object of JSON, on stderr; with `debug` also the traceback."""
    if messages_are_json():
        fields = {**error.to_dict(), "exit_code": code_of(error) if exit_code is None else exit_code}
        click.echo(msgspec.json.encode(fields).decode(), err=True)
    else:
        _print_text(error)
    if debug:
        if isinstance(error, APIError):
            click.echo(f"debug: {error.method} {error.path} returned {error.status}", err=True)
        click.echo("".join(traceback.format_exception(error)), err=True)


def _print_text(error: HubError) -> None:
    # click does not support NO_COLOR.
    color = False if os.environ.get("NO_COLOR") else None
    click.secho(escape(f"error: {error}"), fg="red", err=True, color=color)
    if error.hint:
        click.echo(escape(f"hint: {error.hint}"), err=True)


def _as_exit_code(code: object) -> int:
    return code if isinstance(code, int) else 1
