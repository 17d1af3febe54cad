"""Output of the commands: data on stdout as a table, JSON, YAML, names or CSV; messages on stderr."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import click
import msgspec

from jhub.models import as_utc

if TYPE_CHECKING:
    from jhub import Preview

T = TypeVar("T")

HIDDEN = "?"
"""Table cell of a field that the token may not read. An empty cell would mean an empty value."""


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """The presentation of one kind of object: its name, for `-o name`, and its columns, for tables and CSV."""

    name: Callable[[T], str]
    columns: dict[str, Callable[[T], object]]
    optional: frozenset[str] = frozenset()
    """Columns that a table omits if all their cells are empty."""
    redact: Callable[[T], T] = lambda item: item
    """Returns the item without its secrets, for the formats that print all fields."""

    def print_list(self, items: Iterable[T], output_format: str) -> None:
        """Print a list of items."""
        match output_format:
            case "json" | "yaml":
                dump([self.redact(item) for item in items], output_format)
            case "name":
                for item in items:
                    _print_name(self.name(item))
            case "csv":
                writer = csv.writer(sys.stdout, lineterminator="\n")
                writer.writerow(name.lower() for name in self.columns)
                writer.writerows([_cell(column(item)) for column in self.columns.values()] for item in items)
            case _:
                items = list(items)
                columns = self._columns(items)
                print_table(list(columns), [[column(item) for column in columns.values()] for item in items])

    def print_item(self, item: T, output_format: str) -> None:
        """Print a single item; in the table format, one line per column."""
        match output_format:
            case "json" | "yaml":
                dump(self.redact(item), output_format)
            case "table":
                columns = self._columns([item])
                width = max(map(len, columns))
                for name, column in columns.items():
                    click.echo(f"{name.lower():<{width}}  {_cell(column(item))}".rstrip())
            case _:
                self.print_list([item], output_format)

    def _columns(self, items: Sequence[T]) -> dict[str, Callable[[T], object]]:
        return {
            name: column
            for name, column in self.columns.items()
            if name not in self.optional or any(_cell(column(each)) for each in items)
        }


def _print_name(name: str) -> None:
    """Print a name on a line of its own, or skip it if another command would read other names from that line.

    JupyterHub before 6.0 accepts any server name, also with line breaks.
    """
    if sys.stdout.isatty():
        click.echo(escape(name))
    elif name.splitlines() == [strip_line(name)]:
        click.echo(name)
    else:
        note(f"skipped {escape(name)!r}: not printable on one line")


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns, with colour on a terminal."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1_000_000)
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        grid.add_column(heading, overflow="fold", no_wrap=not sys.stdout.isatty())
    for row in rows:
        grid.add_row(*(Text(_cell(value)) for value in row))
    with console.capture() as captured:
        console.print(grid)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def dump(value: object, output_format: str) -> None:
    """Print a value as "json" or "yaml"."""
    if output_format == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        import yaml

        # pyright cannot resolve a type in the signature of types-PyYAML 6.0.12.20261122 and later.
        text = yaml.safe_dump(  # pyright: ignore[reportUnknownMemberType]
            msgspec.to_builtins(value), sort_keys=False, allow_unicode=True
        )
        click.echo(text, nl=False)


def or_hidden(value: object) -> object:
    """Return the value of a field for a table cell: `HIDDEN` if it is None, because the token may not read it."""
    return HIDDEN if value is None else value


def note(text: str) -> None:
    """Print a message on stderr."""
    click.echo(escape(text), err=True)


def ago(moment: datetime | None) -> str:
    """Return a time relative to now, such as "5 min ago" or "in 30 d"; empty for None."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - as_utc(moment)).total_seconds()
    # 30 s of tolerance: a token just created for 30 days expires "in 30 d", not "in 29 d".
    distance = seconds if seconds > 0 else 30 - seconds
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if distance >= size:
            count = int(distance // size)
            return f"{count} {unit} ago" if seconds > 0 else f"in {count} {unit}"
    return "now"


def _cell(value: object) -> str:
    match value:
        case None | "" | () | {}:
            return ""
        case bool():
            return "yes" if value else "no"
        case tuple() | list():
            return ", ".join(map(_cell, cast(Iterable[object], value)))
        case dict():
            return ", ".join(f"{_cell(key)}={_cell(each)}" for key, each in cast(dict[object, object], value).items())
        case float():
            return f"{value:.1f}"
        case datetime():
            return value.astimezone().strftime("%Y-%m-%d %H:%M:%S")
        case _:
            return escape(str(value))


def print_requests(previews: Iterable[Preview]) -> None:
    """Print the requests of all previews; if any is incomplete, add at the end that more requests would follow."""
    complete = True
    for preview in previews:
        for request in preview:
            click.echo(escape(str(request)))
        complete = complete and preview.complete
    if not complete:
        note("(what follows depends on the answers)")


def escape(text: str) -> str:
    """Return text with escaped control characters: names and messages of other users must not steer the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def strip_line(line: str) -> str:
    """Return a line of input without the white space around it, and without a byte order mark."""
    # Spreadsheets write a byte order mark before the first line.
    return line.strip().removeprefix("\ufeff").strip()
