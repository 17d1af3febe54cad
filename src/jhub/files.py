"""Files of this user: regular ones in a folder that nobody else may write to, opened without following links.

Whoever may write to a folder can put a link, a pipe, a device or a file of their own there. So a folder is opened
first, and what it is is looked up on the open folder; a file is opened relative to it, and checked when it is open.
"""

from __future__ import annotations

import glob
import os
import secrets
import shlex
import stat
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from jhub.errors import InvalidInput

T = TypeVar("T")

POSIX = os.name == "posix"
"""Elsewhere modes say nothing of who may read, and a folder cannot be opened."""
MAX_DRAFT_AGE_SECONDS = 3600
"""A draft that is older was left by a process that was killed."""
MAX_FILE_BYTES = 64 * 2**20
"""Largest content that is read."""
WRITABLE_BY_OTHERS, OPEN_TO_OTHERS = 0o022, 0o077

SAFE_OPEN_FLAGS = sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")
)
"""Flags by which no link is followed, no pipe waited for, and no terminal taken over."""
FILE_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def base_folder(variable: str, below_home: str) -> Path:
    """Return the folder `jhub` in an XDG base directory: in `$VARIABLE`, else in that one below the home folder."""
    # The specification says to ignore a relative value.
    base = os.environ.get(variable, "")
    try:
        return (Path(base) if os.path.isabs(base) else Path.home() / below_home) / "jhub"
    except RuntimeError:
        raise InvalidInput("this user has no home folder", hint=f"set {variable} to a folder of yours") from None


def make_folder(path: Path) -> None:
    """Make a folder, and those above it that are missing, for this user only: whatever the umask."""
    if not path.parent.exists():
        make_folder(path.parent)
    with suppress(FileExistsError):  # what stands there is looked at when it is opened
        path.mkdir(mode=0o700)


@contextmanager
def open_own_folder(path: Path) -> Generator[int | None]:
    """Open a folder of this user that nobody else may write to: its descriptor, or None outside of POSIX.

    Where the user made a link to such a folder, that counts. `InvalidInput` for another's folder or link, and for one
    that others may write to; `OSError` where it cannot be opened.
    """
    if not POSIX:
        yield None
        return
    if stat.S_ISLNK((status := path.lstat()).st_mode):
        _check_owner(path, status)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _check(path, os.fstat(handle), mode="go-w")
        yield handle
    finally:
        os.close(handle)


def read_own_file(path: Path, *, private: bool = False, last_bytes: int | None = None) -> bytes | None:
    """Return the content of a file of this user, or its end; None where there is no such file.

    A private file that others may read is closed to them, with a warning. `InvalidInput` for whatever is not a regular
    file of this user, for a file that others may write to, and for one that is too large.
    """
    try:
        with open_own_folder(path.parent) as folder:
            handle = _open_file(folder, path, os.O_RDONLY, mode="600" if private else "go-w")
        with os.fdopen(handle, "rb") as file:
            if private:
                _make_private(path, handle)
            if last_bytes is not None:
                file.seek(max(0, os.fstat(handle).st_size - last_bytes))
                return file.read(last_bytes)
            return _check_size(path, file.read(MAX_FILE_BYTES + 1))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from None


def read_input(path: Path) -> bytes:
    """Return what a person names as input: a file of anybody, through a link or from a pipe too."""
    with path.open("rb") as file:
        return _check_size(path, file.read(MAX_FILE_BYTES + 1))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file for this user's eyes only, whole or not at all.

    It has its final mode from the first moment, and takes the place of the old one in a single step. What is not a
    regular file of this user is not replaced: `InvalidInput`.
    """
    make_folder(path.parent)
    with open_own_folder(path.parent) as folder:
        with suppress(FileNotFoundError):
            _check_file(path, os.stat(_name_in_folder(folder, path), dir_fd=folder, follow_symlinks=False), mode="go-w")
        _remove_old_drafts(folder, path)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.draft")
        handle = os.open(
            _name_in_folder(folder, draft), os.O_WRONLY | os.O_CREAT | os.O_EXCL | SAFE_OPEN_FLAGS, 0o600, dir_fd=folder
        )
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(handle)
            os.replace(
                _name_in_folder(folder, draft), _name_in_folder(folder, path), src_dir_fd=folder, dst_dir_fd=folder
            )
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(_name_in_folder(folder, draft), dir_fd=folder)
            raise
        if folder is not None:
            with suppress(OSError):  # the rename is done in any case; this is for a loss of power
                os.fsync(folder)


def write_json(path: Path, value: object) -> None:
    """`write_atomically`, of a value that people can read too."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_json(path: Path, kind: type[T], *, private: bool = False) -> T | None:
    """What a file holds; None where there is none. `InvalidInput` names the file, and where in it the damage is."""
    content = read_own_file(path, private=private)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path} is damaged: {error}", hint="mend it, or move it away and sign in again") from None


@contextmanager
def file_lock(path: Path, seconds: float) -> Generator[None]:
    """Hold the lock `path`. `TimeoutError` where another process holds it for longer than `seconds`."""
    if not POSIX:
        import filelock

        try:
            with filelock.FileLock(path, timeout=seconds):
                yield
        except filelock.Timeout:
            raise TimeoutError from None
        return
    descriptor = acquire_lock(path, seconds)
    if descriptor is None:
        raise TimeoutError
    try:
        yield
    finally:
        os.close(descriptor)


def acquire_lock(path: Path, seconds: float) -> int | None:
    """Return an open file that holds the lock `path`, or None. The system lets go of it when its process dies.

    POSIX only. The file is neither emptied nor deleted, so that all processes lock the same one.
    """
    import fcntl  # not on Windows, where importing this module must work all the same

    with open_own_folder(path.parent) as folder:
        descriptor = _open_file(folder, path, os.O_RDWR | os.O_CREAT, mode="go-w")
    deadline = time.monotonic() + seconds
    try:
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            if time.monotonic() >= deadline:
                os.close(descriptor)
                return None
            time.sleep(0.05)
    except BaseException:
        with suppress(OSError):
            os.close(descriptor)
        raise


def _name_in_folder(folder: int | None, path: Path) -> str:
    """A file's name relative to the open folder that it is in."""
    return str(path) if folder is None else path.name


def _open_file(folder: int | None, path: Path, flags: int, *, mode: str) -> int:
    """Open a regular file of this user."""
    name = _name_in_folder(folder, path)
    try:
        # First without opening it, which does something to some devices.
        _check_file(path, os.stat(name, dir_fd=folder, follow_symlinks=False), mode=mode)
    except FileNotFoundError:
        if not flags & os.O_CREAT:
            raise
    handle = os.open(name, flags | SAFE_OPEN_FLAGS, 0o600, dir_fd=folder)
    try:
        _check_file(path, os.fstat(handle), mode=mode)
    except BaseException:
        os.close(handle)
        raise
    return handle


def _check_file(path: Path, status: os.stat_result, *, mode: str) -> None:
    if not stat.S_ISREG(status.st_mode):
        kind = next((name for is_kind, name in FILE_KINDS if is_kind(status.st_mode)), "something else")
        hint = "move it away, or put a file of yours in its place"
        if stat.S_ISLNK(status.st_mode):
            hint = f"put the file itself in its place; the folder {path.parent} may be a link of yours"
        raise InvalidInput(f"{path} is {kind}, and has to be a regular file", hint=hint)
    _check(path, status, mode=mode)


def _check(path: Path, status: os.stat_result, *, mode: str) -> None:
    """`InvalidInput` for what another user owns, and for what others may write to."""
    if not POSIX:
        return
    _check_owner(path, status)
    if status.st_mode & WRITABLE_BY_OTHERS:
        raise InvalidInput(
            f"others may write to {path}: what is in it may not be yours",
            hint=f"look at it, then: chmod {mode} {shlex.quote(str(path))}",
        )


def _check_owner(path: Path, status: os.stat_result) -> None:
    uid = os.geteuid()
    if status.st_uid == uid:
        return
    owner = _user_name(status.st_uid)
    if uid == 0:
        hint = f"run this as {owner}; with sudo: sudo -H takes root's own folder"
    else:
        hint = f"if it is to be yours: sudo chown -R {_user_name(uid)} {shlex.quote(str(path))}"
    raise InvalidInput(f"{path} belongs to {owner}, and this runs as {_user_name(uid)}", hint=hint)


def _user_name(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"the user with the number {user}"


def _make_private(path: Path, handle: int) -> None:
    """Take the permissions on an open file from everybody but its owner, and warn if anybody else had some."""
    status = os.fstat(handle)
    if not (POSIX and status.st_mode & OPEN_TO_OTHERS):
        return
    if status.st_nlink > 1:
        # Its mode is that of its other names too.
        raise InvalidInput(
            f"others may read {path}, which is the same file as another one (a hard link)",
            hint="put a copy in its place, and close that: chmod 600",
        )
    try:
        os.fchmod(handle, 0o600)
    except OSError:
        result = "and that could not be changed"
    else:
        result = "until now: sign in again if that may have done harm"
    warnings.warn(f"others could read {path} {result}", UserWarning, stacklevel=2)


def _check_size(path: Path, content: bytes) -> bytes:
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInput(f"{path} holds more than {MAX_FILE_BYTES >> 20} MiB")
    return content


def _remove_old_drafts(folder: int | None, path: Path) -> None:
    """Remove old drafts, which may hold secrets. Not new ones: another process may be at work on them."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
        with suppress(OSError):
            name = _name_in_folder(folder, draft)
            if time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime > MAX_DRAFT_AGE_SECONDS:
                os.unlink(name, dir_fd=folder)
