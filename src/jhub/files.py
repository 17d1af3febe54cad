"""Small files that must be whole and, where they hold secrets, never readable by others."""

from __future__ import annotations

import glob
import os
import secrets
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from jhub.errors import InvalidInput

T = TypeVar("T")

POSIX = os.name == "posix"
"""Elsewhere modes say nothing of who may read, and a folder cannot be opened."""
DRAFT_SECONDS = 3600
"""A draft that is older was left by a process that was killed."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file for this user's eyes only, whole or not at all.

    It has its final mode from the first moment, and takes the place of the old one in a single step.
    """
    path = path.resolve()  # a link stays a link
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _sweep(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _settle(path.parent)


def write_json(path: Path, value: object) -> None:
    """`write_whole`, of a value that people can read too."""
    write_whole(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_json(path: Path, kind: type[T]) -> T | None:
    """What a file holds; None where there is none. `InvalidInput` names the file, and where in it the damage is."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path} is damaged: {error}", hint="mend it, or move it away and sign in again") from None


def make_private(path: Path) -> None:
    """Take a file's permissions from everybody but its owner, and warn if anybody else had some."""
    try:
        lax = POSIX and path.stat().st_mode & 0o077
    except OSError:
        return  # who reads it will tell
    if not lax:
        return
    try:
        path.chmod(0o600)
    except OSError:
        done = "and that could not be changed"
    else:
        done = "until now: sign in again if that may have done harm"
    warnings.warn(f"others could read {path} {done}", UserWarning, stacklevel=2)


def _sweep(path: Path) -> None:
    """Remove old drafts, which may hold secrets. Not new ones: another process may be at work on them."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > DRAFT_SECONDS:
                draft.unlink()


def _settle(folder: Path) -> None:
    """See that a rename survives a loss of power, where the file system can do that. It is done in any case."""
    if POSIX:
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
