"""The terminal of this program as the other side of a terminal in a server."""

from __future__ import annotations

import os
import select
import sys
from collections.abc import Callable
from types import TracebackType
from typing import Self

from jhub.errors import InvalidInput

READ_BYTES = 65536
"""Maximum size of what is read from the keyboard at once."""


class LocalKeyboard:
    """The keyboard and the size of this terminal.

    From the first `read` to the end of the `with` block, the terminal is raw: it passes every key on as it is typed,
    also Ctrl-C.
    """

    def __init__(self) -> None:
        if sys.platform == "win32":
            raise InvalidInput("-t does not work on Windows", hint="leave out -t")
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise InvalidInput(
                "-t needs a terminal, and here stdin or stdout is a file or a pipe",
                hint="leave out -t; for input, pass -i",
            )
        self._restore: Callable[[], None] | None = None

    def read(self) -> bytes | None:
        """Return what was typed; None for nothing, and no bytes at the end."""
        if self._restore is None:
            self._restore = _make_raw(sys.stdin.fileno())
        if not select.select([sys.stdin], [], [], 0)[0]:
            return None
        return os.read(sys.stdin.fileno(), READ_BYTES)

    def size(self) -> tuple[int, int]:
        """Return the number of rows and columns."""
        size = os.get_terminal_size(sys.stdout.fileno())
        return size.lines, size.columns

    def __enter__(self) -> Self:
        """Return the keyboard."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Restore the terminal."""
        if self._restore is not None:
            self._restore()


def _make_raw(descriptor: int) -> Callable[[], None]:
    """Make a terminal raw, and return the function that restores it."""
    if sys.platform == "win32":
        raise InvalidInput("-t does not work on Windows")
    import termios
    import tty
    from contextlib import suppress

    before = termios.tcgetattr(descriptor)
    tty.setraw(descriptor, termios.TCSADRAIN)

    def restore() -> None:
        with suppress(termios.error):  # its window is closed
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)

    return restore
