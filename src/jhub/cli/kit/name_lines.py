"""Lists of names, one per line: what commands print with `-o name`, and read from stdin."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

import msgspec

from jhub.errors import InvalidInput

COMMENT = "#"
"""First character of a comment in a list of names."""
HEADERS = frozenset({"email", "email address", "e-mail", "login", "name", "user", "user name", "username"})
"""Column headers, in lower case, that show that a list of names is a column of a spreadsheet."""


def parse_names(text: str) -> list[str]:
    """Return the names in a text with one name per line, without blank lines and comments (`# …`).

    Raises
    ------
    InvalidInput
        The text looks like JSON, YAML or a table; or like CSV: most of its lines have separators or quotes, or the
        first one is a header.
    """
    lines = text.strip().splitlines()
    if kind := _format_of(lines):
        raise InvalidInput(
            f"stdin looks like {kind}: {lines[0]!r}",
            hint="pass one name per line, as from: jhub user list -o name",
        )
    names = [line for line in map(_strip_line, text.split("\n")) if line and not line.startswith(COMMENT)]
    if len(names) < 2:
        return names
    if names[0].strip('"').lower() in HEADERS:
        raise InvalidInput(
            f"the first line on stdin is the header {names[0]!r}, not a name",
            hint="remove it, for example with: tail -n +2 FILE; pass a name such as this one as an argument",
        )
    if sum(map(_has_columns_or_quotes, names)) > len(names) / 2:
        raise InvalidInput(
            f"stdin looks like CSV: {names[0]!r}",
            hint="pass one name per line, for example with: tail -n +2 FILE | cut -d, -f1; "
            "if these are names, pass them as arguments",
        )
    return names


def _format_of(lines: Sequence[str]) -> str:
    """Return the format of lines that cannot be a list of names, or nothing."""
    if not lines:
        return ""
    if lines[0].startswith(("[", "{")):
        with suppress(msgspec.MsgspecError):
            msgspec.json.decode("\n".join(lines))
            return "JSON"
    if lines[0] == "---" or all(line.startswith("- ") for line in lines if line.strip()):
        return "YAML"
    if len(lines) > 1 and re.fullmatch(r"[A-Z][A-Z /]*[A-Z](?: {2,}[A-Z][A-Z /]*[A-Z])+", lines[0]):
        return "a table"
    return ""


def _has_columns_or_quotes(line: str) -> bool:
    """Return whether a line has several columns or quotes. "Doe, John" and "CN=a,OU=b" of a directory are names."""
    parts = re.split(r"[,;\t](?! )", line)
    return (len(parts) > 1 and not all("=" in part for part in parts)) or (line[0] == line[-1] == '"')


def why_not_listed(name: str) -> str:
    """Return why `parse_names` would not read a line with a name as that name, or nothing."""
    if name.startswith(COMMENT):
        return "a list of names takes it as a comment; pass it as an argument"
    if name.splitlines() != [name] or name != _strip_line(name):
        return "not printable on one line"
    if kind := _format_of([name]):
        return f"a list of names takes it for {kind}; pass it as an argument"
    return ""


def _strip_line(line: str) -> str:
    """Return a line of input without the white space around it, and without a byte order mark."""
    # Spreadsheets write a byte order mark before the first line.
    return line.strip().removeprefix("\ufeff").strip()
