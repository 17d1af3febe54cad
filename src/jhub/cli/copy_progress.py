"""Progress of a copy: a line that changes on a terminal, and elsewhere a line now and then."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import IO, cast

import click

from jhub.cli.kit.batch import ProgressLines
from jhub.cli.kit.output import escape

MAX_LINE = 100
"""Maximum number of characters of the line on a terminal."""


class CopyProgress:
    """The progress of a copy, by bytes. Used in a `with` block, it erases its line at the end.

    Parameters
    ----------
    name
        The source and the target.
    total
        The number of bytes in all; None if it is not known.
    """

    def __init__(self, name: str, total: int | None = None, now: Callable[[], float] = time.monotonic) -> None:
        self._name, self._total = name, total
        self._bytes = 0
        self._on_terminal = sys.stderr.isatty()
        self._lines = ProgressLines(now)

    def __enter__(self) -> CopyProgress:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """Erase the line."""
        if self._on_terminal:
            click.echo("\r\x1b[K", err=True, nl=False)

    def reach(self, position: int) -> None:
        """Show that as many bytes have been copied. Fewer than before do not count."""
        if position <= self._bytes:
            return
        self._bytes = position
        total = f" of {self._total >> 20}" if self._total is not None else ""
        if self._on_terminal:
            text = escape(f"{position >> 20}{total} MiB  {self._name}")[:MAX_LINE]
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)
        else:
            self._lines.show(f"{self._name}: {position >> 20}{total} MiB")

    def counted(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield parts, and show how many bytes they have in all, together with those before."""
        for part in parts:
            self.reach(self._bytes + len(part))
            yield part

    def watched(self, file: IO[bytes]) -> IO[bytes]:
        """Return a file that shows how far it has been read."""
        return cast("IO[bytes]", _WatchedFile(file, self))


class _WatchedFile:
    """A file that is read. What is read again, to compare it, does not count."""

    def __init__(self, file: IO[bytes], progress: CopyProgress) -> None:
        self._file, self._progress = file, progress
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes."""
        data = self._file.read(size)
        self._progress.reach(self._file.tell())
        return data
