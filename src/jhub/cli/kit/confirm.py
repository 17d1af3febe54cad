"""Questions, by weight: nothing for what can be undone, yes or no for people's work, a name for data."""

from __future__ import annotations

import sys

import click

from jhub.cli.kit.text import clean
from jhub.errors import InvalidInput


def confirm(question: str, *, yes: bool) -> None:
    """Ask y/N before people's work is stopped."""
    if yes:
        return
    _need_terminal(question)
    click.confirm(clean(question), abort=True, err=True)


def confirm_by_name(what: str, name: str, *, yes: bool) -> None:
    """Have the name typed before data is destroyed."""
    have_typed(f"delete {what}", f"This deletes {what} and all that belongs to that.", name, yes=yes)


def have_typed(action: str, warning: str, name: str, *, yes: bool) -> None:
    """Have a name typed; without a terminal, refuse the action."""
    if yes:
        return
    _need_terminal(action)
    typed: str = click.prompt(clean(f"{warning} Type {name} to go on"), err=True)
    if typed.strip() != name:
        raise InvalidInput(f"that is not {name}; nothing was done")


def _need_terminal(question: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput(f"there is no terminal to ask: {question}", hint="say --yes to go on without being asked")
