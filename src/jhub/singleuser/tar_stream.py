"""Files and folders as a tar stream: reading a tree, encoding it, decoding it, and writing it.

This file runs on both ends of a copy: here, and as a program in a server. So it needs nothing but the standard library
of Python 3.8. Neither end believes what it gets.
"""

from __future__ import annotations

import os
import secrets
import stat
import sys
import tarfile
from contextlib import suppress
from typing import IO, TYPE_CHECKING, NamedTuple, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

READ_BYTES = 2**20
"""Number of bytes that are read from a file at a time."""
BUFFER_BYTES = 2**16
"""Number of bytes that are read from a stream at a time."""
MAX_HEADER_BYTES = 2**20
"""Maximum number of bytes before the content of a file. `tarfile` loads them into memory."""
MODE_BITS = 0o755
"""Bits of a mode that are kept: neither set-user-ID and the like, nor write permissions of other users."""


class Member(NamedTuple):
    """A file, folder or link of a tree."""

    names: tuple[str, ...]
    """The names of the folders that it is in, and its own; empty for the top folder itself."""
    kind: str
    """"file", "folder", "link", or "other" for a device and the like, which is never created."""
    mode: int
    modified: float
    """The time of the last change, in seconds since 1970."""
    size: int
    """The number of bytes in `content`."""
    target: str
    """What a link leads to."""
    content: Iterator[bytes]


class Written(NamedTuple):
    """What `write` has done."""

    files: int
    """The number of files and links that were written."""
    conflicts: list[str]
    """The paths in the folder that were left as they are, because something exists there."""


def tree(path: str, name: str = "") -> Iterator[Member]:
    """Yield what is in a folder, with the folder itself first; or one file, which gets a name."""
    path = os.path.realpath(path)
    waiting = [(path, () if os.path.isdir(path) else (name or os.path.basename(path),))]
    while waiting:
        found, names = waiting.pop()
        status = os.lstat(found)
        mode, size, target = stat.S_IMODE(status.st_mode), 0, ""
        content: Iterator[bytes] = iter(())
        kind = "other"
        if stat.S_ISDIR(status.st_mode):
            kind = "folder"
            waiting += [(os.path.join(found, each), (*names, each)) for each in sorted(os.listdir(found), reverse=True)]
        elif stat.S_ISLNK(status.st_mode):
            kind, target = "link", os.readlink(found)
        elif stat.S_ISREG(status.st_mode):
            kind, size = "file", status.st_size
            content = _content(found, size)
        yield Member(names, kind, mode, status.st_mtime, size, target, content)


def _content(path: str, size: int) -> Iterator[bytes]:
    """Yield as many bytes as the file had at first: it may grow."""
    with open(path, "rb") as file:
        while size:
            part = file.read(min(size, READ_BYTES))
            if not part:
                raise ValueError(f"{path} became shorter while it was read")
            size -= len(part)
            yield part


def encode(members: Iterable[Member]) -> Iterator[bytes]:
    """Yield the tar stream of a tree."""
    kinds = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "other": tarfile.FIFOTYPE}
    for member in members:
        info = tarfile.TarInfo("/".join(member.names) or ".")
        info.type, info.mode, info.mtime = kinds[member.kind], member.mode, cast("int", member.modified)
        info.size, info.linkname = member.size, member.target
        # The file is opened before its header is sent.
        first = next(member.content, b"")
        yield info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")
        yield first
        yield from member.content
        yield bytes(-member.size % tarfile.BLOCKSIZE)
    yield bytes(2 * tarfile.BLOCKSIZE)


class _Stream:
    """The parts of a stream as a file, with a limit of what may be read of it."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = iter(parts)
        self._rest = memoryview(b"")
        self.allowed = 0

    def read(self, size: int) -> bytes:
        """Return as many bytes; fewer at the end."""
        found = bytearray()
        while len(found) < size:
            if not self._rest:
                part = next(self._parts, None)
                if part is None:
                    break
                self._rest = memoryview(part)
            taken = self._rest[: size - len(found)]
            self._rest = self._rest[len(taken) :]
            found += taken
        self.allowed -= len(found)
        if self.allowed < 0:
            raise ValueError("the archive is damaged: it has too much beside its files")
        return bytes(found)


def decode(parts: Iterable[bytes]) -> Iterator[Member]:
    """Yield the members of a tar stream. The content of each must be read before the next. `ValueError` for others."""
    stream = _Stream(parts)
    allowance = MAX_HEADER_BYTES + BUFFER_BYTES
    stream.allowed = allowance
    try:
        archive = tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=BUFFER_BYTES)  # noqa: SIM115
        while True:
            stream.allowed = allowance
            info = archive.next()
            if info is None:
                break
            archive.members = []  # type: ignore[attr-defined] # it would keep all of them
            member = _checked(info, _content_in(archive, info))
            stream.allowed += member.size
            yield member
    except tarfile.TarError as error:
        raise ValueError(f"the archive is damaged: {error}") from None
    while stream.read(BUFFER_BYTES):  # until the sender has come to its end
        pass


def _content_in(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    file = archive.extractfile(info) if info.isreg() else None
    while file is not None:
        try:
            part = file.read(READ_BYTES)
        except tarfile.TarError as error:
            raise ValueError(f"the archive is damaged: {error}") from None
        if not part:
            break
        yield part


def _checked(info: tarfile.TarInfo, content: Iterator[bytes]) -> Member:
    """Return a member whose name stays in its folder. What is not a file, folder or symbolic link is "other"."""
    names = tuple(name for name in info.name.split("/") if name not in ("", "."))
    if info.name.startswith("/") or ".." in names or "\0" in info.name:
        raise ValueError(f"the archive has the unsafe name {info.name!r}")
    kind = "other"
    if info.isdir():
        kind = "folder"
    elif info.isreg() and not info.issparse() and names:
        kind = "file"
    elif info.issym() and names:
        kind = "link"
    size = info.size if kind == "file" else 0
    target = info.linkname if kind == "link" else ""
    return Member(names, kind, info.mode, float(info.mtime), size, target, content if size else iter(()))


def leads_outside(member: Member) -> bool:
    """Return whether a link may lead out of the tree.

    One that stays in it begins with as many `..` as it has folders around it, or fewer, and has no others: `a/..` is
    somewhere else where `a` is a link.
    """
    target = member.target
    if not target or target.startswith(("/", "\\")) or "\0" in target or (os.name == "nt" and ":" in target):
        return True
    names = [name for name in target.replace("\\", "/").split("/") if name not in ("", ".")]
    up = 0
    while up < len(names) and names[up] == "..":
        up += 1
    return up >= len(member.names) or ".." in names[up:]


def write(members: Iterable[Member], folder: str, overwrite: bool) -> Written:
    """Write a tree into a folder. Each file arrives as a whole, and nothing is written through a link."""
    count = 0
    conflicts: list[str] = []
    folders: list[tuple[str, Member]] = []
    existed = os.path.isdir(folder)
    os.makedirs(folder, exist_ok=True)
    for member in members:
        path = os.path.join(folder, *member.names)
        depth = len(member.names) if member.kind == "folder" else len(member.names) - 1
        if not _make_folders(folder, member.names[:depth]):
            conflicts.append("/".join(member.names))
        elif member.kind == "folder":
            if member.names or not existed:
                folders.append((path, member))
        elif member.kind == "other" or (member.kind == "link" and leads_outside(member)):
            pass
        elif os.path.lexists(path) and (not overwrite or (os.path.isdir(path) and not os.path.islink(path))):
            conflicts.append("/".join(member.names))
        else:
            _write(member, path, overwrite)
            count += 1
        for _ in member.content:  # of one that was left out
            pass
    for path, member in reversed(folders):  # a file that is written into a folder changes its time
        _set_properties(path, member, 0o700)
    return Written(count, conflicts)


def _make_folders(folder: str, names: tuple[str, ...]) -> bool:
    """Create the folders below another one. Return False if there is something else, such as a link, in their place."""
    for name in names:
        folder = os.path.join(folder, name)
        with suppress(FileExistsError):
            os.mkdir(folder)
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            return False
    return True


def _write(member: Member, path: str, overwrite: bool) -> None:
    """Write a file or a link beside its place, and move it there."""
    draft = os.path.join(os.path.dirname(path), f".jhub-{secrets.token_hex(4)}.part")
    try:
        if member.kind == "link":
            os.symlink(member.target, draft)
        else:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
            with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
                for part in member.content:
                    file.write(part)
            _set_properties(draft, member, 0)
        _move(draft, path, overwrite)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(draft)


def _set_properties(path: str, member: Member, needed: int) -> None:
    """Give a file its mode and its time, as far as the file system has them."""
    with suppress(OSError):
        os.chmod(path, member.mode & MODE_BITS | needed)
    with suppress(ValueError, OverflowError, OSError):  # not a time
        os.utime(path, (member.modified, member.modified))


def _move(draft: str, path: str, overwrite: bool) -> None:
    """Give a file its real name."""
    if not overwrite:
        try:
            os.link(draft, path, follow_symlinks=sys.platform == "win32")  # fails if the file exists by now
        except FileExistsError:
            raise ValueError(f"{path} exists") from None
        except (OSError, NotImplementedError):  # file systems such as FAT have no links
            if os.path.lexists(path):
                raise ValueError(f"{path} exists") from None
        else:
            return
    os.replace(draft, path)
