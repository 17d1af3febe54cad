"""Streams of a command in a server, and those of this program."""

from __future__ import annotations

import os
import queue
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, TextIO, cast

from jhub.cli.kit.output import note
from jhub.cli.kit.safe_text import SafeText
from jhub.cli.kit.streams import write_unbuffered
from jhub.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable

    from jhub import CommandOutput

FAILED = 125
"""Exit code for an error of jhub itself, as with docker and kubectl."""
READ_BYTES = 256 * 1024
"""Maximum size of a part of the input."""
MAX_PARTS = 8
"""Maximum number of parts of the input that are read ahead."""


class Stdin:
    """The stdin of this program, read in a thread of its own, so that output is never held back."""

    def __init__(self) -> None:
        self._parts: queue.Queue[bytes] = queue.Queue(MAX_PARTS)
        threading.Thread(target=self._read_all, name="jhub reads stdin", daemon=True).start()

    def read(self) -> bytes | None:
        """Return the next part; None if there is none yet, and no bytes at the end."""
        try:
            return self._parts.get_nowait()
        except queue.Empty:
            return None

    def _read_all(self) -> None:
        data = b"first"
        while data:
            try:
                # Not through sys.stdin: its lock would be held at the end of the program.
                data = os.read(sys.stdin.fileno(), READ_BYTES)
            except (OSError, ValueError):
                data = b""
            self._parts.put(data)


class StreamWriter:
    """A standard stream. On a terminal, control sequences other than colours are left out."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._safe = SafeText() if stream.isatty() else None

    def write(self, data: bytes) -> None:
        """Write bytes of the command."""
        write_unbuffered(self._stream, data if self._safe is None else self._encoded(self._safe.add(data)))

    def end(self) -> None:
        """Write what is left."""
        if self._safe is not None:
            write_unbuffered(self._stream, self._encoded(self._safe.end()))

    def _encoded(self, text: str) -> bytes:
        return text.encode(self._stream.encoding or "utf-8", "replace")


def environment(pairs: Iterable[str]) -> dict[str, str]:
    """Return the variables in NAME=VALUE arguments."""
    split = [pair.partition("=") for pair in pairs]
    for name, equals, _ in split:
        if not (name and equals):
            raise InvalidInput(f"invalid variable {name!r}", hint="use NAME=VALUE")
    return {name: value for name, _, value in split}


def closing_parts(parts: Iterable[CommandOutput]) -> closing[Generator[CommandOutput]]:
    """Return the block at whose end the command is over, also after Ctrl-C: the hub is closed after it."""
    return closing(cast("Generator[CommandOutput]", iter(parts)))


def print_parts(parts: Iterable[CommandOutput]) -> int:
    """Print the output of a command, and return its exit code."""
    writers = {"stdout": StreamWriter(sys.stdout), "stderr": StreamWriter(sys.stderr)}
    noted = False
    code = FAILED
    with closing_parts(parts) as items:
        for part in items:
            if part.merged and not noted:
                noted = True
                note("note: the server has no Python kernel, so that stderr is in stdout")
            if part.returncode is not None:
                code = part.returncode
            else:
                writers[part.stream].write(part.data)
    for writer in writers.values():
        writer.end()
    return code
