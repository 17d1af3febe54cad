"""Prompts at the terminal: questions of a sign-in, and confirmations."""

from __future__ import annotations

import sys
from typing import Any, NoReturn

import click

from jhub.cli.kit.inputs import read_line
from jhub.cli.kit.options import connected_host
from jhub.cli.kit.output import escape, note
from jhub.errors import InvalidInput
from jhub.login import OtherUser, Password, PastedToken, SecondFactor, Username, Visit
from jhub.login.callback import has_browser, open_page, visit


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
                agreed = sys.stdin.isatty() and click.confirm(escape(question.text), err=True)
                return question.name if agreed else ""
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
        if not sys.stdin.isatty():
            return read_line().strip() if self._from_stdin else ""
        return self._ask(f"{question.label} (empty if you have none)", hide=True, default="")

    def _token(self, question: PastedToken) -> str:
        if not sys.stdin.isatty():
            if answer := read_line().strip():
                return answer
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
                "cannot sign in with the browser: there is neither a browser nor a terminal to show the address on",
                hint="pass a token, jhub login URL --token - < token.txt, or use --browser to wait anyway",
            )
        return visit(question, note, open_browser=self._open_browser)

    def _ask(self, prompt: str, *, hide: bool, hint: str = "", default: str | None = None) -> str:
        if not sys.stdin.isatty():
            raise InvalidInput(f"cannot ask for the {prompt.lower()} without a terminal", hint=hint)
        answer: str = click.prompt(prompt, hide_input=hide, err=True, default=default, show_default=False)
        return answer


def confirm(question: str, *, yes: bool) -> None:
    """Ask a yes/no question about this command's hub; end the command unless the answer is yes."""
    if yes:
        return
    _require_terminal(question)
    host = connected_host()
    if not click.confirm(escape(f"{host}: {question}" if host else question), err=True):
        _decline()


def confirm_deletion(noun: str, name: str, *, yes: bool) -> None:
    """Ask for a name, or a count, to be typed before data is deleted; end the command if the answer is another."""
    host = connected_host()
    place = f" on {host}" if host else ""
    confirm_by_typing(f"delete {noun}", f"This deletes {noun}{place} and everything that belongs to it.", name, yes=yes)


def confirm_by_typing(action: str, warning: str, name: str, *, yes: bool) -> None:
    """Ask for a name to be typed; end the command if the answer is another. Without a terminal, refuse the action."""
    if yes:
        return
    _require_terminal(action)
    typed: str = click.prompt(escape(f"{warning} Type {name} to continue"), err=True)
    if typed.strip() != name:
        _decline()


def _decline() -> NoReturn:
    note("Nothing changed.")
    raise click.exceptions.Exit(1)


def _require_terminal(action: str) -> None:
    if not sys.stdin.isatty():
        raise InvalidInput(
            f"cannot ask for confirmation without a terminal: {action}", hint="use --yes to skip the confirmation"
        )
