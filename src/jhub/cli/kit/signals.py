"""SIGTERM and SIGHUP end a command as Ctrl-C does, with all that there is to clean up; the exit code tells which."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import TypeAlias

SIGNAL_NAMES = ("SIGTERM", "SIGHUP")
CLEAN_UP_SECONDS = 20.0
"""Seconds in which a second signal does not disturb the clean-up after the first."""

Handler: TypeAlias = Callable[[int, FrameType | None], None] | signal.Handlers


class Terminated(KeyboardInterrupt):
    """A signal other than Ctrl-C ended the command.

    A type of its own: after a KeyboardInterrupt in an `exec`, as of many an import, `python -m` ends by SIGINT (3.11).
    """


_caught: list[tuple[int, float]] = []
"""Signals that ended the command, and when."""


def catch() -> None:
    """Let them raise `Terminated` from now on. A signal that is ignored stays so, as below nohup."""
    _replace_handlers(signal.SIG_DFL, _terminate)


def release() -> None:
    """Leave them to the system again: nothing is left to clean up."""
    _replace_handlers(_terminate, signal.SIG_DFL)


def exit_code(code: int) -> int:
    """Return the exit code of a command that ended with `code`: 128 and the signal's number if one ended it."""
    return 128 + _caught[0][0] if _caught and code else code


def _replace_handlers(before: Handler, after: Handler) -> None:
    for number in (getattr(signal, name, None) for name in SIGNAL_NAMES):
        if number is not None and signal.getsignal(number) is before:
            signal.signal(number, after)


def _terminate(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if _caught and now - _caught[-1][1] < CLEAN_UP_SECONDS:
        return
    _caught.append((number, now))
    if number != signal.SIGTERM:
        _detach_from_terminal()
    raise Terminated


def _detach_from_terminal() -> None:
    """Write to nowhere what would go to a terminal that was closed: each word to it is an error."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
