"""Exit codes: the one table, and how an error ends a command."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

import click

from jhub.cli.kit.output import escape
from jhub.errors import APIError, Conflict, HubError, InvalidInput, NotAuthorized, NotFound, WaitTimeout

CODES = {
    0: "ok",
    1: "failed, or declined",
    2: "wrong usage or bad input; or a question that could not be asked",
    3: "changes are pending",
    4: "not authorised",
    5: "not found",
    6: "conflict: it already exists, or runs with other options",
    7: "partly failed",
    8: "timed out; the hub goes on with it",
    129: "ended by SIGHUP, as when its terminal is closed",
    130: "interrupted",
    143: "ended by SIGTERM",
}

ERROR_CODES: tuple[tuple[type[HubError], int], ...] = (
    (InvalidInput, 2),
    (NotAuthorized, 4),
    (NotFound, 5),
    (Conflict, 6),
    (WaitTimeout, 8),
    (HubError, 1),
)


def code_of(error: HubError) -> int:
    """The exit code for an error."""
    return next(code for kind, code in ERROR_CODES if isinstance(error, kind))


def run(command: Callable[[], object], *, debug: bool) -> int:
    """Run a command to its exit code; errors become one line, and a hint where there is one."""
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
        print_error(HubError(" ".join(error.format_message().split()), hint=f"see: {command_path} --help"))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except HubError as error:
        print_error(error, debug=debug)
        return code_of(error)
    except UnicodeError as error:
        print_error(InvalidInput(f"something that was given is not valid text: {type(error).__name__}"), debug=debug)
        return 2
    except SystemExit as end:
        # click's answer to a reader that has enough (`| head`), which is no error.
        return 0 if type(sys.stdout).__name__.endswith("PacifyFlushWrapper") else _as_exit_code(end.code)
    except OSError as error:
        flush_stdout()
        print_error(HubError(f"{error.strerror or error}"), debug=debug)
        return 1
    return code if isinstance(code, int) else 0


def flush_stdout() -> str:
    """Why what was printed cannot be written, if it cannot. It is dropped: Python would try again at the very end."""
    try:
        sys.stdout.flush()
    except OSError as error:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
        if not isinstance(error, BrokenPipeError):
            return f"{error.strerror or error}"
    return ""


def print_error(error: HubError, *, debug: bool = False) -> None:
    """`error: …` and `hint: …` on stderr; with `debug` where it came from."""
    # click knows terminals, but not NO_COLOR
    color = False if os.environ.get("NO_COLOR") else None
    click.secho(escape(f"error: {error}"), fg="red", err=True, color=color)
    if error.hint:
        click.echo(escape(f"hint: {error.hint}"), err=True)
    if debug:
        if isinstance(error, APIError):
            click.echo(f"debug: {error.method} {error.path} answered {error.status}", err=True)
        click.echo("".join(traceback.format_exception(error)), err=True)


def _as_exit_code(code: object) -> int:
    return code if isinstance(code, int) else 1
