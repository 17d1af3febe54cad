"""Files that commands write: as a whole or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from jhub.errors import Conflict, InvalidInput

PRIVATE, PUBLIC = 0o600, 0o666
"""Modes of a new file: for this user alone, and what the umask leaves."""


def write_file(path: str, text: str, *, overwrite: bool, mode: int = PUBLIC) -> None:
    """Write a text file atomically: a draft replaces the old file, whose mode it keeps, unless the new one is private.

    Raises
    ------
    Conflict
        The file exists, and `overwrite` is false.
    InvalidInput
        Something else than a regular file is there, or the file cannot be written.
    """
    target = Path(os.path.realpath(path))  # a link stays a link
    try:
        if os.path.lexists(target):
            status = target.stat()
            if not stat.S_ISREG(status.st_mode):
                raise InvalidInput(f"{path} is not a regular file")
            if not overwrite:
                raise Conflict(f"{path} exists", hint="to replace it, pass --overwrite")
            old_mode = stat.S_IMODE(status.st_mode) if mode == PUBLIC else mode
        else:
            old_mode = None
        _replace(target, text.encode(), mode, old_mode)
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror or error}") from None


def _replace(target: Path, content: bytes, mode: int, old_mode: int | None) -> None:
    draft = target.with_name(f".jhub-{secrets.token_hex(4)}.part")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(handle)
        if old_mode is not None:
            draft.chmod(old_mode)
        os.replace(draft, target)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
