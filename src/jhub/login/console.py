"""Prompts at the terminal, or in a notebook."""

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
from jhub.login.questions import OtherUser, Password, PastedToken, SecondFactor, Username, Visit

TERMINATING_SIGNALS = ("SIGTERM", "SIGHUP")
"""Signals whose default action ends the program at once, and so leaves the echo of an open prompt off."""


class Terminal:
    """The settings of the terminal before the first prompt, to restore them: an abandoned prompt leaves the echo off.

    Signals that end the program restore them too, unless the program handles these signals itself.
    """

    def __init__(self) -> None:
        self._before: list[Any] | None = None
        self._signals: list[int] = []
        if sys.platform == "win32":
            return  # a prompt changes no settings
        import termios

        with suppress(termios.error, OSError, ValueError, AttributeError, TypeError):  # no terminal
            self._before = termios.tcgetattr(sys.stdin)
            self._install_handlers()

    def _install_handlers(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return  # only the main thread may set signal handlers
        for number in (getattr(signal, name) for name in TERMINATING_SIGNALS):
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, self._on_signal)
                self._signals.append(number)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if sys.platform == "win32":
            return
        with suppress(OSError):
            if os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp():  # a background process would be stopped
                self.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def close(self) -> None:
        """Restore the settings, and the default action of the signals."""
        self.restore()
        if threading.current_thread() is threading.main_thread():
            for number in self._signals:
                if signal.getsignal(number) == self._on_signal:
                    signal.signal(number, signal.SIG_DFL)

    def restore(self) -> None:
        """Restore the settings."""
        if sys.platform != "win32" and self._before is not None:
            import termios

            with suppress(termios.error, OSError, ValueError):
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._before)


class Console:
    """A prompter for the questions of a sign-in, at the terminal or in a notebook.

    `close` ends a wait for the browser, and restores the terminal.
    """

    def __init__(self) -> None:
        self._closed = threading.Event()
        self._terminal = Terminal()

    def __call__(self, question: object) -> Any:
        """Return the user's answer. `InvalidInput` without a terminal."""
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
                    self.tell(f"create a token on this page of the hub, and paste it here: {question.page}")
                    open_page(question.page)
                    return getpass.getpass("Token: ").strip()
                case OtherUser():
                    confirmed = self._line(f"{question.text} [y/N] ").strip().lower() in ("y", "yes")
                    return question.name if confirmed else ""
                case Visit():
                    return visit(question, self.tell, stop=self._closed)
                case _:
                    raise TypeError(f"{question!r} is not a question")
        except (EOFError, NotImplementedError):  # NotImplementedError: a notebook that runs without a user
            raise _no_terminal() from None

    def _line(self, prompt: str) -> str:
        if "ipykernel" in sys.modules:
            return input(prompt)  # a notebook shows the prompt beside the input field
        # On stderr, to keep the program's output free of questions.
        print(prompt, end="", file=sys.stderr, flush=True)
        return input()

    def tell(self, text: str) -> None:
        """Show a line on stderr; a notebook shows that too."""
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """End a wait for the browser, and restore the terminal."""
        self._closed.set()
        self._terminal.close()


def _no_terminal() -> InvalidInput:
    return InvalidInput(
        "cannot prompt without a terminal",
        hint="use Hub(url, token), or Hub.login(url, username=…, password=…)",
    )
