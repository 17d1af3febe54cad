"""Questions on the terminal, also when stdin is a pipe: `jhub group set geo - < names.txt` can ask for confirmation."""

from __future__ import annotations

import getpass
import io
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import TextIO

import click

from jhub.cli.kit.output import escape


def has_terminal() -> bool:
    """Return whether there is somebody to ask."""
    with _terminal() as terminal:
        return terminal is not None


def ask(prompt: str, *, default: str | None = None) -> str:
    """Ask for a line, and return it without the white space around it; again if it is empty and has no `default`."""
    while True:
        try:
            answer = _ask(f"{prompt}: ").strip()
        except EOFError:
            if default is None:
                raise click.Abort from None
            return default
        if answer or default is not None:
            return answer or default or ""


def ask_secret(prompt: str, *, default: str | None = None) -> str:
    """Ask for a secret, which the terminal does not show."""
    while True:
        try:
            answer = getpass.getpass(f"{escape(prompt)}: ", stream=sys.stderr if sys.stdin.isatty() else None)
        except EOFError:
            raise click.Abort from None
        if answer or default is not None:
            return answer or default or ""


def ask_yes_or_no(question: str) -> bool:
    """Ask a question, and return whether the answer is yes. An empty answer and Ctrl-D count as no."""
    while True:
        try:
            answer = _ask(f"{question} [y/N]: ").strip().lower()
        except EOFError:
            return False
        if answer in ("y", "yes", "n", "no", ""):
            return answer in ("y", "yes")


def _ask(prompt: str) -> str:
    with _terminal() as terminal:
        if terminal is None:
            raise click.Abort
        reader, writer = terminal
        writer.write(escape(prompt))
        writer.flush()
        line = reader.readline()
        if not line:  # Ctrl-D
            writer.write("\n")
            writer.flush()
            raise EOFError
        return line


@contextmanager
def _terminal() -> Generator[tuple[TextIO, TextIO] | None]:
    """Yield the reader and the writer of the terminal, or None if there is none."""
    if sys.stdin.isatty():
        yield sys.stdin, sys.stderr
        return
    try:
        opened = _open_terminal()
    except OSError:
        yield None
        return
    with opened[0], opened[1]:
        yield opened


def _open_terminal() -> tuple[TextIO, TextIO]:
    if sys.platform == "win32":
        return open("CONIN$", encoding="utf-8"), open("CONOUT$", "w", encoding="utf-8")
    # O_NOCTTY: a process without a terminal must not get one.
    descriptor = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    reader = io.TextIOWrapper(io.FileIO(descriptor, "r"), encoding=sys.stderr.encoding)
    return reader, io.TextIOWrapper(io.FileIO(os.dup(descriptor), "w"), encoding=sys.stderr.encoding)
