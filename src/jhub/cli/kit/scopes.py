"""--scope, --scopes: what a token may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def _split(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(scope for value in values for scope in value.replace(",", " ").split()))
    if values and not found:
        # Of an unset variable, most likely: the token would have all scopes.
        raise click.BadParameter("a scope is missing")
    return found


def scopes_option(command: F) -> F:
    """--scope, which may be repeated, and may name several with commas between them: `--scopes a,b`."""
    return click.option(
        "--scope",
        "--scopes",
        "scopes",
        multiple=True,
        metavar="SCOPE",
        callback=_split,
        help="Only this scope, or these: a,b; may be repeated.",
    )(command)
