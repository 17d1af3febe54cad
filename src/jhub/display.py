"""What a notebook shows: models and listings as tables, an error by its message and the caller's own frames."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import cast

PACKAGE_FOLDER = f"{Path(__file__).parent}{os.sep}"
MAX_CELL_LENGTH = 100
"""Maximum number of characters in a cell."""
EMPTY_VALUES: tuple[object, ...] = (None, "", (), {}, [])
"""Values that a column must have more than, to be shown."""
RUNNER_PACKAGES = ("IPython", "ipykernel", "asyncio")
"""Packages whose frames stand between a notebook's cell and what it calls."""


def fields(values: Mapping[str, object]) -> str:
    """Return one thing as a table with a line for each field."""
    rows = "".join(f"<tr><th style='text-align:left'>{escape(name)}</th>{_cell(values[name])}</tr>" for name in values)
    return f"<table>{rows}</table>"


def table(rows: Sequence[Mapping[str, object]], *, more: bool = False) -> str:
    """Return things of one kind as a table, without the columns that are empty in all of them."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] not in EMPTY_VALUES for row in rows)]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(f"<tr>{''.join(_cell(row[name]) for name in names)}</tr>" for row in rows)
    end = "<p>and more: iterate over it, or make a list of it</p>" if more else "" if rows else "<p>none</p>"
    return f"<table><tr>{head}</tr>{lines}</table>{end}"


def _cell(value: object) -> str:
    match value:
        case None:
            text = ""
        case list() | tuple() | dict():
            text = ", ".join(map(str, cast("Iterable[object]", value)))
        case _:
            text = str(value)
    return (
        f"<td style='text-align:left'>{escape(text[:MAX_CELL_LENGTH])}{'…' if len(text) > MAX_CELL_LENGTH else ''}</td>"
    )


def error_message(error: Exception) -> str:
    """Return an error that came in place of a table."""
    return f"<pre>{escape(f'{type(error).__name__}: {error}')}</pre>"


def short_traceback(error: BaseException, hint: str) -> list[str]:
    """Return the lines that IPython shows of an error: its message first, then the frames of the caller's own code."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_internal(frame.filename)]
    lines = [f"{type(error).__name__}: {error}", *([f"hint: {hint}"] if hint else [])]
    return [*lines, "", *"".join(traceback.format_list(frames)).splitlines()]


def _is_internal(file: str) -> bool:
    """Return whether a file is of this package, or of what runs a notebook's cells."""
    return file.startswith(PACKAGE_FOLDER) or any(part in RUNNER_PACKAGES for part in Path(file).parts)
