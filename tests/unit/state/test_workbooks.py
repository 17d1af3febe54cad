"""Workbooks (.xlsx), and files that would take a reader all memory."""

from __future__ import annotations

import datetime
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

import jhub.state
from jhub.errors import InvalidInput
from jhub.state import Roster, RosterColumns, read_roster

EMAIL = RosterColumns(column="Email")
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "roster.xlsx"


def write(file: Path, *sheets: Callable[[Any, Any], object] | list[tuple[object, ...]]) -> None:
    book = xlsxwriter.Workbook(str(file))
    for content in sheets:
        sheet = book.add_worksheet()
        if callable(content):
            content(sheet, book)
        else:
            for line, row in enumerate(content):
                sheet.write_row(line, 0, row)
    book.close()


def replace(file: Path, changes: dict[str, Callable[[bytes], bytes]]) -> None:
    """Change parts of a workbook."""
    with zipfile.ZipFile(file) as source:
        parts = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name in {**parts, **changes}:
            content = parts.get(name, b"")
            target.writestr(name, changes[name](content) if name in changes else content)


def read(file: Path, columns: RosterColumns = EMAIL) -> Roster:
    return read_roster(file, columns)


def test_rows_have_the_numbers_of_the_workbook(file: Path) -> None:
    def fill(sheet: Any, book: Any) -> None:
        sheet.write_row(2, 1, ["Email", "Section"])
        sheet.write_row(3, 1, ["Ana@x ", "A"])
        sheet.write_row(5, 1, [7123, "A"])
        sheet.write_row(6, 1, [None, "A"])
        sheet.write_formula(7, 1, '="b"&"o"', None, "bo")
        sheet.write_rich_string(8, 1, "c", book.add_format({"bold": True}), "y")

    write(file, fill)
    roster = read(file)
    assert [(each.name, each.line) for each in roster.members] == [("ana@x", 4), ("7123", 6), ("bo", 8), ("cy", 9)]
    assert [(each.line, each.kind) for each in roster.problems if each.kind != "suspicious"] == [(7, "blank")]


def test_what_is_neither_text_nor_a_number_names_nobody(file: Path) -> None:
    def fill(sheet: Any, book: Any) -> None:
        sheet.write_column(0, 0, ["Email", "ana", "bo", True, 12345678901234567890, 0.5])
        sheet.write_datetime(6, 0, datetime.datetime(2026, 9, 1), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_formula(7, 0, "=1/0", None, "#DIV/0!")
        sheet.write(7, 1, "x")

    write(file, fill)
    roster = read(file)
    assert roster.names == ("ana", "bo", "0.5")
    kinds = [(each.line, each.kind) for each in roster.problems]
    assert kinds == [(4, "invalid"), (5, "invalid"), (6, "suspicious"), (7, "invalid"), (8, "blank")]


def test_the_example_of_the_package_reads_a_roster(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, [("Email", "Name"), ("ana@uni.edu", "x")])
    monkeypatch.chdir(file.parent)
    (line,) = (each.strip() for each in (jhub.state.__doc__ or "").splitlines() if "read_roster(" in each)
    names: dict[str, Any] = {"jhub": jhub}
    exec(line, names)
    assert names["roster"].names == ("ana",)


def test_the_sheet_with_the_column_is_found(file: Path) -> None:
    roster: list[tuple[object, ...]] = [("Email",), ("ana",)]
    write(file, [("Read me",)], [], roster)
    assert read(file).names == ("ana",)
    write(file, roster, [("Email",), ("bo",)])
    assert read(file).names == ("ana",)
    write(file, [("Read me",)], roster, roster)
    with pytest.raises(InvalidInput, match=r"several sheets have these columns: .*'Sheet2', .*'Sheet3'"):
        read(file)
    write(file, [("Login",), ("x",)], [("Mail",), ("x",)])
    with pytest.raises(InvalidInput, match="'Sheet1': no column 'Email'; the columns are: Login"):
        read(file)
    write(file, [], [])
    with pytest.raises(InvalidInput, match="the workbook is empty"):
        read(file)


def test_a_stray_cell_is_named_and_a_format_is_not_a_cell(file: Path) -> None:
    def stray(sheet: Any, book: Any) -> None:
        sheet.write_column(0, 0, ["Email", "ana"])
        sheet.write(1048575, 16383, "x")

    def formatted(sheet: Any, book: Any) -> None:
        sheet.write_column(0, 0, ["Email", "ana"])
        sheet.write_blank(1048575, 16383, None, book.add_format({"bold": True}))

    write(file, stray)
    with pytest.raises(InvalidInput, match="its last row is 1,048,576, and its last column 16,384"):
        read(file)
    write(file, formatted)
    assert read(file).names == ("ana",)


@pytest.mark.parametrize(
    "cell",
    [
        b'<row r="1048576"><c r="XFD1"><v>1</v></c></row>',
        b'<row r="1"><c r="XFD1048576"><is><t>x</t></is></c></row>',
        b'<row r="1048575"/><row><c r="XFC1"/><c><v>1</v></c></row>',
    ],
)
def test_no_spelling_of_a_stray_cell_reaches_the_reader(file: Path, cell: bytes) -> None:
    write(file, [("Email",), ("ana",)])
    replace(file, {SHEET: lambda content: content.replace(b"</sheetData>", cell + b"</sheetData>")})
    with pytest.raises(InvalidInput, match="the sheet is too large"):
        read(file)


def test_a_sheet_below_another_name_is_checked_too(file: Path) -> None:
    write(file, [("Email",), ("ana",)])
    sheet = zipfile.ZipFile(file).read(SHEET)
    stray = sheet.replace(b"</sheetData>", b'<row r="9"><c r="XFD1048576"><v>1</v></c></row></sheetData>')
    moved = {
        "xl/other.xml": lambda content: stray,
        "xl/_rels/workbook.xml.rels": lambda content: content.replace(b"worksheets/sheet1.xml", b"other.xml"),
    }
    replace(file, moved)
    with pytest.raises(InvalidInput, match=r"xl/other.xml: the sheet is too large"):
        read(file)


def test_a_workbook_that_unpacks_to_too_much(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jhub.state.rosters.workbooks.MAX_UNPACKED_BYTES", 100_000)
    write(file, [("Email",), ("ana",)])
    assert read(file).names == ("ana",)
    replace(file, {"xl/bomb.xml": lambda content: b"<a>" + b" " * 100_000 + b"</a>"})
    assert file.stat().st_size < 20_000
    with pytest.raises(InvalidInput, match="the workbook has more than"):
        read(file)


BOMB = (
    b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "xxxxxxxxxx"><!ENTITY c "&b;&b;&b;">]><worksheet>&c;</worksheet>"""
)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: BOMB,
        lambda content: content[:-30],
        lambda content: content.replace(b'r="A1"', b'r="1A"'),
        lambda content: content.replace(b'row r="1"', b'row r="x"'),
        lambda content: b"",
    ],
)
def test_a_damaged_sheet(file: Path, change: Callable[[bytes], bytes]) -> None:
    write(file, [("Email",), ("ana",)])
    replace(file, {SHEET: change})
    with pytest.raises(InvalidInput, match="the workbook is damaged"):
        read(file)


def test_a_workbook_without_a_part(file: Path) -> None:
    write(file, [("Email",), ("ana",)])
    replace(file, {"xl/workbook.xml": lambda content: b"<workbook/>"})
    with pytest.raises(InvalidInput, match="workbook"):
        read(file)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04rest", b"\xd0\xcf\x11\xe0rest", b"Email\nana\n"])
def test_what_is_not_a_workbook(file: Path, data: bytes) -> None:
    file.write_bytes(data)
    with pytest.raises(InvalidInput, match="this is not a workbook that can be read"):
        read(file)


def test_every_damage_is_an_error(file: Path) -> None:
    write(file, [("Email",), ("ana",), ("bo",)])
    whole = file.read_bytes()
    for end in range(0, len(whole), 397):
        file.write_bytes(whole[:end])
        with pytest.raises(InvalidInput):
            read(file)
    outcomes: set[object] = set()
    for place in range(0, len(whole), 53):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            outcomes.add(read(file).names)
        except InvalidInput:
            outcomes.add("refused")
    assert outcomes == {("ana", "bo"), "refused"}


def test_the_extra_is_named_if_it_is_missing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(file, [("Email",), ("ana",)])
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(InvalidInput, match="needs the package python-calamine") as failed:
        read(file)
    assert "pip install 'jhub[xlsx]'" in failed.value.hint


def test_pictures_are_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jhub.state.rosters.workbooks.MAX_UNPACKED_BYTES", 100_000)
    write(file, [("Email",), ("ana",)])
    replace(file, {"xl/media/image1.png": lambda content: bytes(1_000_000)})
    assert read(file).names == ("ana",)
