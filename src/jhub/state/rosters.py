"""Rosters: the people in a spreadsheet, as names on the hub."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from jhub.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class RosterColumns:
    """The cells of a roster that name people."""

    column: str = ""
    name: str = ""
    where: Mapping[str, str] = field(default_factory=dict[str, str])

    def __post_init__(self) -> None:
        """Check the rule."""
        if self.name not in ("", "lower", "before-@") and "{" not in self.name:
            raise InvalidInput(f"invalid rule for names {self.name!r}", hint="use before-@ or lower")


@dataclass(frozen=True, slots=True)
class RosterMember:
    """A person in a roster."""

    name: str
    line: int
    value: str


@dataclass(frozen=True, slots=True)
class RosterProblem:
    """A row of a roster that is not what it should be."""

    line: int
    value: str
    kind: Literal["duplicate", "invalid", "suspicious", "blank"]
    reason: str


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
        """True if every row names somebody."""
        return not any(problem.kind in ("invalid", "blank") for problem in self.problems)


def read_roster(path: str | Path, columns: RosterColumns) -> Roster:
    """Read the roster in a file."""
    return parse_roster(Path(path).read_text("utf-8-sig"), columns, label=str(path))


def parse_roster(text: str, columns: RosterColumns, *, label: str, delimiter: str | None = None) -> Roster:
    """Read the roster in a text."""
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter or ",")
    members: dict[str, RosterMember] = {}
    problems: list[RosterProblem] = []
    headers = list(rows.fieldnames or ())
    column = columns.column or (headers[0] if len(headers) == 1 else "")
    if column not in headers:
        raise InvalidInput(f"{label}: no column {column!r}")
    for line, row in enumerate(rows, 2):
        if any(row.get(name) != value for name, value in columns.where.items()):
            continue
        value = (row[column] or "").strip()
        name = (value.partition("@")[0] if columns.name == "before-@" else value).lower()
        if not name:
            problems.append(RosterProblem(line, "", "blank", "the cell is empty"))
        elif ".." in name:
            problems.append(RosterProblem(line, value, "invalid", "not a name"))
        elif name in members:
            problems.append(RosterProblem(line, value, "duplicate", f"also in line {members[name].line}"))
        else:
            members[name] = RosterMember(name, line, value)
            if " " in name:
                problems.append(RosterProblem(line, value, "suspicious", "has a space"))
    if not members:
        raise InvalidInput(f"{label}: nobody is in it")
    return Roster(tuple(members.values()), tuple(problems))
