"""Members of a group from a roster: a file beside the state file, or the output of a command."""

from __future__ import annotations

from pathlib import Path
from stat import S_ISREG
from typing import Literal, TypeAlias

from jhub.errors import InvalidInput
from jhub.state.document import MembersEntry
from jhub.state.file_problems import FileLogs
from jhub.state.form_reader import FormReader
from jhub.state.roster_command import run_command
from jhub.state.rosters import Roster, RosterColumns, parse_roster, read_roster

Commands: TypeAlias = Literal["run", "skip", "refuse"]
"""Treatment of roster commands: they run, they are skipped with a warning, or they are errors."""
SOURCES = ("at-least", "roster", "command")
"""Keys of `members`, of which there must be one."""
DELIMITERS = {"csv": None, "tsv": "\t"}
"""Delimiters of the formats that a command prints; None to find it."""


class MemberReader:
    """A reader of the mapping at `members`."""

    def __init__(self, logs: FileLogs, file: Path, commands: Commands) -> None:
        """Read from a state file; rosters have logs of their own."""
        self.logs = logs
        self.folder = file.parent
        self.commands: Commands = commands

    def read(self, form: FormReader) -> MembersEntry | None:
        """Return the members; None if they were reported."""
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
            return self._of_command(form, columns, also)
        if "format" in form:
            form.error("format", "`format` is for the output of a `command`")
        name = form.text("roster")
        path = None if name is None else self._roster_path(form, name)
        if path is None or columns is None:
            return None
        try:
            roster = read_roster(path, columns)
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

    def _roster_path(self, form: FormReader, name: str) -> Path | None:
        """Return the path of a roster: a regular file below the folder of the state file, also behind links."""
        path = self.folder / name
        try:
            target = path.resolve()
            if Path(name).is_absolute() or not target.is_relative_to(self.folder.resolve()):
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

    def _of_command(
        self, form: FormReader, columns: RosterColumns | None, also: tuple[str, ...]
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
            output = run_command(command, self.folder)
            roster = parse_roster(output, columns, label=label, delimiter=DELIMITERS[format_])
        except InvalidInput as error:
            form.error("command", _with_hint(error))
            return None
        return self._members(form, roster, label, also)

    def _members(self, form: FormReader, roster: Roster, label: str, also: tuple[str, ...]) -> MembersEntry:
        log = self.logs.of(label)
        unreadable: list[str] = []
        for problem in roster.problems:
            text = f"{problem.value!r}: {problem.reason}" if problem.value else problem.reason
            if problem.kind in ("invalid", "blank"):
                unreadable.append(f"{label}:{problem.line}: {text}")
                text += "; until it is corrected, nobody leaves the groups of this roster"
            log.warn(problem.line, text)
        folded = {name.lower(): name for name in (*also, *roster.names)}
        return MembersEntry(names=tuple(sorted(folded.values())), unreadable=tuple(unreadable))


def _with_hint(error: InvalidInput) -> str:
    return f"{error}: {error.hint}" if error.hint else str(error)
