"""Loader and checker of state files."""

from __future__ import annotations

import os
from pathlib import Path
from stat import S_ISREG

from jhub.errors import InvalidInput
from jhub.profiles.problems import UnreadableFile
from jhub.state.document import Document
from jhub.state.files.document_reader import DocumentReader
from jhub.state.files.file_problems import CheckResult, FileLogs
from jhub.state.files.json_reader import parse_json
from jhub.state.files.member_sources import Commands
from jhub.state.files.yaml_reader import parse_yaml

MAX_FILE_BYTES = 50_000_000
"""Maximum size of a state file in bytes."""
MAX_ERRORS_SHOWN = 20
"""Maximum number of errors in the message of an exception."""
UTF_16_STARTS = (b"\xff\xfe", b"\xfe\xff")
"""Byte order marks of UTF-16."""


def load(*paths: str | Path, allow_commands: bool = False) -> Document:
    """Return the document in state files, and in the rosters that they name.

    A file is YAML, or JSON if its name ends with `.json`. Several files are one document. With `allow_commands`, the
    commands in the files are run, in the folder of the file, without a shell, and for 60 seconds at most.

    Raises
    ------
    InvalidInput
        With all errors and their lines.
    """
    result = _check(paths, "run" if allow_commands else "refuse")
    if result.document is None:
        shown = "; ".join(f"{each.place}: {each.message}" for each in result.errors[:MAX_ERRORS_SHOWN])
        more = len(result.errors) - MAX_ERRORS_SHOWN
        hint = "jhub validate FILE lists all" if more > 0 else ""
        raise InvalidInput(f"{shown}; and {more} more" if more > 0 else shown, hint=hint)
    return result.document


def check(*paths: str | Path, allow_commands: bool = False) -> CheckResult:
    """Check state files, and return the document with all problems, also warnings.

    Without `allow_commands`, a command in a file is not run, which is a warning.
    """
    return _check(paths, "run" if allow_commands else "skip")


def _check(paths: tuple[str | Path, ...], commands: Commands) -> CheckResult:
    if not paths:
        raise InvalidInput("no state file is named")
    logs = FileLogs()
    reader = DocumentReader(logs, commands)
    for path in dict.fromkeys(map(str, paths)):
        log = logs.of(path)
        try:
            text = _read_text(path)
            root = parse_json(text, log) if path.lower().endswith(".json") else parse_yaml(text, log)
        except UnreadableFile as error:
            log.error(error.problem.line, error.problem.message)
        else:
            reader.read(path, root)
    problems = tuple(logs.problems())
    has_errors = any(problem.severity == "error" for problem in problems)
    return CheckResult(document=None if has_errors else reader.document(), problems=problems)


def _read_text(path: str) -> str:
    """Return the text of a file. Raises UnreadableFile if it cannot be read."""
    try:
        # Opening a pipe would block, and a pipe may replace the file after any earlier check.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | getattr(os, "O_NONBLOCK", 0))) as stream:
            if not S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise UnreadableFile(0, "not a file")
            data = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        raise UnreadableFile(0, "no such file") from None
    except IsADirectoryError:
        raise UnreadableFile(0, "not a file") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UnreadableFile(0, f"cannot be read: {reason or error}") from None
    if len(data) > MAX_FILE_BYTES:
        raise UnreadableFile(0, f"the file is too large: more than {MAX_FILE_BYTES} bytes")
    if data.startswith(UTF_16_STARTS):
        raise UnreadableFile(1, "the file is UTF-16: save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableFile(data.count(b"\n", 0, error.start) + 1, "not UTF-8: save the file as UTF-8") from None
