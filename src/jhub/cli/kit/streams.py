"""Standard streams that may be closed, full or cut off."""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Stdout(io.FileIO):
    """A stdout whose write errors name the output as the cause."""

    def write(self, b: ReadableBuffer, /) -> int:
        """Write bytes to the stream."""
        try:
            return super().write(b)
        except BrokenPipeError:
            raise  # the reader closed the pipe (`| head`), which is not an error
        except OSError as error:
            raise OSError(error.errno, f"cannot write the output: {error.strerror}") from None


class Stderr(io.FileIO):
    """A stderr that drops messages it cannot write, so that they do not change the exit code of the command."""

    def write(self, b: ReadableBuffer, /) -> int:
        """Write bytes to the stream, or drop them."""
        try:
            return super().write(b)
        except OSError:
            return memoryview(b).nbytes


def prepare_streams() -> None:
    """Replace closed standard streams, and wrap stdout and stderr to handle write errors.

    Python sets a closed stream to None, and the next file that is opened would get its file descriptor.
    """
    sys.stdin = sys.stdin or open(os.devnull)  # noqa: SIM115 - for as long as the program runs
    # Writing to a closed stdout fails, as writing to a full one does: /dev/null is opened for reading.
    sys.stdout = _text_stream(sys.stdout, Stdout, os.O_RDONLY)
    sys.stderr = _text_stream(sys.stderr, Stderr, os.O_WRONLY)


def write_unbuffered(stream: TextIO, data: bytes) -> None:
    """Write bytes past the buffer of a stream. If Ctrl-C comes at the end of a write, a buffer is written again."""
    stream.flush()
    raw: Any = getattr(stream.buffer, "raw", stream.buffer)
    rest = memoryview(data)
    while rest:
        rest = rest[raw.write(rest) or 0 :]


def _text_stream(stream: TextIO | None, kind: type[io.FileIO], flags: int) -> TextIO:
    if stream is None:
        return io.TextIOWrapper(io.BufferedWriter(kind(os.open(os.devnull, flags), "w")), "utf-8")
    buffer = io.BufferedWriter(kind(stream.fileno(), "w", closefd=False))
    return io.TextIOWrapper(buffer, stream.encoding, stream.errors, line_buffering=stream.isatty() or kind is Stderr)
