"""Options that stand on many commands, and how a command gets its hub."""

from __future__ import annotations

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
from jhub.cli.kit.output import note, strip_line
from jhub.config import contexts
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Generator

    from jhub import Hub

F = TypeVar("F", bound=Callable[..., Any])

CONTEXT_KEY = "jhub.context"
EXPIRY_NOTED_KEY = "jhub.noted"
OUTPUT_FORMATS = ("table", "json", "yaml", "name", "csv")


def _remember(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    if value == "":
        # Of an unset variable, most likely: the current context may be another hub.
        raise click.BadParameter("a context name is missing")
    if value is not None:
        ctx.meta[CONTEXT_KEY] = value


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value and not ctx.resilient_parsing:  # a line that is being completed says nothing
        logging.basicConfig(format="debug: %(message)s", stream=sys.stderr)
        logging.getLogger("jhub").setLevel(logging.DEBUG)
    return value


def context_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Completes the names of contexts; a damaged file completes nothing."""
    try:
        return [CompletionItem(name) for name in contexts.load().contexts if name.startswith(incomplete)]
    except InvalidInput:
        return []


def common(command: F) -> F:
    """-c/--context and --debug, on the program and on each command alike."""
    command = click.option(
        "--debug", is_flag=True, expose_value=False, callback=_debug, help="Show requests, and tracebacks of errors."
    )(command)
    return click.option(
        "-c",
        "--context",
        metavar="NAME",
        expose_value=False,
        callback=_remember,
        shell_complete=context_names,
        help="The context to use (see: jhub context list).",
    )(command)


def output(*, lines: bool = False) -> Callable[[F], F]:
    """-o/--output. With `lines`, json means one event per line while the work goes on."""
    text = "table, json (one event per line), yaml, name or csv" if lines else "table, json, yaml, name or csv"
    return click.option(
        "-o",
        "--output",
        "output_format",
        type=click.Choice(OUTPUT_FORMATS),
        default="table",
        metavar="FORMAT",
        help=f"As {text}.",
    )


yes = click.option("-y", "--yes", is_flag=True, help="Do not ask.")
dry_run = click.option(
    "--dry-run", is_flag=True, help="Print the requests that would change something, and change nothing."
)


MAX_DURATION_SECONDS = 10 * 365 * 86400
SECONDS_PER_UNIT = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> float:
    """Seconds from "90", "90s", "15m", "8h" or "30d"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text)
    if not found or not 1 <= float(found[1]) * SECONDS_PER_UNIT[found[2]] <= MAX_DURATION_SECONDS:
        raise click.BadParameter(f"{text!r} is no duration; give it as 90s, 15m, 8h or 30d")
    return float(found[1]) * SECONDS_PER_UNIT[found[2]]


def fraction(text: str) -> float:
    """A share of a whole, from "0.5" or "50%"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?|\.\d+) ?(%?)", text)
    value = float(found[1]) / (100 if found[2] else 1) if found else 0.0
    if not 0 < value <= 1:
        raise click.BadParameter(f"{text!r} is no share; give it as 0.5 or 50%, and 100% at most")
    return value


def warn_if_overridden(name: str) -> None:
    """Say so where the environment names a hub or a context: that is used, and not the one that was just chosen."""
    if (other := environ.get("JHUB_CONTEXT")) and other != name:
        note(f"note: JHUB_CONTEXT is {other} and comes before the current context; use -c {name}")
    elif contexts.environment_wins():
        note(f"note: JUPYTERHUB_API_URL is set and comes before the current context; use -c {name}")


@contextmanager
def connect() -> Generator[Hub]:
    """The hub of this command, signed in."""
    from jhub import Hub

    meta = click.get_current_context().meta
    where = contexts.connection(meta.get(CONTEXT_KEY))
    if where.context and not meta.get(EXPIRY_NOTED_KEY):
        meta[EXPIRY_NOTED_KEY] = True
        ending = contexts.warning(where.context, datetime.now(UTC))
        if ending:
            note(f"warning: {ending}")
    # The client warns of plain http, but not where the hub itself put the URL into the environment.
    with Hub(where.url, where.token) if where.context else Hub() as hub:
        yield hub


def require_names(given: Iterable[str]) -> list[str]:
    """Names as given; "-" stands for those on stdin, one per line. Without any the command ends."""
    found = read_names(given)
    if not found:
        note("nothing to do: no names on stdin")
        raise click.exceptions.Exit(0)
    return found


def read_names(given: Iterable[str]) -> list[str]:
    """Names as given, and those on stdin for "-", of which there may be none."""
    found: list[str] = []
    for name in given:
        if name == "-":
            found += [line for line in map(strip_line, read_stdin().split("\n")) if line]
        else:
            found.append(name)
    return list(dict.fromkeys(found))


def split_scopes(given: str) -> list[str]:
    """The scopes in a text, which commas and blanks separate.

    A blank after the "=" of a filter belongs to the name there: "read:users!group=all users" is one scope.
    """
    found: list[str] = []
    for part in given.split(","):
        scope, equals, name = part.strip().partition("=")
        words = scope.split() or [""]
        words[-1] += equals + name
        found += [word for word in words if word]
    return found


def _all(ctx: click.Context, param: click.Parameter, given: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for text in given:
        scopes = split_scopes(text)
        if not scopes:
            # Of an unset variable, most likely; without any, a token is for all that its owner may do.
            raise click.BadParameter("a scope is missing", ctx, param)
        found += scopes
    return tuple(dict.fromkeys(found))


scopes_option = click.option(
    "--scope",
    "--scopes",
    "scopes",
    multiple=True,
    metavar="SCOPE,...",
    callback=_all,
    help="Only these scopes, with commas between them; may be repeated.",
)
