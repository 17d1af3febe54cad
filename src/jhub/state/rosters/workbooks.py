"""Tables from workbooks (.xlsx), read with python-calamine, the extra `xlsx`.

A workbook is checked before python-calamine reads it: that library keeps the whole rectangle up to the last cell in
memory, and ends the process if there is too little, as for a stray cell at XFD1048576.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any
from xml.parsers import expat

from jhub.errors import InvalidInput, join_names
from jhub.state.rosters.tables import MAX_ROWS, Row, Table, make_table

MAX_UNPACKED_BYTES = 256 * 2**20
"""Maximum size of the unpacked parts of a workbook, in bytes."""
MAX_CELLS = 2_000_000
"""Maximum number of cells in the rectangle from A1 to the last cell of a sheet."""
MAX_EXACT_NUMBER = 10**15
"""Number from which spreadsheets keep not all digits."""
SAVE_AS_CSV = 'save the sheet as "CSV UTF-8 (Comma delimited)", and use that file'
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    NotImplementedError,
    RuntimeError,
    EOFError,
    OSError,
    ValueError,
)
"""Errors of `zipfile` for a damaged or encrypted file."""

CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


def read_workbook(data: bytes, label: str, wanted: Sequence[str]) -> Table:
    """Return the table of the first sheet, or of the only one that has the wanted columns.

    Raises
    ------
    InvalidInput
        The file is not a workbook, it is too large, or several sheets have the columns.
    """
    sheets = ((sheet, [row for row in rows if not row.blank]) for sheet, rows in _sheets(data, label))
    tables = [make_table(rows, sheet) for sheet, rows in sheets if rows]
    if not tables:
        raise InvalidInput(f"{label}: the workbook is empty")
    fitting = [table for table in tables if table.has(wanted)]
    if len(fitting) > 1 and fitting[0] is not tables[0]:
        raise InvalidInput(
            f"{label}: several sheets have these columns: {join_names(table.label for table in fitting)}",
            hint="move the roster to the first place",
        )
    return fitting[0] if fitting else tables[0]


def _sheets(data: bytes, label: str) -> Iterator[tuple[str, list[Row]]]:
    """Yield the name and the rows of each sheet."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum
    except ImportError:
        raise InvalidInput(
            f"{label}: reading .xlsx needs the package python-calamine",
            hint=f"pip install 'jhub[xlsx]'; or {SAVE_AS_CSV}",
        ) from None
    checked = _checked(data, label)
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(checked)) as workbook:
            for sheet in workbook.sheets_metadata:
                if sheet.typ == SheetTypeEnum.WorkSheet:
                    cells = workbook.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)
                    yield f"{label}, sheet {sheet.name!r}", [_row(line, row) for line, row in enumerate(cells, 1)]
    except CalamineError as error:
        raise InvalidInput(f"{label}: cannot read the workbook: {error}", hint=SAVE_AS_CSV) from None


def _row(line: int, values: Sequence[object]) -> Row:
    faults = {place: fault for place, value in enumerate(values) if (fault := _fault(value))}
    return Row(line, tuple(map(_text, values)), faults)


def _text(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _fault(value: object) -> str:
    """Return the reason why a cell cannot name anybody."""
    match value:
        case bool():
            return "the cell is a truth value, not text"
        case date() | datetime() | time() | timedelta():
            return "the cell is a date or time, not text; format its column as text, and type the name again"
        case float() if abs(value) >= MAX_EXACT_NUMBER:
            return "the number is too long for a spreadsheet, which has rounded it; format its column as text"
        case _:
            return ""


def _checked(data: bytes, label: str) -> bytes:
    """Return a workbook with the XML parts of `data`, after a check of their size and of the cells in them."""
    checked = io.BytesIO()
    left = MAX_UNPACKED_BYTES
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(checked, "w") as target:
            for name in dict.fromkeys(source.namelist()):
                if not name.lower().endswith((".xml", ".rels")):
                    continue  # pictures and macros
                with source.open(name) as part:
                    content = part.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise InvalidInput(
                        f"{label}: the workbook has more than {MAX_UNPACKED_BYTES >> 20} MiB", hint=SAVE_AS_CSV
                    )
                _check_cells(content, f"{label}: {name}")
                target.writestr(name, content)
    except UNREADABLE:
        raise InvalidInput(
            f"{label}: this is not a workbook that can be read; it is damaged, of an older format, or has a password",
            hint=f"save it as .xlsx without a password; or {SAVE_AS_CSV}",
        ) from None
    return checked.getvalue()


def _check_cells(content: bytes, label: str) -> None:
    """Raise `InvalidInput` for XML whose last filled cell is too far from A1."""
    extent = _Extent()
    parser = expat.ParserCreate("utf-8", namespace_separator=" ")  # as python-calamine, whatever the file declares
    parser.StartElementHandler = extent.start
    parser.StartDoctypeDeclHandler = extent.refuse
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError):
        raise InvalidInput(f"{label}: the workbook is damaged", hint=SAVE_AS_CSV) from None
    if extent.rows * extent.columns > MAX_CELLS or extent.rows > MAX_ROWS:
        raise InvalidInput(
            f"{label}: the sheet is too large: its last row is {extent.rows:,}, and its last column {extent.columns:,}",
            hint=f"delete the rows and columns that do not belong to the roster, also stray cells; or {SAVE_AS_CSV}",
        )


class _Extent:
    """The number of rows and columns up to the last filled cell of a sheet."""

    def __init__(self) -> None:
        self.rows = self.columns = 0
        self._inside = False
        self._row = self._column = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = tag.rpartition(" ")[2]
        if name == "sheetData":
            self._inside = True
        elif not self._inside:
            return
        elif name == "row":
            self._row, self._column = int(attributes.get("r", self._row + 1)), 0
        elif name == "c":
            row, self._column = _position(attributes["r"]) if "r" in attributes else (0, self._column + 1)
            self._row = max(self._row, row)
        elif name in ("v", "is"):  # cells without these have a format only
            self.rows, self.columns = max(self.rows, self._row), max(self.columns, self._column)

    def refuse(self, *declaration: Any) -> None:
        raise ValueError("a spreadsheet declares no document type")


def _position(reference: str) -> tuple[int, int]:
    """Return the row and the column of a cell such as "B7", both counted from 1."""
    match = CELL.fullmatch(reference)
    if not match:
        raise ValueError(f"invalid cell {reference!r}")
    column = 0
    for letter in match[1]:
        column = 26 * column + ord(letter) - 64
    return int(match[2]), column
