"""Members of a group from a roster: a file beside the state file, or the output of a command."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from stat import S_ISREG
from typing import Literal, ParamSpec, TypeAlias, TypeVar

from jhub.errors import InvalidInput
from jhub.state.document import MembersEntry
from jhub.state.files.file_problems import FileLogs
from jhub.state.files.form_reader import FormReader
from jhub.state.rosters.roster import Roster, RosterColumns, read_table, roster_of, wanted_columns
from jhub.state.rosters.roster_command import run_command
from jhub.state.rosters.tables import parse_table

Commands: TypeAlias = Literal["run", "skip", "refuse"]
"""Treatment of roster commands: they run, they are skipped with a warning, or they are errors."""
SOURCES = ("at-least", "roster", "command")
"""Keys of `members`, of which there must be one."""
DELIMITERS = {"csv": None, "tsv": "\t"}
"""Delimiters of the formats that a command prints; None to find it."""


P = ParamSpec("P")
T = TypeVar("T")


class MemberReader:
    """A reader of the mappings at `members`.

    It runs each command once, and reads each roster once for all groups with the same columns.
    """

    def __init__(self, logs: FileLogs, commands: Commands) -> None:
        """Report problems of rosters to logs of their own."""
        self.logs = logs
        self.commands: Commands = commands
        self.read_table = _once(read_table)
        self.run_command = _once(run_command)
        self.parse_table = _once(parse_table)

    def read(self, form: FormReader, folder: Path) -> MembersEntry | None:
        """Return the members of a group in a state file in a folder; None if they were reported."""
        sources = [key for key in SOURCES if key in form]
        if len(sources) != 1:
            key = sources[-1] if sources else ""
            if "at-least" in sources:
                message = "`at-least` cannot stand beside a roster, whose people are all members: use one of the two"
            elif sources:
                message = "`roster` and `command` exclude each other"
            else:
                message = "needs `roster`, `command` or `at-least`, or write a list of names"
            form.error(key, message)
            return None
        if sources == ["at-least"]:
            for key in form.node.entries:
                if key != "at-least":
                    form.error(key, f"`{key}` is for rosters, and cannot stand beside `at-least`")
            return MembersEntry(names=form.names("at-least", "user") or (), exact=False)
        also = form.names("also", "user") or ()
        columns = self._columns(form)
        if sources == ["command"]:
            return self._of_command(form, folder, columns, also)
        if "format" in form:
            form.error("format", "`format` is for the output of a `command`")
        name = form.text("roster")
        path = None if name is None else _roster_path(form, folder, name)
        if path is None or columns is None:
            return None
        try:
            roster = roster_of(self.read_table(path, wanted_columns(columns)), columns)
        except InvalidInput as error:
            form.error("roster", _with_hint(error))
            return None
        return self._members(form, roster, str(path), also)

    def _columns(self, form: FormReader) -> RosterColumns | None:
        try:
            return RosterColumns(
                column=form.text("column") or "", name=form.text("name") or "", where=form.text_mapping("where")
            )
        except InvalidInput as error:
            form.error("name", _with_hint(error))
            return None

    def _of_command(
        self, form: FormReader, folder: Path, columns: RosterColumns | None, also: tuple[str, ...]
    ) -> MembersEntry | None:
        command = form.texts("command")
        if command is None or not (items := form.items("command", "texts")):
            form.error("command", "`command` must be a list of a program and its arguments")
            return None
        format_ = form.text("format") if "format" in form else "csv"
        if format_ not in DELIMITERS:
            form.error("format", f"`format` must be {' or '.join(DELIMITERS)}, not {format_!r}")
            return None
        if columns is None or len(command) < len(items):
            return None
        if self.commands == "refuse":
            form.error("command", f"the command {command[0]!r} runs only with --allow-commands")
            return None
        if self.commands == "skip":
            message = f"the command {command[0]!r} was not run: its members are not checked"
            form.log.warn(form.line("command"), form.message(message))
            return MembersEntry(names=also, unreadable=(message,))
        label = f"output of {command[0]}"
        try:
            output = self.run_command(command, folder)
            table = self.parse_table(output, label, wanted_columns(columns), DELIMITERS[format_])
            roster = roster_of(table, columns)
        except InvalidInput as error:
            form.error("command", _with_hint(error))
            return None
        return self._members(form, roster, label, also)

    def _members(self, form: FormReader, roster: Roster, label: str, also: tuple[str, ...]) -> MembersEntry:
        log = self.logs.of(label)
        unreadable: list[str] = []
        for problem in roster.problems:
            text = f"{problem.value!r}: {problem.reason}" if problem.value else problem.reason
            if problem.names_nobody:
                unreadable.append(f"{label}:{problem.line}: {text}")
                text += "; until it is corrected, nobody leaves the groups of this roster"
            log.warn(problem.line, text)
        folded = {name.lower(): name for name in (*also, *roster.names)}
        return MembersEntry(names=tuple(sorted(folded.values())), unreadable=tuple(unreadable))


def _once(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that is called once with the same arguments, and later returns or raises the same again."""
    results: dict[tuple[object, ...], T | InvalidInput] = {}

    def result(*args: P.args, **kwargs: P.kwargs) -> T:
        key = (*args, *kwargs.items())
        if key not in results:
            try:
                results[key] = function(*args, **kwargs)
            except InvalidInput as error:
                results[key] = error
        found = results[key]
        if isinstance(found, InvalidInput):
            raise found
        return found

    return result


def _roster_path(form: FormReader, folder: Path, name: str) -> Path | None:
    """Return the path of a roster: a regular file below the folder of the state file, also behind links."""
    path = folder / name
    try:
        target = path.resolve()
        if Path(name).is_absolute() or not target.is_relative_to(folder.resolve()):
            form.error("roster", f"the roster {name!r} is not below the folder of the state file: copy it there")
            return None
        if not S_ISREG(target.stat().st_mode):
            form.error("roster", f"the roster {name!r} is not a file")
            return None
    except FileNotFoundError:
        form.error("roster", f"no such roster: {path}")
        return None
    except (OSError, ValueError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        form.error("roster", f"cannot read the roster {name!r}: {reason or error}")
        return None
    return path


def _with_hint(error: InvalidInput) -> str:
    return f"{error}: {error.hint}" if error.hint else str(error)
