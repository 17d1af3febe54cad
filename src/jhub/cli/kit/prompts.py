"""Prompts at the terminal: questions of a sign-in, and confirmations."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from jhub.cli.kit.inputs import read_line
from jhub.cli.kit.options import connected_host
from jhub.cli.kit.output import describe, note
from jhub.cli.kit.terminal import ask, ask_secret, ask_yes_or_no, has_terminal
from jhub.errors import InvalidInput
from jhub.login import OtherUser, Password, PastedToken, SecondFactor, Username, Visit
from jhub.login.callback import has_browser, open_page, visit

YES_HINT = "use --yes to skip the confirmation"
"""Hint for a command that cannot ask."""


class LoginPrompts:
    """Answers to the questions of a sign-in, from stdin or from prompts at the terminal.

    Parameters
    ----------
    from_stdin
        Read the answers from stdin: the password on its first line, the second factor on its second.
    open_browser
        Open a browser if the sign-in needs one.
    always_wait
        Wait for the browser even without a terminal that shows the address to open.
    """

    def __init__(self, *, from_stdin: bool, open_browser: bool, always_wait: bool) -> None:
        self._from_stdin = from_stdin
        self._open_browser = open_browser
        self._always_wait = always_wait

    def __call__(self, question: object) -> Any:
        """Return the answer to a question."""
        match question:
            case Username():
                return self._ask("Username", hide=False, hint="pass it with -u")
            case Password():
                return self._ask("Password", hide=True, hint="use -u and --password-stdin")
            case SecondFactor():
                return self._second_factor(question)
            case PastedToken():
                return self._token(question)
            case Visit():
                return self._visit(question)
            case OtherUser():
                return question.name if has_terminal() and ask_yes_or_no(question.text) else ""
            case _:
                raise TypeError(f"unknown question: {question!r}")

    def read_password(self) -> str | None:
        """Return the password on stdin; None at a terminal, or without `from_stdin`: then it is prompted for."""
        if not self._from_stdin or sys.stdin.isatty():
            return None
        answer = read_line().rstrip("\r\n")
        if not answer:
            raise InvalidInput("the password on stdin is empty")
        return answer

    def _second_factor(self, question: SecondFactor) -> str:
        if self._from_stdin and not sys.stdin.isatty():
            return read_line().strip()
        return self._ask(f"{question.label} (empty if you have none)", hide=True, default="") if has_terminal() else ""

    def _token(self, question: PastedToken) -> str:
        if not sys.stdin.isatty() and (answer := read_line().strip()):
            return answer
        if not has_terminal():
            raise InvalidInput(
                "cannot ask for a token without a terminal, and stdin has none",
                hint=f"create one on {question.page} and pass it on stdin: jhub login URL --token -",
            )
        note(f"create a token on this page of the hub and paste it here: {question.page}")
        if self._open_browser:
            open_page(question.page)
        return self._ask("Token", hide=True).strip()

    def _visit(self, question: Visit) -> str:
        if not (self._always_wait or sys.stderr.isatty() or (self._open_browser and has_browser())):
            raise InvalidInput(
                "cannot sign in with the browser: no browser found, and no terminal to show the URL",
                hint="pass a token: jhub login URL --token - < token.txt; or use --browser to wait anyway",
            )
        return visit(question, note, open_browser=self._open_browser)

    def _ask(self, prompt: str, *, hide: bool, hint: str = "", default: str | None = None) -> str:
        if not has_terminal():
            raise InvalidInput(f"cannot ask for the {prompt.lower()} without a terminal", hint=hint)
        return ask_secret(prompt, default=default) if hide else ask(prompt, default=default)


def confirm(question: str, *, yes: bool) -> None:
    """Ask a yes/no question about this command's hub; end the command unless the answer is yes."""
    if yes:
        return
    _require_terminal(question)
    host = connected_host()
    if not ask_yes_or_no(f"{host}: {question}" if host else question):
        _decline()


def confirm_deletion(noun: str, names: Sequence[str], *, yes: bool) -> None:
    """Ask for a name, or the number of names, to be typed before data is deleted; end the command otherwise."""
    described, host = describe(noun, names), connected_host()
    place = f" on {host}" if host else ""
    owner, typed = ("its", names[0]) if len(names) == 1 else ("their", str(len(names)))
    data = f" and all {owner} data" if noun in ("user", "server") else ""
    warning = f"This permanently deletes {described}{place}{data}."
    confirm_by_typing(f"delete {described}", warning, typed, yes=yes)


def confirm_by_typing(action: str, warning: str, name: str, *, yes: bool, hint: str = YES_HINT) -> None:
    """Ask for a name to be typed; end the command if the answer is another. Without a terminal, refuse the action."""
    if yes:
        return
    _require_terminal(action, hint)
    if ask(f"{warning} Type {name} to continue", default="") != name:
        _decline()


def _decline() -> NoReturn:
    note("Nothing changed.")
    raise click.exceptions.Exit(1)


def _require_terminal(action: str, hint: str = YES_HINT) -> None:
    if not has_terminal():
        raise InvalidInput(f"cannot ask for confirmation without a terminal: {action}", hint=hint)
