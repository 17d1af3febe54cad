"""Records a shell in a terminal of a fixed size: types commands, and keeps every screen with its time."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, NamedTuple, Self

import pyte

PROMPT = "\x1b[1;36m$\x1b[0m "
KEY_SECONDS = 0.045
"""Seconds between two keys."""
SETTLE_SECONDS = 0.03
"""Seconds without output after which a screen is complete."""
MAX_WAIT_SECONDS = 300.0
"""Seconds to wait for a text."""


class Run(NamedTuple):
    """Characters of one style, and the column where they begin."""

    column: int
    text: str
    colour: str = "default"
    bold: bool = False
    dim: bool = False


Line = tuple[Run, ...]


@dataclass(frozen=True)
class Frame:
    """A screen, and the seconds since the start of the recording."""

    seconds: float
    lines: tuple[Line, ...]
    cursor: tuple[int, int] | None
    """Column and row; None if hidden."""


class DimScreen(pyte.Screen):
    """A screen that keeps dim text, which pyte ignores, in place of blinking text."""

    def select_graphic_rendition(self, *attrs: int, **options: Any) -> None:
        """Set the style of the characters that follow."""
        super().select_graphic_rendition(*(5 if code == 2 else code for code in attrs), **options)


class Recording:
    """A bash in a terminal. `frames` are the screens so far; `output` is the text, as the terminal got it."""

    def __init__(self, columns: int, rows: int, environment: dict[str, str], folder: str) -> None:
        """Start the shell, with its prompt on the screen."""
        self.frames: list[Frame] = []
        self.output = ""
        self._read = 0
        self._screen = DimScreen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._began = time.monotonic()
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            os.chdir(folder)
            shell = ["bash", "--norc", "--noprofile", "--noediting"]
            os.execvpe("bash", shell, {**environment, "TERM": "xterm-256color", "PS1": PROMPT})  # noqa: S606
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def __enter__(self) -> Self:
        """Wait for the prompt."""
        self.wait_for(PROMPT)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up, which ends the shell and what runs in it."""
        os.close(self._terminal)
        os.waitpid(self._pid, 0)

    @property
    def seconds(self) -> float:
        """Seconds since the start of the recording."""
        return time.monotonic() - self._began

    def enter(self, line: str) -> None:
        """Type a line, one key after the other."""
        for key in line:
            os.write(self._terminal, key.encode())
            self.pause(KEY_SECONDS)
        self.pause(0.4)
        os.write(self._terminal, b"\n")

    def enter_secret(self, line: str) -> None:
        """Type a line at once, at a prompt that does not show it."""
        os.write(self._terminal, f"{line}\n".encode())

    def pause(self, seconds: float) -> None:
        """Keep what is printed in this time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._keep(left)

    def wait_for(self, text: str) -> None:
        """Wait until a text is printed that was not waited for before."""
        until = time.monotonic() + MAX_WAIT_SECONDS
        while (at := self.output.find(text, self._read)) < 0:
            if time.monotonic() > until:
                raise TimeoutError(f"no {text!r} on the screen:\n" + "\n".join(self._screen.display))
            self._keep(0.2)
        self._read = at + len(text)

    def _keep(self, seconds: float) -> None:
        """Read until the output pauses, for so many seconds at most, and keep the screen if it changed."""
        wait, changed = seconds, False
        while select.select([self._terminal], [], [], wait)[0]:
            chunk = os.read(self._terminal, 65536)
            self._stream.feed(chunk)
            self.output += chunk.decode(errors="replace")
            wait, changed = SETTLE_SECONDS, True
        if changed:
            cursor = self._screen.cursor
            lines = tuple(self._line(row) for row in range(self._screen.lines))
            self.frames.append(Frame(self.seconds, lines, None if cursor.hidden else (cursor.x, cursor.y)))

    def _line(self, row: int) -> Line:
        """Return the runs of a row. Two spaces end a run, so that each word stays in its column in any font."""
        runs: list[Run] = []
        gap = 2
        for column in range(self._screen.columns):
            character = self._screen.buffer[row][column]
            if character.data == " ":
                gap += 1
                continue
            style = (character.fg, character.bold, character.blink)
            if gap < 2 and runs and (runs[-1].colour, runs[-1].bold, runs[-1].dim) == style:
                runs[-1] = runs[-1]._replace(text=runs[-1].text + " " * gap + character.data)
            else:
                runs.append(Run(column, character.data, *style))
            gap = 0
        return tuple(runs)
