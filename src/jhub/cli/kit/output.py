"""Output of the commands: data on stdout as a table, JSON, YAML, names or CSV; messages on stderr."""

from __future__ import annotations

import csv
import json
import re
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, NoReturn, TypeVar, cast

import click
import msgspec

from jhub.cli.kit.name_lines import why_not_listed
from jhub.cli.kit.signals import Terminated
from jhub.cli.kit.table import print_fields, print_table, terminal_width
from jhub.errors import InvalidInput
from jhub.models import as_utc

if TYPE_CHECKING:
    from jhub import Preview

T = TypeVar("T")

WATCH_SECONDS = 5.0
"""Minimum pause between two lists that `watch` prints."""
WATCH_SHARE = 10
"""Minimum pause between two lists, as a multiple of the time that the hub needs for one."""
MAX_NAMES_SHOWN = 12
"""Maximum number of names in one line of a message."""
FORMULA = re.compile(r"(^|;)(?=\s*[=+@\-\uff1d\uff0b\uff20\uff0d])")
"""Beginning of a cell that a spreadsheet takes for a formula.

Some spreadsheets split the lines of CSV at semicolons, so that a cell can also begin after one.
"""
HIDDEN = "?"
"""Table cell of a field that the token may not read. An empty cell would mean an empty value."""


class Age(NamedTuple):
    """A time that tables show relative to now, and CSV in ISO 8601."""

    moment: datetime | None
    never: str = ""
    """The text for no time."""


class Shortened(NamedTuple):
    """A value that tables show as a short text, and CSV in full."""

    value: object
    text: str


@dataclass(frozen=True, slots=True)
class Layout:
    """The output that a list is printed as: the format, and the columns, order and number of its rows."""

    output_format: str = "table"
    columns: tuple[str, ...] = ()
    """Names of the columns to print; empty: those of the format."""
    sort: str = ""
    """The name of a column, with "-" in front for the reverse order; empty: the order of the items."""
    limit: int | None = None
    """Maximum number of rows."""


@dataclass(frozen=True, slots=True)
class View(Generic[T]):
    """The presentation of one kind of object: its name, for `-o name`, and its columns, for tables and CSV."""

    name: Callable[[T], str]
    columns: dict[str, Callable[[T], object]]
    optional: frozenset[str] = frozenset()
    """Columns that a table omits if all their cells are empty."""
    wide: frozenset[str] = frozenset()
    """Columns that a table omits unless the format is "wide"."""
    text: frozenset[str] = frozenset()
    """Columns of text, such as reasons, that a table wraps instead of shortening their cells."""
    fields: Callable[[T], object] = lambda item: item
    """Returns the fields of an item that JSON and YAML print, without secrets."""

    def print_list(self, items: Iterable[T], layout: Layout | str) -> None:
        """Print a list of items."""
        layout = Layout(layout) if isinstance(layout, str) else layout
        chosen = {name: self.columns[name] for name in map(self._column_name, layout.columns)}
        if layout.sort:
            items = self._sorted(items, layout.sort)
        items = map(_sort_sets, islice(items, layout.limit))
        match layout.output_format:
            case "json" | "yaml":
                _dump_each(map(self.fields, items), layout.output_format)
            case "name":
                for item in items:
                    _print_name(self.name(item))
            case "csv":
                columns = chosen or self.columns
                writer = csv.writer(sys.stdout, lineterminator="\n")
                first = list(islice(items, 1))  # an error before it leaves stdout empty
                writer.writerow(name.lower() for name in columns)
                for item in chain(first, items):
                    writer.writerow(_csv_cell(column(item)) for column in columns.values())
            case _:
                wide = layout.output_format == "wide"
                items = list(items)
                columns = chosen or self._columns(items, wide=wide)
                self._print_table(columns, items, None if wide or chosen else terminal_width())

    def watch(self, read: Callable[[], Iterable[T]], layout: Layout) -> None:
        """Print the list again every few seconds, until Ctrl-C. The pause is long compared to the time of the list."""
        try:
            while True:
                began = time.monotonic()
                items = list(read() if layout.sort else islice(read(), layout.limit))
                pause = max(WATCH_SECONDS, WATCH_SHARE * (time.monotonic() - began))
                click.clear()
                click.echo(f"{datetime.now().astimezone():%H:%M:%S}, every {pause:.0f} s")
                self.print_list(items, layout)
                time.sleep(pause)
        except Terminated:
            raise
        except KeyboardInterrupt:
            click.echo()

    def print_item(self, item: T, output_format: str) -> None:
        """Print a single item; in the table format, one line per column."""
        item = _sort_sets(item)
        match output_format:
            case "json" | "yaml":
                dump(self.fields(item), output_format)
            case "table" | "wide":
                columns = self._columns([item], wide=True)
                print_fields({name.lower(): _cell(column(item)) for name, column in columns.items()}, terminal_width())
            case _:
                self.print_list([item], output_format)

    def _print_table(
        self, columns: dict[str, Callable[[T], object]], items: Sequence[T], max_width: int | None
    ) -> None:
        """Print a table. Names are never shortened, because other commands take them."""
        rows = [[_cell(column(item)) for column in columns.values()] for item in items]
        names = [escape(self.name(item)) for item in items]
        whole = [heading for index, heading in enumerate(columns) if [row[index] for row in rows] == names]
        omitted = print_table(list(columns), rows, whole=whole, text=self.text, max_width=max_width)
        if omitted:
            note(f"not shown: {', '.join(omitted)}; use -o wide")

    def _columns(self, items: Sequence[T], *, wide: bool) -> dict[str, Callable[[T], object]]:
        return {
            name: column
            for name, column in self.columns.items()
            if (wide or name not in self.wide)
            and (name not in self.optional or any(_cell(column(each)) for each in items))
        }

    def _column_name(self, name: str) -> str:
        """Return the name of a column from one in any case, with spaces, hyphens or underscores."""
        wanted = name.upper().replace("-", " ").replace("_", " ")
        if wanted not in self.columns:
            known = ", ".join(column.lower().replace(" ", "-") for column in self.columns)
            raise InvalidInput(f"unknown column {name!r}; available: {known}")
        return wanted

    def _sorted(self, items: Iterable[T], sort: str) -> Iterable[T]:
        """Return the items in the order of a column; those without a value come last."""
        column = self.columns[self._column_name(sort.removeprefix("-"))]
        keys = [(_sort_key(column(item)), item) for item in items]
        known = sorted((each for each in keys if each[0] is not None), key=lambda each: each[0], reverse=sort[0] == "-")
        return [item for _, item in (*known, *(each for each in keys if each[0] is None))]


def _sort_key(value: object) -> Any:
    match value:
        case Age():
            return value.moment and as_utc(value.moment)
        case datetime():
            return as_utc(value)
        case bool() | int() | float():
            return value
        case tuple() | list():
            return [str(each).casefold() for each in cast(Iterable[object], value)]
        case _:
            return None if value in (None, "", HIDDEN) else str(value).casefold()


SETS = ("groups", "roles", "scopes", "users")
"""Fields of models whose order means nothing. They are sorted, so that outputs can be compared."""


def _sort_sets(item: T) -> T:
    """Return the item with sorted sets."""
    if not isinstance(item, msgspec.Struct):
        return item
    members = {name: getattr(item, name) for name in SETS if isinstance(getattr(item, name, None), tuple)}
    return msgspec.structs.replace(item, **{name: tuple(sorted(each)) for name, each in members.items()})


def _print_name(name: str) -> None:
    """Print a name on a line of its own, or skip it if another command would read other names from that line.

    JupyterHub before 6.0 accepts any server name, also with line breaks.
    """
    if sys.stdout.isatty():
        click.echo(escape(name))
    elif reason := why_not_listed(name):
        note(f"skipped {escape(name)!r}: {reason}")
    else:
        click.echo(name)


def dump(value: object, output_format: str) -> None:
    """Print a value as "json" or "yaml"."""
    if output_format == "json":
        click.echo(json_text(value, indent=2))
    else:
        import yaml

        # pyright cannot resolve a type in the signature of types-PyYAML 6.0.12.20261122 and later.
        text = yaml.safe_dump(  # pyright: ignore[reportUnknownMemberType]
            msgspec.to_builtins(value), sort_keys=False, allow_unicode=True
        )
        click.echo(text, nl=False)


def _dump_each(items: Iterable[object], output_format: str) -> None:
    """Print a list as `dump` does, each item as soon as it arrives. An interruption ends the list, but not the text."""
    separator = ""
    try:
        for item in items:
            if output_format == "json":
                text = textwrap.indent(json_text(item, indent=2), "  ")
                click.echo(f"{separator or '['}\n{text}", nl=False)
            else:
                dump([item], output_format)
            separator = ","
        if not separator:
            dump([], output_format)
    finally:
        if separator and output_format == "json":
            click.echo("\n]")


def or_hidden(value: object) -> object:
    """Return the value of a field for a table cell: `HIDDEN` if it is None, because the token may not read it."""
    return HIDDEN if value is None else value


_messages = {"json": False}


def print_messages_as_json(on: bool) -> None:
    """Print the errors and notes of this process as JSON, one object on each line, or as text."""
    _messages["json"] = on


def messages_are_json() -> bool:
    """Return whether errors and notes are JSON."""
    return _messages["json"]


def json_text(value: object, indent: int | None = None) -> str:
    """Return a value as JSON. A lone surrogate, as a server can send it, is escaped."""
    try:
        data = msgspec.json.encode(value)
    except UnicodeEncodeError:
        return json.dumps(msgspec.to_builtins(value), indent=indent)
    return (data if indent is None else msgspec.json.format(data, indent=indent)).decode()


def note(text: str) -> None:
    """Print a message on stderr."""
    if messages_are_json():
        text = msgspec.json.encode({"note": text.removeprefix("note: ")}).decode()
    click.echo(escape(text), err=True)


def names_shown(names: Sequence[str]) -> str:
    """Return the first names of a list, and the number of the others."""
    more = f" and {len(names) - MAX_NAMES_SHOWN} more" if len(names) > MAX_NAMES_SHOWN else ""
    return ", ".join(names[:MAX_NAMES_SHOWN]) + more


def describe(noun: str, names: Sequence[str]) -> str:
    """Return a noun with its names: "user ana", or "3 users (ana, bo, cy)"."""
    return f"{noun} {names[0]}" if len(names) == 1 else f"{len(names)} {noun}s ({names_shown(names)})"


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
        case Age():
            return ago(value.moment) or value.never
        case Shortened():
            return escape(value.text)
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


def _csv_cell(value: object) -> str:
    match value:
        case Age():
            return "" if value.moment is None else as_utc(value.moment).isoformat()
        case Shortened():
            return _csv_cell(value.value)
        case datetime():
            return as_utc(value).isoformat()
        case int() | float():
            return _cell(value)
        case _:
            return FORMULA.sub(r"\1'", _cell(value))


def print_preview(preview: Preview, output_format: str = "table") -> None:
    """Print the requests of a preview, what is unknown, and whether more requests would follow."""
    if output_format in ("json", "yaml"):
        dump({"dry_run": True, **preview.to_dict()}, output_format)
        return
    for request in preview:
        click.echo(escape(str(request)))
    for reason in preview.unknown:
        note(f"unknown: {reason}")
    if not preview.complete:
        note("(further requests depend on the answers)")


def nothing_to_do(reason: str, *, results: bool = False) -> NoReturn:
    """Print a message, and end the command with exit code 0.

    In JSON and YAML, a dry run prints an empty preview, and a command with a list of `results` an empty list.
    """
    from jhub import Preview

    note(reason)
    ctx = click.get_current_context(silent=True)
    parameters = ctx.params if ctx is not None else {}
    output_format = parameters.get("output_format", "table")
    if parameters.get("dry_run"):
        print_preview(Preview((), complete=True), output_format)
    elif results and output_format in ("json", "yaml"):
        dump([], output_format)
    raise click.exceptions.Exit(0)


def escape(text: str) -> str:
    """Return text with escaped control characters: names and messages of other users must not steer the terminal."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
