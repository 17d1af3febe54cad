"""Rosters: spreadsheets of people, and the names on the hub that their rows stand for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jhub.errors import InvalidInput, join_names
from jhub.files import read_input
from jhub.state.rosters.names import NameRule, suspicions
from jhub.state.rosters.tables import Row, Table, decode, key, parse_table

TEXT_SUFFIXES, WORKBOOK_SUFFIX = (".csv", ".tsv", ".txt"), ".xlsx"
NAME_HEADERS = frozenset({"email", "email address", "e-mail", "login", "name", "user", "user name", "username"})
"""Headers, in lower case, of a column that is used without being named, if it is the only one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterColumns:
    """The cells of a roster that name people.

    Headers and values are compared trimmed and without regard to case. The order of the columns does not matter.

    Raises
    ------
    InvalidInput
        `name` is not a rule.
    """

    column: str = ""
    """The header of the column with the names.

    Empty: the columns of the template in `name`; else the only column, if its header is usual for names, as "Email" is.
    """
    name: str = ""
    """The rule for the name on the hub, which is always in lower case.

    Empty or "lower": the cell; "before-@": its part before the "@"; or a template with the headers of columns in
    braces, such as "s{Student ID}".
    """
    where: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values by column: only rows that have all of them are read."""

    def __post_init__(self) -> None:
        """Check the rule."""
        NameRule.parse(self.name)


@dataclass(frozen=True, slots=True)
class RosterMember:
    """A person in a roster."""

    name: str
    """The name on the hub."""
    line: int
    """The number of the line in the file, or of the row in a workbook."""
    value: str
    """The text of the cell."""


@dataclass(frozen=True, slots=True)
class RosterProblem:
    """A row of a roster that is not what it should be."""

    line: int
    value: str
    """The text of the cell."""
    kind: Literal["duplicate", "invalid", "suspicious", "blank"]
    """The kind. The person of a "suspicious" row is a member."""
    reason: str

    @property
    def names_nobody(self) -> bool:
        """True if the row is "invalid" or "blank": it may be that of a member whose name is not known."""
        return self.kind in ("invalid", "blank")

    def __str__(self) -> str:
        """Return the problem on one line, such as "line 7: 'ana b': has a space"."""
        return f"line {self.line}: {f'{self.value!r}: ' if self.value else ''}{self.reason}"


@dataclass(frozen=True, slots=True)
class Roster:
    """The people in a roster, each once, and the problems of its rows in their order."""

    members: tuple[RosterMember, ...]
    problems: tuple[RosterProblem, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names on the hub."""
        return tuple(member.name for member in self.members)

    @property
    def complete(self) -> bool:
        """True if every row names somebody. If not, a member of a group who is not in the roster may belong to it."""
        return not any(problem.names_nobody for problem in self.problems)


def read_roster(path: str | Path, columns: RosterColumns) -> Roster:
    """Read the roster in a file.

    Text (.csv, .tsv, .txt) is UTF-8, or UTF-16 with a byte order mark; its cells are separated by commas, semicolons or
    tabs. Of a workbook (.xlsx, which needs `pip install 'jhub[xlsx]'`), the first sheet is read, or the only one that
    has the columns. The first row that is not blank is the header.

    Raises
    ------
    InvalidInput
        The file cannot be read, or it has nobody in it: an empty roster never means "nobody".
    """
    return roster_of(read_table(Path(path), wanted_columns(columns)), columns)


def read_table(path: Path, wanted: Sequence[str]) -> Table:
    """Return the table in the file of a roster, whose header is expected to have the wanted columns.

    Raises
    ------
    InvalidInput
        The file cannot be read, or is empty.
    """
    label = str(path)
    suffix = path.suffix.lower()
    if suffix not in (*TEXT_SUFFIXES, WORKBOOK_SUFFIX):
        raise InvalidInput(
            f"{label}: unknown kind of file",
            hint="a roster is a .csv, .tsv, .txt or .xlsx file: save it as one of them",
        )
    try:
        data = read_input(path)
    except OSError as error:
        hint = "pass its path, or change to its folder first: cd FOLDER" if isinstance(error, FileNotFoundError) else ""
        raise InvalidInput(f"cannot read {label}: {error.strerror or error}", hint=hint) from None
    if suffix != WORKBOOK_SUFFIX:
        return parse_table(decode(data, label), label, wanted)
    from jhub.state.rosters.workbooks import read_workbook

    return read_workbook(data, label, wanted)


def parse_roster(text: str, columns: RosterColumns, *, label: str, delimiter: str | None = None) -> Roster:
    """Return the roster in a text, such as the output of a command.

    Parameters
    ----------
    label
        The name of the source, for error messages.
    delimiter
        The character between cells; None: a comma, semicolon or tab, whichever the header has.

    Raises
    ------
    InvalidInput
        As for `read_roster`.
    """
    return roster_of(parse_table(text, label, wanted_columns(columns), delimiter), columns)


def wanted_columns(columns: RosterColumns) -> tuple[str, ...]:
    """Return the columns that the header must have."""
    named = (columns.column,) if columns.column else ()
    return (*named, *NameRule.parse(columns.name).fields, *columns.where)


def roster_of(table: Table, columns: RosterColumns) -> Roster:
    """Return the roster in a table.

    Raises
    ------
    InvalidInput
        The header lacks a column, or no row names anybody.
    """
    rule = NameRule.parse(columns.name)
    column = columns.column or (rule.fields[0] if rule.fields else _only_column(table))
    read = {name: table.place(name) for name in (rule.fields or (column,))}
    shown = table.place(column)
    members: dict[str, RosterMember] = {}
    problems: list[RosterProblem] = []
    for row in _matching(table, columns.where):
        value = row.cell(shown)
        cells = {name: row.cell(place) for name, place in read.items()}
        if fault := next((fault for place in read.values() if (fault := row.fault(place))), ""):
            problems.append(RosterProblem(row.line, value, "invalid", fault))
        elif blank := next((name for name, cell in cells.items() if not cell), ""):
            problems.append(RosterProblem(row.line, value, "blank", f"the cell below {blank!r} is blank"))
        else:
            try:
                member = RosterMember(rule.apply(value, cells), row.line, value)
            except InvalidInput as error:
                problems.append(RosterProblem(row.line, value, "invalid", str(error)))
                continue
            first = members.setdefault(member.name, member)
            if first is not member:
                problems.append(RosterProblem(row.line, value, "duplicate", _duplicate(first, value)))
    if not members:
        raise InvalidInput(f"{table.label}: no row names anybody; {problems[0]}", hint="is this the right column?")
    found = suspicions([each.value for each in members.values()], [*members], rule)
    problems += [
        RosterProblem(member.line, member.value, "suspicious", reason)
        for member, reason in zip(members.values(), found, strict=True)
        if reason
    ]
    return Roster(tuple(members.values()), tuple(sorted(problems, key=lambda problem: problem.line)))


def _matching(table: Table, where: Mapping[str, str]) -> tuple[Row, ...]:
    """Return the rows with certain values, and at least one.

    Raises
    ------
    InvalidInput
        There are no such rows.
    """
    if not table.rows:
        raise InvalidInput(f"{table.label}: no rows below the header")
    rows = table.rows
    for name, value in where.items():
        place, wanted = table.place(name), key(value)
        matching = tuple(row for row in rows if row.shifted or key(row.cell(place)) == wanted)
        if not matching:
            values = join_names(dict.fromkeys(repr(row.cell(place)) for row in rows))
            raise InvalidInput(f"{table.label}: no row has {value!r} below {name!r}; it has {values}")
        rows = matching
    return rows


def _only_column(table: Table) -> str:
    known = table.columns()
    first = next((name for name, value in known.items() if value and "@" in value), next(iter(known)))
    if len(known) == 1 and key(first) in NAME_HEADERS:
        return first
    listed = join_names(f"{name!r}{f' (such as {value!r})' if value else ''}" for name, value in known.items())
    raise InvalidInput(
        f"{table.label}: the column with the names is not known; the header has {listed}",
        hint=f"name it: --column {first!r} on the command line, or `column: {first}` in a state file",
    )


def _duplicate(first: RosterMember, value: str) -> str:
    if key(first.value) == key(value):
        return f"is on line {first.line} too"
    return f"gives the same name as {first.value!r} on line {first.line}: {first.name}"
