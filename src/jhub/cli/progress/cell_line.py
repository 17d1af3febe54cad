"""Live line of a notebook: the cell that runs, its seconds, and the last line that it has printed."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.ansi import AnsiDecoder
from rich.console import Console
from rich.live import Live
from rich.text import Text

from jhub.cli.kit.output import escape
from jhub.cli.kit.safe_text import COLOR, SafeText
from jhub.cli.progress.screen import REFRESHES_PER_SECOND
from jhub.cli.progress.tally import format_seconds

if TYPE_CHECKING:
    from jhub import NotebookEvent

MAX_LINE_CHARACTERS = 1000
"""Maximum number of characters of a line without an end that are kept for the live line."""


class CellLine:
    """The line of a notebook. With `show_text`, whole lines of output are printed above it."""

    def __init__(self, console: Console, *, show_text: bool) -> None:
        self._console = console
        self._show_text = show_text
        self._lock = threading.Lock()  # rich draws in a thread of its own
        self._event: NotebookEvent | None = None
        self._began = time.monotonic()
        self._safe = SafeText()
        self._decoder = AnsiDecoder()
        self._rest = self._last = ""

    def add(self, event: NotebookEvent) -> None:
        """Take an event; the next redraw shows it."""
        text = ""
        with self._lock:
            match event.kind:
                case "started":
                    self._event, self._began, self._last = event, time.monotonic(), ""
                case "output":
                    text = self._whole_lines(self._safe.add(event.text.encode(errors="replace")))
                case _:
                    text = self._whole_lines(self._safe.end())
                    text += f"{self._rest}\n" if COLOR.sub("", self._rest) else ""
                    self._rest, self._safe = "", SafeText()
        # Not with the lock: the console redraws the line.
        if text and self._show_text:
            # `decode` of rich 14 ends a line at a carriage return; `decode_line` keeps what comes after it.
            for line in text.removesuffix("\n").split("\n"):
                self._console.print(self._decoder.decode_line(line.rstrip("\r")), soft_wrap=True)

    def _whole_lines(self, text: str) -> str:
        """Return the lines that have ended, and keep the rest."""
        whole, newline, rest = (self._rest + text).rpartition("\n")
        # A bar of progress writes its line again and again, after a carriage return.
        self._rest = rest if self._show_text else rest[-MAX_LINE_CHARACTERS:]
        shown = [line for line in COLOR.sub("", f"{whole}\n{rest}"[-MAX_LINE_CHARACTERS:]).split("\n") if line.strip()]
        if shown:
            self._last = next((part for part in reversed(shown[-1].split("\r")) if part.strip()), "")
        return whole + newline

    def draw(self) -> Text:
        """Return the line."""
        with self._lock:
            if self._event is None:
                return Text("starting a kernel", style="dim")
            line = Text(no_wrap=True, overflow="ellipsis")
            line.append(f"cell {self._event.cell}/{self._event.count}")
            line.append(f"  {format_seconds(time.monotonic() - self._began)}")
            return line.append(f"  {escape(self._last.expandtabs(2))}", style="dim")


@contextmanager
def cell_line(console: Console, *, show_text: bool) -> Generator[CellLine]:
    """Draw the line of a notebook until the block ends; then remove it from the terminal."""
    line = CellLine(console, show_text=show_text)
    with Live(
        get_renderable=line.draw,
        console=console,
        refresh_per_second=REFRESHES_PER_SECOND,
        transient=True,
        redirect_stdout=False,  # stdout may be a file
        redirect_stderr=False,
    ):
        yield line
