"""Text that a cell prints: what a carriage return and a backspace leave of it."""

from __future__ import annotations

FOLD_CHARACTERS = 2**20
"""Number of characters after which overwritten text is dropped: progress bars print for hours."""


class StreamText:
    """The text of a cell's stdout or stderr. It takes time in proportion to what is printed, however it comes."""

    def __init__(self) -> None:
        self._folded = ""
        self._parts: list[str] = []
        self._size = 0

    def __len__(self) -> int:
        """Return the number of characters that are kept."""
        return len(self._folded) + self._size

    def add(self, text: str) -> None:
        """Add text at the end."""
        self._parts.append(text)
        self._size += len(text)
        if self._size > max(FOLD_CHARACTERS, len(self._folded)):
            self.read()

    def read(self) -> str:
        """Return the text without what was overwritten."""
        if self._parts:
            self._folded = fold("".join([self._folded, *self._parts]))
            self._parts.clear()
            self._size = 0
        return self._folded


def fold(text: str) -> str:
    """Return text without what carriage returns and backspaces overwrite.

    A carriage return drops the line before it, unless it ends the line. A backspace drops one character of its line.
    nbclient means the same, but its loop over the backspaces never runs.
    """
    if "\r" not in text and "\b" not in text:
        return text
    return "\n".join(map(_fold_line, text.split("\n")))


def _fold_line(line: str) -> str:
    line = line[line.rfind("\r", 0, max(len(line) - 1, 0)) + 1 :]
    first, *parts = line.split("\b")
    if not parts:
        return line
    kept = list(first)
    for part in parts:
        del kept[-1:]
        kept.extend(part)
    return "".join(kept)
