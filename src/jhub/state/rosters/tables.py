"""Tables: the rows of a spreadsheet with the numbers that a person finds them by, read from CSV and similar text."""

from __future__ import annotations

import codecs
import csv
import difflib
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from jhub.errors import InvalidInput, join_names

MAX_ROWS = 200_000
"""Maximum number of rows in a table."""
DELIMITERS = ",;\t"
"""Characters that separate the cells of a row; for a tie, the first of them."""
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
"""Characters without a width, which copies from web pages have at their ends."""
BLANKS = "".join(map(chr, filter(lambda code: chr(code).isspace(), range(0x3001)))) + INVISIBLE
"""Characters that are trimmed from cells."""
SAVE_AS = 'in Excel, save it as "CSV UTF-8 (Comma delimited)"'
"""Hint for a text file that is not UTF-8."""
UNQUOTED = 'the row has more cells than the header; put quotes around a cell with a comma, as in "Doe, Ana"'
"""Reason why the cells of a row with more cells than the header cannot be used."""

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?(?:\r\n|\r|\n|$)', re.IGNORECASE)
"""First line of files that tell Excel their delimiter."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table."""

    line: int
    """The number of the row's first line in a text file, or of the row in a workbook."""
    cells: tuple[str, ...]
    faults: Mapping[int, str] = field(default_factory=dict[int, str])
    """The reasons why cells cannot be used, by their places in the row."""
    shifted: bool = False
    """True if the row has more cells than the header, so that some stand below the wrong header."""

    def cell(self, place: int) -> str:
        """Return the trimmed text of a cell; empty for a place after the last cell."""
        return trim(self.cells[place]) if place < len(self.cells) else ""

    def fault(self, place: int) -> str:
        """Return the reason why a cell cannot be used; empty if it can."""
        return UNQUOTED if self.shifted else self.faults.get(place, "")

    @property
    def blank(self) -> bool:
        """True if all cells are blank."""
        return not any(map(trim, self.cells))


@dataclass(frozen=True, slots=True)
class Table:
    """A table, with its header and the rows below it that are not blank."""

    label: str
    """The name of the file, for error messages."""
    header: Row
    rows: tuple[Row, ...]

    def columns(self) -> dict[str, str]:
        """Return the headers, trimmed, each with the first value below it."""
        return {
            name: next((value for row in self.rows if (value := row.cell(place))), "")
            for place in range(len(self.header.cells))
            if (name := self.header.cell(place))
        }

    def has(self, names: Iterable[str]) -> bool:
        """Return whether the header has all these columns."""
        return {*map(key, names)} <= {*map(key, self.header.cells)}

    def place(self, name: str) -> int:
        """Return the place of a column in each row.

        Raises
        ------
        InvalidInput
            The header does not have the column, or has it more than once.
        """
        keys = [key(cell) for cell in self.header.cells]
        wanted = key(name)
        if keys.count(wanted) == 1 and wanted:
            return keys.index(wanted)
        if wanted in keys and wanted:
            raise InvalidInput(
                f"{self.label}: line {self.header.line}: the header has the column {name!r} more than once",
                hint="rename all but one of them",
            )
        known = self.columns()
        match = difflib.get_close_matches(wanted, map(key, known), 1)
        similar = [each for each in known if [key(each)] == match]
        raise InvalidInput(
            f"{self.label}: no column {name!r}; the columns are: {join_names(known)}",
            hint=f"did you mean {similar[0]!r}?" if similar else "the first row that is not blank is the header",
        )


def trim(text: str) -> str:
    """Return a text without the blanks around it."""
    return text.strip(BLANKS)


def key(text: str) -> str:
    """Return the form of a header or a value in which it is compared."""
    return " ".join(unicodedata.normalize("NFC", trim(text)).casefold().split())


def make_table(rows: Iterable[Row], label: str) -> Table:
    """Return the table of rows, of which the first that is not blank is the header.

    Raises
    ------
    InvalidInput
        All rows are blank, or more than `MAX_ROWS` are not.
    """
    filled = list(islice((row for row in rows if not row.blank), MAX_ROWS + 1))
    if not filled:
        raise InvalidInput(f"{label}: the file is empty", hint="a roster has a header, and a row for each person")
    if len(filled) > MAX_ROWS:
        raise InvalidInput(f"{label}: the file has more than {MAX_ROWS:,} rows")
    return Table(label, filled[0], tuple(filled[1:]))


def decode(data: bytes, label: str) -> str:
    """Return the text of a file: UTF-8, or UTF-16 with a byte order mark.

    Raises
    ------
    InvalidInput
        The file has another encoding, or another format.
    """
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise InvalidInput(f"{label}: this is a workbook, not text", hint="save it as .xlsx, and keep that ending")
    utf16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if utf16 else "utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        place = label if utf16 else f"{label}: line {1 + before.count(bytes([10]))}"
        raise InvalidInput(f"{place}: the text is not UTF-{16 if utf16 else 8}", hint=SAVE_AS) from None
    if "\0" in text:
        raise InvalidInput(f"{label}: the file is not text in UTF-8", hint=SAVE_AS)
    if text.lstrip()[:1] == "<":
        raise InvalidInput(f"{label}: this is a web page, not a table", hint="download or export the roster again")
    return text


def parse_table(text: str, label: str, wanted: Sequence[str], delimiter: str | None = None) -> Table:
    """Return the table in a text.

    Parameters
    ----------
    wanted
        Columns that the header is expected to have, by which the delimiter is found.
    delimiter
        The delimiter; None: the one of `DELIMITERS` that the header has.

    Raises
    ------
    InvalidInput
        A quote is not closed, or see `make_table`.
    """
    text = text.removeprefix("\ufeff")
    skipped = 0
    if separator := SEPARATOR_LINE.match(text):
        text, skipped = text[separator.end() :], 1
        delimiter = delimiter or separator[1]
    lines = LINE.findall(text)
    if delimiter is None:
        delimiter = max(DELIMITERS, key=lambda each: _fit(lines, each, wanted))
    table = make_table(_records(lines, delimiter, label, skipped), label)
    width = len(table.header.cells)
    rows = (replace(row, shifted=any(map(trim, row.cells[width:]))) for row in table.rows)
    return Table(label, table.header, tuple(rows))


def _fit(lines: Sequence[str], delimiter: str, wanted: Sequence[str]) -> tuple[bool, int]:
    """Return how well a delimiter fits the header: whether it gives the wanted columns, and how many it gives."""
    try:
        header = next((row for row in _records(lines, delimiter, "", 0) if not row.blank), None)
    except InvalidInput:
        return False, 0
    return (header is not None and Table("", header, ()).has(wanted)), len(header.cells) if header else 0


def _records(lines: Sequence[str], delimiter: str, label: str, skipped: int) -> Iterator[Row]:
    # Not strict, a quote that is not closed would hide all rows below it.
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + skipped + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise InvalidInput(
                f"{label}: line {line}: {error}",
                hint='check the quotes: a cell in quotes ends with a quote, and "" stands for a quote in it',
            ) from None
        if cells is None:
            return
        yield Row(line, tuple(cells))
