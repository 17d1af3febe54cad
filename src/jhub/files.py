"""Private files: regular files in folders that only this user can write to, opened without following links.

A user who can write to a folder can put a link, a pipe, a device or a file of their own there. So a folder is opened
first, and its owner and mode are read from the open folder; a file is opened relative to it, and checked after that.
"""

from __future__ import annotations

import glob
import os
import secrets
import shlex
import stat
import sys
import time
import warnings
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from jhub.errors import InvalidInput

T = TypeVar("T")

MAX_DRAFT_AGE_SECONDS = 3600
"""Maximum age of a draft in seconds: an older one was left behind by a killed process."""
MAX_FILE_BYTES = 64 * 2**20
"""Maximum size of a file that is read, in bytes."""
WRITABLE_BY_OTHERS, OPEN_TO_OTHERS = 0o022, 0o077
"""Mode bits of other users: the write permissions, and all permissions."""

SAFE_OPEN_FLAGS = sum(
    getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")
)
"""Flags of `os.open` that prevent following a link, waiting for a pipe and acquiring a controlling terminal."""
FILE_KINDS = (
    (stat.S_ISLNK, "a link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
"""Kinds of files that are not regular, for error messages."""


def base_folder(variable: str, below_home: str) -> Path:
    """Return the folder `jhub` in an XDG base directory: `$VARIABLE`, or the folder `below_home` in the home folder."""
    # The XDG specification requires relative paths to be ignored.
    base = os.environ.get(variable, "")
    try:
        return (Path(base) if os.path.isabs(base) else Path.home() / below_home) / "jhub"
    except RuntimeError:
        raise InvalidInput("this user has no home folder", hint=f"set {variable} to a folder that you own") from None


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents with mode 0700, independent of the umask."""
    if not path.parent.exists():
        make_folder(path.parent)
    with suppress(FileExistsError):  # an existing folder is checked when it is opened
        path.mkdir(mode=0o700)


@contextmanager
def open_own_folder(path: Path) -> Generator[int | None]:
    """Open a folder that this user owns and others cannot write to. Return its descriptor, or None on Windows.

    A link to such a folder is followed, if this user owns the link.

    Raises
    ------
    InvalidInput
        Another user owns the folder or the link, or others can write to the folder.
    OSError
        The folder cannot be opened.
    """
    if sys.platform == "win32":  # a folder cannot be opened
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
    """Return the content of a file of this user, or its last bytes; None if it does not exist.

    If `private` is true and others can read the file, its mode is changed to 0600, with a warning.

    Raises
    ------
    InvalidInput
        It is not a regular file of this user, others can write to it, it is too large, or it cannot be read.
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


def open_private(path: Path) -> int:
    """Open a private file of this user for reading and appending, and return its descriptor. A new one has mode 0600.

    Raises
    ------
    InvalidInput
        It is not a regular file of this user, others can read it or write to it, or it cannot be opened.
    """
    try:
        handle = _open_file(None, path, os.O_RDWR | os.O_APPEND | os.O_CREAT, mode="600")
    except OSError as error:
        raise InvalidInput(f"cannot write {path}: {error.strerror or error}") from None
    if sys.platform != "win32" and os.fstat(handle).st_mode & OPEN_TO_OTHERS:
        os.close(handle)
        raise InvalidInput(f"other users can read {path}", hint=f"run: chmod 600 {shlex.quote(str(path))}")
    return handle


def read_input(path: Path) -> bytes:
    """Return the content of an input file, which may be a link, a pipe or another user's file."""
    with path.open("rb") as file:
        return _check_size(path, file.read(MAX_FILE_BYTES + 1))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a private file atomically: a draft with mode 0600 replaces the old file.

    Raises
    ------
    InvalidInput
        The old file is not a regular file of this user, or others can write to it or to its folder.
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
            with suppress(OSError):  # the rename is done; this makes it survive a power failure
                os.fsync(folder)


def write_json(path: Path, value: object) -> None:
    """Write a value to a private file atomically, as indented JSON."""
    write_atomically(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def read_json(path: Path, kind: type[T], *, private: bool = False) -> T | None:
    """Return the value in a JSON file of this user; None if it does not exist.

    Raises
    ------
    InvalidInput
        The file is damaged (the message has the place), or `read_own_file` rejects it.
    """
    content = read_own_file(path, private=private)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidInput(f"{path} is damaged: {error}", hint="fix it, or move it away and sign in again") from None


@contextmanager
def file_lock(path: Path, seconds: float) -> Generator[None]:
    """Hold the lock file `path`. Raise `TimeoutError` if another process holds it for longer than `seconds`."""
    if sys.platform == "win32":
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
    """Return the descriptor of an open file that holds the lock `path`, or None after `seconds`.

    Not on Windows. The system releases the lock when the process ends. The file is neither emptied nor deleted, so that
    all processes lock the same file.
    """
    if sys.platform == "win32":
        raise OSError("files are locked by other means on Windows")
    import fcntl

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
    """Return a file's name relative to its open folder, or the whole path if the folder is not open."""
    return str(path) if folder is None else path.name


def _open_file(folder: int | None, path: Path, flags: int, *, mode: str) -> int:
    """Open a regular file of this user."""
    name = _name_in_folder(folder, path)
    try:
        # The first check does not open the file, because opening has side effects on some devices.
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
        hint = "move it away, or replace it with a file that you own"
        if stat.S_ISLNK(status.st_mode):
            hint = f"replace the link with the file itself; the folder {path.parent} may be a link that you own"
        raise InvalidInput(f"{path} is {kind}, not a regular file", hint=hint)
    _check(path, status, mode=mode)


def _check(path: Path, status: os.stat_result, *, mode: str) -> None:
    """Raise `InvalidInput` if another user owns a file or folder, or if others can write to it."""
    if sys.platform == "win32":  # the mode does not show who may read a file
        return
    _check_owner(path, status)
    if status.st_mode & WRITABLE_BY_OTHERS:
        raise InvalidInput(
            f"other users can write to {path}",
            hint=f"check its contents, which may not be yours, then run: chmod {mode} {shlex.quote(str(path))}",
        )


def _check_owner(path: Path, status: os.stat_result) -> None:
    if sys.platform == "win32":
        return
    uid = os.geteuid()
    if status.st_uid == uid:
        return
    owner = _user_name(status.st_uid)
    if uid == 0:
        hint = f"run jhub as {owner}; with sudo, use sudo -H, which selects root's own folder"
    else:
        hint = f"to take it over, run: sudo chown -R {_user_name(uid)} {shlex.quote(str(path))}"
    raise InvalidInput(f"{path} belongs to {owner}, but jhub runs as {_user_name(uid)}", hint=hint)


def _user_name(user: int) -> str:
    if sys.platform == "win32":
        return f"the user with the id {user}"
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"the user with the id {user}"


def _make_private(path: Path, handle: int) -> None:
    """Change the mode of an open file to 0600 if other users have permissions, and warn about it."""
    status = os.fstat(handle)
    if sys.platform == "win32" or not status.st_mode & OPEN_TO_OTHERS:
        return
    if status.st_nlink > 1:
        # The mode applies to the other hard links too.
        raise InvalidInput(
            f"other users can read {path}, and it has other hard links",
            hint="replace it with a copy, and run chmod 600 on the copy",
        )
    try:
        os.fchmod(handle, 0o600)
    except OSError:
        text = f"other users can read {path}, and its mode could not be changed"
    else:
        text = f"other users could read {path} until now; sign in again if somebody may have copied it"
    warnings.warn(text, UserWarning, stacklevel=2)


def _check_size(path: Path, content: bytes) -> bytes:
    if len(content) > MAX_FILE_BYTES:
        raise InvalidInput(f"{path} is larger than {MAX_FILE_BYTES >> 20} MiB")
    return content


def _remove_old_drafts(folder: int | None, path: Path) -> None:
    """Remove old drafts, which may contain secrets; another process may still write a new one."""
    for draft in path.parent.glob(f".{glob.escape(path.name)}.*.draft"):
        with suppress(OSError):
            name = _name_in_folder(folder, draft)
            if time.time() - os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime > MAX_DRAFT_AGE_SECONDS:
                os.unlink(name, dir_fd=folder)
