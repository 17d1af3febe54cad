"""Rosters: files of all kinds that people have, and what is said about their rows."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jhub.errors import InvalidInput
from jhub.state import Roster, RosterColumns, RosterProblem, parse_roster, read_roster

EMAIL = RosterColumns(column="Email")
LOGIN = RosterColumns(column="Email", name="before-@")


def parse(text: str, columns: RosterColumns = EMAIL) -> Roster:
    return parse_roster(text, columns, label="roster.csv")


def found(roster: Roster) -> list[tuple[int, str]]:
    return [(problem.line, problem.kind) for problem in roster.problems]


@pytest.mark.parametrize(
    "text",
    [
        "Email,Name\nana,x\nbo,y\n",
        "Name;Email\r\nx;ana\r\ny;bo\r\n",
        "Name\tEmail\rx\tana\ry\tbo",
        "sep=;\r\nName;Email\r\nx,z;ana\r\ny;bo\r\n",
        "\ufeffEMAIL \r\n\r\n  ana\u00a0\r\nBO\u200b\r\n,\r\n",
        '\n;;\n"e\n mail";x\nana;\nbo;\n'.replace("e\n mail", "\n email\n"),
        '"Email","Name"\n"ana","Doe, ""A"""\n"bo","two\r\nlines"\n',
    ],
)
def test_the_delimiter_the_line_ends_and_blanks_do_not_matter(text: str) -> None:
    roster = parse(text)
    assert (roster.names, roster.problems, roster.complete) == (("ana", "bo"), (), True)


def test_line_numbers_are_those_of_an_editor() -> None:
    text = 'sep=;\r\n\r\nEmail;Note\r\nana;"one\r\ntwo"\r\n;x\r\n\r\nbo;\r\nANA;\r\n'
    roster = parse(text)
    assert [(member.name, member.line) for member in roster.members] == [("ana", 4), ("bo", 8)]
    assert found(roster) == [(6, "blank"), (9, "duplicate")]
    assert [*map(str, roster.problems)] == [
        "line 6: the cell below 'Email' is blank",
        "line 9: 'ANA': is on line 4 too",
    ]
    assert not roster.complete


@pytest.mark.parametrize(
    ("encoding", "suffix"), [("utf-8", "csv"), ("utf-8-sig", "CSV"), ("utf-16", "txt"), ("utf-16", "tsv")]
)
def test_the_encodings_of_spreadsheets(tmp_path: Path, encoding: str, suffix: str) -> None:
    file = tmp_path / f"roster.{suffix}"
    file.write_text("Email\tName\r\njörg\tß\r\n", encoding=encoding)
    assert read_roster(file, EMAIL).names == ("jörg",)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Email\r\nana\r\njörg".encode("cp1252"), r"line 3: the text is not UTF-8"),
        ("Email\nana".encode("utf-16")[:-1], r"the text is not UTF-16"),
        ("Email\nana".encode("utf-16-le"), r"not text in UTF-8"),
        (b"PK\x03\x04rest", r"a workbook, not text"),
        (b"\xd0\xcf\x11\xe0rest", r"a workbook, not text"),
        (b"\n <!DOCTYPE html>", r"a web page"),
        (b"", r"is empty"),
        (b"\xef\xbb\xbf", r"is empty"),
        (b" \n\t\n", r"is empty"),
    ],
)
def test_what_is_not_text(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "roster.csv"
    file.write_bytes(data)
    with pytest.raises(InvalidInput, match=message) as failed:
        read_roster(file, EMAIL)
    assert str(file) in str(failed.value)
    assert failed.value.hint


def test_files_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.csv").mkdir()
    for name, message in (("none.csv", "No such file"), ("folder.csv", "Is a directory"), ("a.ods", "unknown kind")):
        with pytest.raises(InvalidInput, match=message):
            read_roster(str(tmp_path / name), EMAIL)
    monkeypatch.setattr("jhub.files.MAX_FILE_BYTES", 9)
    (tmp_path / "long.csv").write_text("Email\nana\nbo\n")
    with pytest.raises(InvalidInput, match="larger than"):
        read_roster(tmp_path / "long.csv", EMAIL)
    monkeypatch.setattr("jhub.state.rosters.tables.MAX_ROWS", 2)
    for text in ("Email\nana\nbo\n", "Email\n\nana\n\nbo\n"):
        with pytest.raises(InvalidInput, match="more than 2 rows"):
            parse(text)
    assert parse("\n\nEmail\n\n\nana\n\n").names == ("ana",)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ('Email,Name\n"ana,x\nbo,y\n', "line 2: unexpected end of data", "quotes"),
        ('Email,Name\nbo,y\n"ana"x,y\n', "line 3: ", "quotes"),
        ("Email,Name\n", "no rows below the header", ""),
        ("Emial,Name\na,b\n", "no column 'Email'; the columns are: Emial, Name", "did you mean 'Emial'"),
        ("E-Post,X\na,b\n", "no column 'Email'; the columns are: E-Post, X", "first row"),
        ("Email, email \na,b\n", "more than once", "rename"),
        ("Email,Name\n,x\n..,y\n", "no row names anybody; line 2: the cell below 'Email' is blank", "column"),
    ],
)
def test_a_roster_with_nobody_in_it_is_an_error(text: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidInput, match=message) as failed:
        parse(text)
    assert str(failed.value).startswith("roster.csv: ")
    assert hint in failed.value.hint


def test_a_row_with_more_cells_than_the_header_names_nobody() -> None:
    """A comma without quotes: the cells behind it stand below the wrong headers."""
    roster = parse(
        "Name,Email,Section\nx,ana,A\nDoe, Bo,bo,A\ny,cy,A,,\n", RosterColumns(column="Email", where={"Section": "a"})
    )
    assert (roster.names, found(roster), roster.complete) == (("ana", "cy"), [(3, "invalid")], False)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Ana@Uni.edu", "ana"),
        (" ana @uni.edu", "ana"),
        ("ana", "ana"),
        ("a@b@c", "has more than one @"),
        ("@uni.edu", "a user name is missing"),
        ("..@uni.edu", "invalid user name '..': a proxy could resolve its part '.' or '..'"),
        ("a\x1bb@uni.edu", r"invalid user name 'a\x1bb': it contains a control character"),
        ("x" * 256 + "@uni.edu", "has more than 255 characters"),
    ],
)
def test_the_part_before_the_at(value: str, name: str) -> None:
    roster = parse(f"Email\nothers@uni.edu\nmore@uni.edu\n{value}\n", LOGIN)
    reasons = [problem.reason for problem in roster.problems if problem.kind == "invalid"]
    assert [*roster.names[2:], *reasons] == [name]
    assert roster.complete == (not reasons)


@pytest.mark.parametrize("cell", ["=A1", '=HYPERLINK("x")', "#N/A", "#REF!", "#NAME?", "#DIV/0!", "#value!"])
def test_a_formula_and_an_error_of_the_spreadsheet_name_nobody(cell: str) -> None:
    for columns in (RosterColumns(column="Login"), RosterColumns(name="s{Login}")):
        roster = parse(f"Login;B\nana;\n{cell};\n", columns)
        assert (len(roster.names), found(roster), roster.complete) == (1, [(3, "invalid")], False)


@pytest.mark.parametrize("cell", ["1.23457E+10", "1,2E+07", "7E+15", "1.2e+19"])
def test_a_number_that_a_spreadsheet_has_rounded_names_nobody(cell: str) -> None:
    for rule in ("", "s{Login}", "before-@"):
        columns = RosterColumns(column="Login", name=rule)
        roster = parse(f'Login\nana\n"{cell}"\n', columns)
        assert (len(roster.names), found(roster), roster.complete) == (1, [(3, "invalid")], False)
        assert "has rounded this number" in roster.problems[0].reason


def test_a_template_has_the_cells_of_columns() -> None:
    text = "Student ID;Programme;Mail\n71;GEO;A@x\n72;;b@x\n71;geo;c@x\n"
    roster = parse(text, RosterColumns(name="{programme}-s{student id}"))
    assert (roster.names, found(roster)) == (("geo-s71",), [(3, "blank"), (4, "duplicate")])
    assert [member.value for member in roster.members] == ["GEO"]
    by_mail = parse(text, RosterColumns(column="mail", name="s{Student ID}"))
    assert (by_mail.names, found(by_mail)) == (("s71", "s72"), [(4, "duplicate")])
    assert by_mail.problems[0].reason == "gives the same name as 'A@x' on line 2: s71"


@pytest.mark.parametrize("rule", ["before@", "{", "s{ID", "{ID}}", "{}", "x"])
def test_a_rule_that_does_not_exist(rule: str) -> None:
    with pytest.raises(InvalidInput, match="invalid rule for names"):
        RosterColumns(column="Email", name=rule)


def test_only_rows_with_the_values() -> None:
    text = "Email,Section,Role\nana, a ,Student\nbo,B,student\ncy,A,Teacher\n,B,\n"
    columns = RosterColumns(column="Email", where={"section": "A", "role": "STUDENT"})
    assert (parse(text, columns).names, parse(text, columns).complete) == (("ana",), True)
    with pytest.raises(InvalidInput, match="no row has 'C' below 'Section'; it has 'a', 'B', 'A'"):
        parse(text, RosterColumns(column="Email", where={"Section": "C"}))
    with pytest.raises(InvalidInput, match="no column 'Sektion'"):
        parse(text, RosterColumns(column="Email", where={"Sektion": "C"}))


def test_the_only_column_needs_no_name() -> None:
    assert parse("E-Mail\nana\n", RosterColumns()).names == ("ana",)
    with pytest.raises(InvalidInput, match=r"the header has 'Email' \(such as 'ana'\), 'B'$") as failed:
        parse("Email,B\nana,\n", RosterColumns())
    assert failed.value.hint == "name it: --column 'Email' on the command line, or `column: Email` in a state file"
    # Without a header, the first person would be taken for one.
    with pytest.raises(InvalidInput, match=r"the header has 'ana' \(such as 'bo'\)"):
        parse("ana\nbo\n", RosterColumns())


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("Ana B", "has a space"),
        ("Doe, Ana", "Surname"),
        ("7,12e11", "rounded"),
        ("7e-3", "rounded"),
        ("12345.0", "decimals"),
        ("12345", "is a number"),
        ("ana@uni.edu", "has an @"),
        ("an\u200ba", "invisible"),
        ("\u0430na", "Cyrillic and Latin"),
        ("jo\u0308rg", "accent"),
        ("corp/ana", "slash"),
        ("<ana>", "unusual"),
    ],
)
def test_a_suspicious_name_is_a_member(value: str, reason: str) -> None:
    roster = parse(f'Email\nbo\ncy\n"{value}"\njosé\nж\n李明\n')
    (problem,) = roster.problems
    assert (problem.line, problem.value, problem.kind) == (4, value, "suspicious")
    assert reason in problem.reason
    assert (roster.complete, roster.names[2]) == (True, value.lower())


def test_an_address_is_usual_among_addresses() -> None:
    assert found(parse("Email\nana@x\nbo\ncy@x\n")) == [(3, "suspicious")]
    assert found(parse("Email\nana@x\nbo\ncy@x\n", LOGIN)) == [(3, "suspicious")]
    assert found(parse("Email\n12\n13\n14\n", LOGIN)) == []


def test_a_problem_is_one_line() -> None:
    assert str(RosterProblem(7, "x\ny", "invalid", "no")) == r"line 7: 'x\ny': no"


def test_the_kind_of_a_problem_says_whether_its_row_names_somebody() -> None:
    kinds: dict[Literal["duplicate", "invalid", "suspicious", "blank"], bool] = {
        "duplicate": False,
        "invalid": True,
        "suspicious": False,
        "blank": True,
    }
    for kind, nobody in kinds.items():
        problem = RosterProblem(7, "x", kind, "no")
        assert problem.names_nobody == nobody
        assert Roster((), (problem,)).complete == (not nobody)


names = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=9).map(
    lambda each: f"u{each}"
)
cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)


@given(
    people=st.lists(st.tuples(names, cells, cells), min_size=1, max_size=9),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    place=st.integers(0, 2),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_whatever_a_spreadsheet_writes_is_read(
    people: list[tuple[str, str, str]],
    delimiter: str,
    end: str,
    quoting: int,
    place: int,
    encoding: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    if quoting != csv.QUOTE_ALL:  # the writer does not quote a cell with the other kind of line end (Python 3.11)
        other = "\n" if end == "\r" else "\r"
        people = [(name, one.replace(other, " "), two.replace(other, " ")) for name, one, two in people]
    rows = [("Email", "One", "Two"), *people]
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=quoting)  # type: ignore[arg-type]
    writer.writerows((*row[1 : place + 1], row[0], *row[place + 1 :]) for row in rows)
    file = tmp_path_factory.getbasetemp() / "roster.csv"
    file.write_bytes(written.getvalue().encode(encoding))
    roster = read_roster(file, EMAIL)
    assert roster.names == tuple(dict.fromkeys(name.lower() for name, _, _ in people))
    assert {problem.kind for problem in roster.problems} <= {"duplicate", "suspicious"}
    starts = [member.line for member in roster.members]
    assert starts == sorted(starts)
