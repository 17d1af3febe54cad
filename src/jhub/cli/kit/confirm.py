"""Questions, by weight: nothing for what can be undone, yes or no for people's work, a name for data."""

from __future__ import annotations

import sys

import click

from jhub.errors import InvalidInput


def confirm(question: str, *, yes: bool) -> None:
    """Ask y/N before people's work is stopped."""
    if yes:
        return
    _need_terminal(question)
    click.confirm(question, abort=True, err=True)


def confirm_by_name(what: str, name: str, *, yes: bool) -> None:
    """Have the name typed before data is destroyed."""
    _have_typed(f"delete {what}", f"This deletes {what} and all that belongs to that.", name, yes=yes)


def confirm_shutdown(what: str, name: str, *, yes: bool) -> None:
    """Have the name typed before everybody's work is stopped at once."""
    _have_typed(f"shut {what} down", f"This shuts {what} down.", name, yes=yes)


def _have_typed(action: str, warning: str, name: str, *, yes: bool) -> None:
    if yes:
        return
    _need_terminal(action)
    typed: str = click.prompt(f"{warning} Type {name} to go on", err=True)
    if typed.strip() != name:
        raise InvalidInput(f"that is not {name}; nothing was done")


def _need_terminal(question: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput(f"there is no terminal to ask: {question}", hint="say --yes to go on without being asked")
