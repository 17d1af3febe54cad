"""SIGTERM and SIGHUP handlers: the command cleans up as after Ctrl-C, and its exit code names the signal."""

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
"""Names of the signals that are handled; Windows has no SIGHUP."""
CLEAN_UP_SECONDS = 20.0
"""Time after a signal in which further signals are ignored, so that they do not interrupt the clean-up."""

Handler: TypeAlias = Callable[[int, FrameType | None], None] | signal.Handlers


class Terminated(KeyboardInterrupt):
    """A signal other than SIGINT terminated the command.

    This is a subclass because `python -m` (3.11) ends with SIGINT after a KeyboardInterrupt in an `exec`, which many
    imports use.
    """


_caught: list[tuple[int, float]] = []
"""Signals that terminated the command, each with its time."""


def catch() -> None:
    """Make the signals raise `Terminated`. A signal that is ignored stays ignored, as under nohup."""
    _replace_handlers(signal.SIG_DFL, _terminate)


def release() -> None:
    """Restore the default handlers, once nothing is left to clean up."""
    _replace_handlers(_terminate, signal.SIG_DFL)


def exit_code(code: int) -> int:
    """Return 128 plus the number of the signal that terminated the command, else `code`; 0 stays 0."""
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
    """Redirect stdout and stderr to /dev/null if their terminal was closed: every write to it would fail."""
    for descriptor in (1, 2):
        with suppress(OSError):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode) and not os.isatty(descriptor):
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
