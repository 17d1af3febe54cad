"""Exit codes: the one table, and how an error ends a command."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable

import click

from jhub.errors import APIError, Conflict, HubError, InvalidInput, NotAuthorized, NotFound, StillPending

CODES = {
    0: "ok",
    1: "failed",
    2: "wrong usage or bad input; or a question that could not be asked",
    3: "changes are pending",
    4: "not authorised",
    5: "not found",
    6: "conflict: it already exists, or runs with other options",
    7: "partly failed",
    8: "timed out; the hub goes on with it",
    130: "interrupted",
}

MEANING: tuple[tuple[type[HubError], int], ...] = (
    (InvalidInput, 2),
    (NotAuthorized, 4),
    (NotFound, 5),
    (Conflict, 6),
    (StillPending, 8),
    (HubError, 1),
)


def code_of(error: HubError) -> int:
    """The exit code for an error."""
    return next(code for kind, code in MEANING if isinstance(error, kind))


def run(command: Callable[[], object], *, debug: bool) -> int:
    """Run a command to its exit code; errors become one line, and a hint where there is one."""
    try:
        code = command()
        sys.stdout.flush()
    except click.ClickException as error:
        at = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "jhub"
        show(HubError(error.format_message(), hint=f"see: {at} --help"))
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return 130
    except BrokenPipeError:
        # The reader has had enough (`| head`): no error, and nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except HubError as error:
        show(error, debug=debug)
        return code_of(error)
    return code if isinstance(code, int) else 0


def show(error: HubError, *, debug: bool = False) -> None:
    """`error: …` and `hint: …` on stderr; with `debug` where it came from."""
    # click knows terminals, but not NO_COLOR
    click.secho(f"error: {error}", fg="red", err=True, color=False if os.environ.get("NO_COLOR") else None)
    if error.hint:
        click.echo(f"hint: {error.hint}", err=True)
    if debug:
        if isinstance(error, APIError):
            click.echo(f"debug: {error.method} {error.path} answered {error.status}", err=True)
        click.echo("".join(traceback.format_exception(error)), err=True)
