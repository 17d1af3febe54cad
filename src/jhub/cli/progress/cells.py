"""Report of a notebook: the text of its outputs on stdout, its cells on stderr; or events as JSON."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeAlias

import click
import msgspec

from jhub.cli.kit.output import json_text, note
from jhub.cli.kit.safe_text import COLOR, SafeText
from jhub.cli.kit.streams import write_unbuffered

if TYPE_CHECKING:
    from collections.abc import Generator

    from jhub import CellError, NotebookEvent

Reporter: TypeAlias = "Callable[[NotebookEvent], None]"


class CellRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An event of a notebook, in the form that is printed."""

    kind: str
    cell: int = 0
    count: int
    status: str | None = None
    seconds: float = 0.0
    text: str = ""
    truncated: bool = False
    error: dict[str, Any] | None = None

    @classmethod
    def of(cls, event: NotebookEvent) -> CellRow:
        """Return the row for an event, without the notebook."""
        error = event.result.error if event.result is not None else None
        return cls(
            kind=event.kind,
            cell=event.cell,
            count=event.count,
            status=event.status,
            seconds=round(event.seconds, 3),
            text=event.text,
            truncated=event.truncated,
            error=error.to_dict() if error is not None else None,
        )


class TextWriter:
    """A writer of a server's text: without control sequences, and with colours only where they are wanted."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._has_colors = stream.isatty() and not os.environ.get("NO_COLOR")
        self._safe = SafeText()
        self._at_line_start = True

    def write(self, text: str) -> None:
        """Write a part of the text."""
        self._print(self._safe.add(text.encode(errors="replace")))

    def end_cell(self) -> None:
        """Write what is left, and end the line."""
        self._print(self._safe.end())
        if not self._at_line_start:
            self._print("\n")
        self._safe = SafeText()

    def _print(self, text: str) -> None:
        text = text if self._has_colors else COLOR.sub("", text)
        if text:
            if visible := COLOR.sub("", text):
                self._at_line_start = visible.endswith("\n")
            write_unbuffered(self._stream, text.encode(self._stream.encoding or "utf-8", "replace"))


@contextmanager
def cell_reporter(output_format: str, *, show_text: bool) -> Generator[Reporter]:
    """Yield the reporter of a notebook. With `show_text`, it writes the text of the outputs."""
    if output_format == "json":
        yield lambda event: click.echo(json_text(CellRow.of(event)))
        return
    if sys.stderr.isatty() and not logging.getLogger("jhub").isEnabledFor(logging.DEBUG):
        from jhub.cli.progress.screen import screen_console

        if console := screen_console():
            from jhub.cli.progress.cell_line import cell_line

            writer = TextWriter(sys.stdout) if show_text and not sys.stdout.isatty() else None
            with cell_line(console, show_text=show_text and writer is None) as line:
                yield lambda event: _report_on_line(event, line.add, writer)
            return
    plain = TextWriter(sys.stdout) if show_text else None
    yield lambda event: _report_on_line(event, _print_cell, plain)


def _report_on_line(event: NotebookEvent, show: Reporter, writer: TextWriter | None) -> None:
    if writer is not None and event.kind == "output":
        writer.write(event.text)
    elif writer is not None and event.kind == "cell":
        writer.end_cell()
    show(event)


def _print_cell(event: NotebookEvent) -> None:
    if event.kind == "cell":
        note(f"cell {event.cell}/{event.count}: {event.status}, {event.seconds:.1f} s")


def print_traceback(error: CellError) -> None:
    """Print the traceback of an error on stderr."""
    writer = TextWriter(sys.stderr)
    writer.write("\n".join(error.traceback))
    writer.end_cell()
