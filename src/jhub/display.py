"""Display in notebooks: HTML tables of models and listings, and short tracebacks of errors."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import cast

PACKAGE_FOLDER = f"{Path(__file__).parent}{os.sep}"
"""Path of this package, with a closing separator."""
MAX_CELL_LENGTH = 100
"""Maximum number of characters in a table cell."""
EMPTY_VALUES: tuple[object, ...] = (None, "", (), {}, [])
"""Empty values: a column with no other values is left out."""
RUNNER_PACKAGES = ("IPython", "ipykernel", "asyncio")
"""Packages whose frames are between a notebook's cell and the function that it calls."""


def fields(values: Mapping[str, object]) -> str:
    """Return an HTML table with one row for each field."""
    rows = "".join(f"<tr><th style='text-align:left'>{escape(name)}</th>{_cell(values[name])}</tr>" for name in values)
    return f"<table>{rows}</table>"


def table(rows: Sequence[Mapping[str, object]], *, more: bool = False) -> str:
    """Return an HTML table of objects of one kind, without empty columns. `more` adds a note that there are more."""
    names = [name for name in (rows[0] if rows else ()) if any(row[name] not in EMPTY_VALUES for row in rows)]
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(f"<tr>{''.join(_cell(row[name]) for name in names)}</tr>" for row in rows)
    end = "<p>and more: iterate over it, or call list(…) on it</p>" if more else "" if rows else "<p>none</p>"
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
    """Return an error as HTML, in place of a table."""
    return f"<pre>{escape(f'{type(error).__name__}: {error}')}</pre>"


def short_traceback(error: BaseException, hint: str) -> list[str]:
    """Return the lines that IPython shows for an error: its message, the hint, and the frames of the caller's code."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_internal(frame.filename)]
    lines = [f"{type(error).__name__}: {error}", *([f"hint: {hint}"] if hint else [])]
    return [*lines, "", *"".join(traceback.format_list(frames)).splitlines()]


def _is_internal(file: str) -> bool:
    """Return whether a file belongs to this package, or to a package that runs a notebook's cells."""
    return file.startswith(PACKAGE_FOLDER) or any(part in RUNNER_PACKAGES for part in Path(file).parts)
