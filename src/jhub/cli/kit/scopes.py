"""`--scope` and `--scopes`: what a token is to be for."""

from __future__ import annotations

from collections.abc import Iterable

import click


def split(given: str) -> list[str]:
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
        scopes = split(text)
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
