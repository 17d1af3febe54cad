"""Data on stdout, in the form asked for; everything else on stderr."""

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
"""Cell of a field that the token does not see: empty would mean that there is nothing."""


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """How objects of one kind are shown: the column that names them, and the columns of a table."""

    name: Callable[[T], str]
    columns: dict[str, Callable[[T], object]]
    optional: frozenset[str] = frozenset()
    """Columns that a table does without where they would be empty."""
    printed: Callable[[T], T] = lambda item: item
    """What of an item is printed where all its fields are: it may hold secrets."""

    def many(self, items: Iterable[T], form: str) -> None:
        """Print a list."""
        match form:
            case "json" | "yaml":
                dump([self.printed(item) for item in items], form)
            case "name":
                for item in items:
                    _name_line(self.name(item))
            case "csv":
                writer = csv.writer(sys.stdout, lineterminator="\n")
                writer.writerow(name.lower() for name in self.columns)
                writer.writerows([_cell(column(item)) for column in self.columns.values()] for item in items)
            case _:
                items = list(items)
                columns = self._columns(items)
                table(list(columns), [[column(item) for column in columns.values()] for item in items])

    def one(self, item: T, form: str) -> None:
        """Print a single object; as a table, one line per column."""
        match form:
            case "json" | "yaml":
                dump(self.printed(item), form)
            case "table":
                columns = self._columns([item])
                width = max(map(len, columns))
                for name, column in columns.items():
                    click.echo(f"{name.lower():<{width}}  {_cell(column(item))}".rstrip())
            case _:
                self.many([item], form)

    def _columns(self, items: Sequence[T]) -> dict[str, Callable[[T], object]]:
        return {
            name: column
            for name, column in self.columns.items()
            if name not in self.optional or any(_cell(column(each)) for each in items)
        }


def _name_line(name: str) -> None:
    """A name for another command to read, which must not take it for others: hubs before 6.0 let people give their
    servers any names, line breaks in them too.
    """
    if sys.stdout.isatty():
        click.echo(clean(name))
    elif name.splitlines() == [bare(name)]:
        click.echo(name)
    else:
        note(f"left out: {clean(name)!r} cannot be told in a line")


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Aligned columns; in colour on a terminal only."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False, width=None if sys.stdout.isatty() else 1_000_000)
    drawn = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for heading in headings:
        drawn.add_column(heading, overflow="fold", no_wrap=not sys.stdout.isatty())
    for row in rows:
        drawn.add_row(*(Text(_cell(value)) for value in row))
    with console.capture() as captured:
        console.print(drawn)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def dump(value: object, form: str) -> None:
    """Print a value as "json" or "yaml"."""
    if form == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())
    else:
        import yaml

        # types-PyYAML from 6.0.12.20261122 on has a type of its own in there that pyright does not find.
        text = yaml.safe_dump(  # pyright: ignore[reportUnknownMemberType]
            msgspec.to_builtins(value), sort_keys=False, allow_unicode=True
        )
        click.echo(text, nl=False)


def shown(value: object) -> object:
    """Return what a cell shows of a field that is None where the token does not see it."""
    return HIDDEN if value is None else value


def note(text: str) -> None:
    """A word to the person at the terminal."""
    click.echo(clean(text), err=True)


def ago(moment: datetime | None) -> str:
    """ "5 min ago"; empty for never."""
    if moment is None:
        return ""
    seconds = (datetime.now(UTC) - as_utc(moment)).total_seconds()
    # What was to come in 30 days a moment ago still does.
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
            return clean(str(value))


def print_requests(previews: Iterable[Preview]) -> None:
    """Print what `--dry-run` previews: all requests before it is said that more would follow."""
    complete = True
    for preview in previews:
        for request in preview:
            click.echo(clean(str(request)))
        complete = complete and preview.complete
    if not complete:
        note("(what follows depends on the answers)")


def clean(text: str) -> str:
    """Text in which nothing steers the terminal: names and messages come from other people."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def bare(line: str) -> str:
    """A line as it is read: without the space around it."""
    # Spreadsheets put a byte order mark before the first one.
    return line.strip().removeprefix("\ufeff").strip()
