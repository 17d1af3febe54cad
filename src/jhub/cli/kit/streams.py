"""The three standard streams, where they are closed, full or cut off."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Stdout(io.FileIO):
    """A stdout whose errors say that they are."""

    def write(self, b: ReadableBuffer, /) -> int:
        """Write it."""
        try:
            return super().write(b)
        except BrokenPipeError:
            raise  # which is no error: who reads has enough
        except OSError as error:
            raise OSError(error.errno, f"the output cannot be written: {error.strerror}") from None


class Stderr(io.FileIO):
    """A stderr that drops what it cannot take: that is no reason for a command to end otherwise."""

    def write(self, b: ReadableBuffer, /) -> int:
        """Write it, or not."""
        try:
            return super().write(b)
        except OSError:
            return memoryview(b).nbytes


def prepare_streams() -> None:
    """Make sure that there are three. Python leaves a closed one out, and the next file opened would take its place."""
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - for as long as the program runs
    # A closed stdout is one that nothing can be written to, as a full one is.
    sys.stdout = _text_stream(sys.stdout, Stdout, os.O_RDONLY)
    sys.stderr = _text_stream(sys.stderr, Stderr, os.O_WRONLY)


def _text_stream(stream: TextIO | None, kind: type[io.FileIO], flags: int) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(kind(os.open(os.devnull, flags), "w")), "utf-8")
    buffer = io.BufferedWriter(kind(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=stream.isatty() or kind is Stderr)
