"""Tables that fit the width of a terminal."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Collection, Mapping, Sequence

import click

GAP = 2
"""Number of spaces between two columns."""
MIN_CELL_WIDTH = 10
"""Minimum width of a column of shortened cells."""
MIN_TEXT_WIDTH = 20
"""Minimum width of a column of text."""


def terminal_width() -> int | None:
    """Return the width of the terminal that stdout is; None if stdout is not a terminal."""
    if not sys.stdout.isatty():
        return None
    from rich.console import Console

    return Console().width


def print_table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    whole: Collection[str] = (),
    text: Collection[str] = (),
    max_width: int | None = None,
) -> tuple[str, ...]:
    """Print aligned columns, with bold headings on a terminal, and return the headings of the omitted columns.

    Parameters
    ----------
    whole
        Columns that are neither shortened nor omitted.
    text
        Columns that are wrapped, not shortened.
    max_width
        Width that the table fits. None: the table is as wide as its cells.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    cells = {heading: [row[index] for row in rows] for index, heading in enumerate(headings)}
    widths = _fit_columns(cells, whole, text, max_width)
    # Without a height, rich takes every dumb terminal for one of 80 columns.
    console = Console(highlight=False, width=sum(widths.values()) + GAP * len(widths), height=25)
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, GAP, 0, 0))
    for heading, width in widths.items():
        wrapped = heading in text
        grid.add_column(heading, width=width, no_wrap=not wrapped, overflow="fold" if wrapped else "ellipsis")
    for index in range(len(rows)):
        grid.add_row(*(Text(cells[heading][index]) for heading in widths))
    with console.capture() as captured:
        console.print(grid)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())
    return tuple(heading for heading in headings if heading not in widths)


def print_fields(fields: Mapping[str, str], max_width: int | None = None) -> None:
    """Print a line for each field, with its name in front; with `max_width`, wrap long values at spaces."""
    indent = max(map(len, fields)) + GAP
    for name, value in fields.items():
        lines = [value]
        if max_width is not None:
            width = max(max_width - indent, MIN_TEXT_WIDTH)
            lines = textwrap.wrap(value, width, break_long_words=False, break_on_hyphens=False) or [""]
        for number, line in enumerate(lines):
            click.echo(f"{'' if number else name:<{indent}}{line}".rstrip())


def _fit_columns(
    cells: Mapping[str, Sequence[str]], whole: Collection[str], text: Collection[str], max_width: int | None
) -> dict[str, int]:
    """Return the columns that fit, with their widths.

    The widest columns are shortened first. Columns that do not fit then are omitted: first those of URLs, because half
    a URL is of no use, then the others, from the right, and those of text last.
    """
    from rich.cells import cell_len

    widths = {heading: max(map(cell_len, (heading, *column))) for heading, column in cells.items()}
    if max_width is None:
        return widths
    urls = {heading for heading, column in cells.items() if any("://" in cell for cell in column)}
    least: dict[str, int] = {}
    for heading, width in widths.items():
        least_width = MIN_TEXT_WIDTH if heading in text else MIN_CELL_WIDTH
        fixed = heading in whole or (heading in urls and heading not in text)
        least[heading] = width if fixed else min(width, max(least_width, cell_len(heading)))
    order = [heading for heading in cells if heading not in whole]
    order.sort(key=lambda heading: (heading not in text, heading in urls))
    while order and sum(least[heading] for heading in widths) + GAP * (len(widths) - 1) > max_width:
        del widths[order.pop()]
    widths = {heading: min(width, max(max_width, least[heading])) for heading, width in widths.items()}
    while sum(widths.values()) + GAP * (len(widths) - 1) > max_width:
        shrinkable = [heading for heading, width in widths.items() if width > least[heading]]
        if not shrinkable:
            break
        widths[max(shrinkable, key=lambda heading: widths[heading])] -= 1
    return widths
