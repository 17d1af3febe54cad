"""Options shared by many commands, and the connection of a command to its hub."""

from __future__ import annotations

import functools
import logging
import re
import sys
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from datetime import UTC, datetime
from os import environ
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.shell_completion import CompletionItem

from jhub.cli.kit.inputs import read_stdin
from jhub.cli.kit.name_lines import parse_names
from jhub.cli.kit.output import Layout, note, nothing_to_do
from jhub.config import contexts
from jhub.errors import InvalidInput
from jhub.models import MAX_DURATION_SECONDS, SECONDS_PER_UNIT

if TYPE_CHECKING:
    from collections.abc import Generator

    from jhub import Hub

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT_KEY = "jhub.context"
"""Key in click's `Context.meta` of the context that -c/--context names."""
HUB_KEY = "jhub.hub"
"""Key in `Context.meta` of the hub that the command is connected to."""
EXPIRY_NOTED_KEY = "jhub.noted"
"""Key in `Context.meta` that is set after the warning about a token that expires soon."""
OUTPUT_FORMATS = ("table", "wide", "json", "yaml", "name", "csv")
"""Output formats that -o/--output takes."""


def _store_context(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value == "":
        # Most likely an unset variable. The current context may be another hub.
        raise click.BadParameter("a context name is missing")
    if value is not None:
        ctx.meta[CONTEXT_KEY] = value


def _enable_debug(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value and not ctx.resilient_parsing:  # no log lines in the middle of a completion
        logging.basicConfig(format="debug: %(message)s", stream=sys.stderr)
        logging.getLogger("jhub").setLevel(logging.DEBUG)
    return value


def context_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Complete the names of contexts; complete nothing if the file of contexts is damaged."""
    try:
        return [CompletionItem(name) for name in contexts.load().contexts if name.startswith(incomplete)]
    except InvalidInput:
        return []


def common(command: F) -> F:
    """Add -c/--context and --debug to a command."""
    command = click.option(
        "--debug",
        is_flag=True,
        expose_value=False,
        callback=_enable_debug,
        help="Show requests and tracebacks.",
    )(command)
    return click.option(
        "-c",
        "--context",
        metavar="NAME",
        expose_value=False,
        callback=_store_context,
        shell_complete=context_names,
        help="Use this context (see: jhub context list).",
    )(command)


def output(*, lines: bool = False) -> Callable[[F], F]:
    """Return the option -o/--output. With `lines`, json prints one event per line during the work."""
    formats = f"table, wide, json{' (one event per line)' if lines else ''}, yaml, name or csv"
    return click.option(
        "-o",
        "--output",
        "output_format",
        type=click.Choice(OUTPUT_FORMATS),
        default="table",
        metavar="FORMAT",
        help=f"Output format: {formats}.",
    )


def _split_columns(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    columns = tuple(name.strip() for name in (value or "").split(","))
    if value is not None and not all(columns):
        raise click.BadParameter("a column name is missing", ctx, param)
    return columns if value is not None else ()


def list_output(*, sort: bool = True) -> Callable[[F], F]:
    """Return the options -o, --columns, --sort and --limit of a list, which its command takes as one `layout`.

    Without `sort`, the command has an option --sort of its own.
    """

    def decorate(command: F) -> F:
        @functools.wraps(command)
        def wrapper(
            *args: Any,
            output_format: str,
            columns: tuple[str, ...],
            limit: int | None,
            sort_column: str = "",
            **others: Any,
        ) -> Any:
            if columns and output_format not in ("table", "wide", "csv"):
                raise click.UsageError(f"--columns does not apply to -o {output_format}")
            return command(*args, layout=Layout(output_format, columns, sort_column, limit), **others)

        wrapper = click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Print at most N rows.")(
            wrapper
        )
        if sort:
            wrapper = click.option(
                "--sort",
                "sort_column",
                default="",
                metavar="COLUMN",
                help="Sort by a column; -COLUMN reverses the order.",
            )(wrapper)
        wrapper = click.option(
            "--columns", metavar="NAME,...", callback=_split_columns, help="Columns of the table or CSV, in this order."
        )(wrapper)
        return output()(wrapper)  # type: ignore[return-value]  # click passes the parameters

    return decorate


yes = click.option("-y", "--yes", is_flag=True, help="Skip the confirmation prompt.")
dry_run = click.option(
    "--dry-run", is_flag=True, help="Print the requests that would change something, without sending them."
)


def duration(text: str) -> float:
    """Return the seconds in a duration such as "90", "90s", "15m", "8h" or "30d"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    seconds = float(match[1]) * SECONDS_PER_UNIT[match[2] or "s"] if match else 0.0
    if not 1 <= seconds <= MAX_DURATION_SECONDS:
        raise InvalidInput(f"invalid duration {text!r}", hint="use 90s, 15m, 8h or 30d")
    return seconds


def span(text: str) -> float:
    """Return the seconds in a duration that selects objects. It needs a unit: 365 may be meant as days."""
    if text.replace(".", "", 1).isdecimal():
        raise InvalidInput(f"duration {text!r} has no unit", hint=f"use {text}s, {text}m, {text}h or {text}d")
    return duration(text)


def moment(text: str) -> datetime:
    """Return a time, from a date such as "2026-09-01" or a time such as "2026-09-01T08:00", by default of this zone."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        raise InvalidInput(f"invalid date {text!r}", hint="use 2026-09-01, or 2026-09-01T08:00+02:00") from None


def fraction(text: str) -> float:
    """Return a share above 0 and up to 1, from "0.5" or "50%"."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+) ?(%?)", text)
    value = float(match[1]) / (100 if match[2] else 1) if match else 0.0
    if not 0 < value <= 1:
        raise InvalidInput(f"invalid share {text!r}", hint="use 0.5 or 50%; more than 0 and at most 100%")
    return value


def warn_if_overridden(name: str) -> None:
    """Print a note if an environment variable overrides the context that was just made the current one."""
    if (other := environ.get("JHUB_CONTEXT")) and other != name:
        note(f"note: JHUB_CONTEXT is set to {other} and overrides the current context; use -c {name}")
    elif contexts.environment_wins():
        note(f"note: JUPYTERHUB_API_URL is set and overrides the current context; use -c {name}")


def open_hub(connection: contexts.Connection) -> Hub:
    """Return the hub of a context, with the CA file and the client certificate that the context has."""
    from jhub import Hub

    return Hub(connection.url, connection.token, verify=connection.verify, cert=connection.cert)


@contextmanager
def connect() -> Generator[Hub]:
    """Yield the hub of this command, signed in. Print a warning, once, if its token expires soon."""
    from jhub import Hub

    meta = click.get_current_context().meta
    connection = contexts.connection(meta.get(CONTEXT_KEY))
    if connection.context and not meta.get(EXPIRY_NOTED_KEY):
        meta[EXPIRY_NOTED_KEY] = True
        warning = contexts.warning(connection.context, datetime.now(UTC))
        if warning:
            note(f"warning: {warning}")
    # The client warns about plain http, except for the URL that the hub itself set in the environment.
    with open_hub(connection) if connection.context else Hub() as hub:
        meta[HUB_KEY] = hub
        yield hub


def connected_host() -> str:
    """Return the host and path of the hub that this command is connected to, for questions; empty if there is none."""
    hub: Hub | None = click.get_current_context().meta.get(HUB_KEY)
    return hub.url.partition("://")[2].rstrip("/") if hub is not None else ""


def if_exists(objects: str) -> Callable[[F], F]:
    """Return the option --if-exists of a command that deletes."""
    return click.option("--if-exists", is_flag=True, help=f"Accept {objects} that do not exist.")


def require_names(arguments: Iterable[str]) -> list[str]:
    """Return the names in the arguments and, for "-", on stdin. Without any name, end the command with exit code 0."""
    names = read_names(arguments)
    if not names:
        nothing_to_do("nothing to do: no names on stdin")
    return names


def read_names(arguments: Iterable[str]) -> list[str]:
    """Return the names in the arguments, each once. "-" stands for the names on stdin: see `parse_names`."""
    names: list[str] = []
    for argument in arguments:
        if argument == "-":
            names += parse_names(read_stdin())
        else:
            names.append(argument)
    return list(dict.fromkeys(names))


def split_scopes(text: str) -> list[str]:
    """Return the scopes in a text, separated by commas or blanks.

    A blank after the "=" of a filter is part of the filter: "read:users!group=all users" is one scope.
    """
    scopes: list[str] = []
    for part in text.split(","):
        scope, equals, name = part.strip().partition("=")
        words = scope.split() or [""]
        words[-1] += equals + name
        scopes += [word for word in words if word]
    return scopes


def _parse_scopes(ctx: click.Context, param: click.Parameter, values: Iterable[str]) -> tuple[str, ...]:
    scopes: list[str] = []
    for value in values:
        added = split_scopes(value)
        if not added:
            # Most likely an unset variable. A token without scopes may do everything that its owner may do.
            raise click.BadParameter("a scope is missing", ctx, param)
        scopes += added
    return tuple(dict.fromkeys(scopes))


scopes_option = click.option(
    "--scope",
    "--scopes",
    "scopes",
    multiple=True,
    metavar="SCOPE,...",
    callback=_parse_scopes,
    help="Limit the token to these scopes, separated by commas; repeatable.",
)
