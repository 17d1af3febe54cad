"""Asking at the terminal, or in a notebook, from which the library is used."""

from __future__ import annotations

import getpass
import os
import signal
import sys
import threading
from contextlib import suppress
from types import FrameType
from typing import Any

from jhub.errors import InvalidInput
from jhub.login.callback import open_page, visit
from jhub.login.prompts import OtherUser, Password, PastedToken, SecondFactor, Username, Visit

TERMINATING_SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals whose default is to end the program at once, with the terminal as it is at that moment."""


class Terminal:
    """The terminal as it was before anybody was asked: a prompt that is left alone leaves the echo off.

    So does a program that a signal ends at the prompt: where the program leaves these signals to the system, the
    terminal is put back first.
    """

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        self._signals: list[int] = []
        try:
            import termios
        except ImportError:
            return  # Windows, where a prompt changes nothing
        with suppress(termios.error, OSError, ValueError, AttributeError, TypeError):  # no terminal
            self._before = termios.tcgetattr(sys.stdin)
            self._install_handlers()

    def _install_handlers(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # no other may
        for number in (getattr(signal, name) for name in TERMINATING_SIGNALS):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._on_signal)
                self._signals.append(number)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        with suppress(OSError):
            if os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():  # from the background it would stop this process
                self.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def close(self) -> None:
        """Put it back, and leave the signals to the system again."""
        self.restore()
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                if signal.getsignal(number) == self._on_signal:
                    signal.signal(number, signal.SIG_DFL)

    def restore(self) -> None:
        """Put it back."""
        if self._before is not None:
            import termios

            with suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)


class Console:
    """Answers a sign-in's questions. `close` ends a wait for the browser, and leaves the terminal as it was."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._terminal = Terminal()

    def __call__(self, question: object) -> Any:
        if not (sys.stdin and sys.stdin.isatty()) and "ipykernel" not in sys.modules:
            raise _no_terminal()
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
                    open_page(question.page)
                    return getpass.getpass("Token: ").strip()
                case OtherUser():
                    agreed = self._line(f"{question.text} [y/N] ").strip().lower() in ("y", "yes")
                    return question.name if agreed else ""
                case Visit():
                    return visit(question, self.tell, stop=self._closed)
                case _:
                    raise TypeError(f"{question!r} is not a question")
        except (EOFError, NotImplementedError):  # the latter in a notebook that nobody sits at
            raise _no_terminal() from None

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
        self._closed.set()
        self._terminal.close()


def _no_terminal() -> InvalidInput:
    return InvalidInput(
        "there is nobody to ask",
        hint="without a terminal: Hub(url, token), or Hub.login(url, username=…, password=…)",
    )
