"""Text for a terminal."""

from __future__ import annotations


def clean(text: str) -> str:
    """Text in which nothing steers the terminal: names and messages come from other people."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def bare(line: str) -> str:
    """A line as it is read: without the space around it."""
    # Spreadsheets put a byte order mark before the first one.
    return line.strip().removeprefix("\ufeff").strip()
