"""Asking at the terminal, or in a notebook, from which the library is used."""

from __future__ import annotations

import getpass
import sys
import threading
from contextlib import suppress
from typing import Any

from jhub.errors import InvalidInput
from jhub.login.questions import Password, PastedToken, SecondFactor, Username, Visit
from jhub.person.browser import show, visit


class Terminal:
    """The terminal as it was before anybody was asked: a prompt that is left alone leaves the echo off."""

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        try:
            import termios
        except ImportError:
            return  # Windows, where a prompt changes nothing
        with suppress(termios.error, OSError, ValueError, AttributeError, TypeError):  # no terminal
            self._before = termios.tcgetattr(sys.stdin)

    def restore(self) -> None:
        """Put it back."""
        if self._before is not None:
            import termios

            with suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)


class Console:
    """Answers a sign-in's questions. `close` ends a wait for the browser."""

    def __init__(self) -> None:
        self._gone = threading.Event()
        self._terminal = Terminal()

    def __call__(self, question: object) -> Any:
        if not (sys.stdin and sys.stdin.isatty()) and "ipykernel" not in sys.modules:
            raise _nobody()
        try:
            match question:
                case Username():
                    return self._line("Username: ")
                case Password():
                    return getpass.getpass(f"Password of {question.username}: ")
                case SecondFactor():
                    return getpass.getpass(f"{question.label} (empty if you have none): ")
                case PastedToken():
                    self.tell(f"make a token on this page of the hub, and paste it here: {question.page}")
                    show(question.page)
                    return getpass.getpass("Token: ").strip()
                case Visit():
                    return visit(question, self.tell, gone=self._gone)
                case _:
                    raise TypeError(f"{question!r} is not a question")
        except (EOFError, NotImplementedError):  # the latter in a notebook that nobody sits at
            raise _nobody() from None

    def _line(self, prompt: str) -> str:
        if "ipykernel" in sys.modules:
            return input(prompt)  # a notebook shows it beside the field
        # A program's output is not for questions.
        print(prompt, end="", file=sys.stderr, flush=True)
        return input()

    def tell(self, text: str) -> None:
        """On stderr, which a notebook shows too."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """Nobody waits for an answer any more."""
        self._gone.set()
        self._terminal.restore()


def _nobody() -> InvalidInput:
    return InvalidInput(
        "there is nobody to ask",
        hint="without a terminal: Hub(url, token), or Hub.login(url, username=…, password=…)",
    )
