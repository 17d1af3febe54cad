"""Places that `jhub cp` copies between: this machine, and servers. What comes from a server is not trusted."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryFile, gettempdir
from threading import Lock
from typing import IO, TYPE_CHECKING, NamedTuple

from jhub.cli.copy_progress import CopyProgress
from jhub.cli.kit.output import names_shown, note
from jhub.errors import Conflict, HubBroken, HubError, InvalidInput, NotFound
from jhub.singleuser.tar_stream import Member, decode, encode, tree, write

if TYPE_CHECKING:
    from jhub import FileInfo, SingleUser

MAX_DEPTH = 64
"""Maximum depth of folders: what a server lists may never end."""
READ_BYTES = 2**20
"""Number of bytes that are read from a local file at a time."""
MAX_COMPARED_BYTES = 64 * 2**20
"""Size in bytes up to which --update compares the content of files by their hash, for which a server loads the file."""
RESERVED = {"CON", "PRN", "AUX", "NUL", *(f"{device}{n}" for device in ("COM", "LPT") for n in range(1, 10))}
"""Names of devices on Windows, which no file may have there."""


class Found(NamedTuple):
    """A file that is to be copied."""

    path: str
    """The path in its place."""
    names: tuple[str, ...]
    """The names below the folder that is copied; empty for a file that is named itself."""
    is_folder: bool = False
    """True for an empty folder, which is created."""
    size: int | None = None
    """The number of bytes, if it is known."""


class Limits:
    """The limits of what is copied, and what has been."""

    def __init__(self, max_files: int, max_bytes: int) -> None:
        self.max_files, self.max_bytes = max_files, max_bytes
        self.files = self.bytes = 0
        self.reached = False

    def count_file(self) -> None:
        """Count a file. `InvalidInput` above the maximum."""
        self.files += 1
        if self.files > self.max_files:
            self.reached = True
            raise InvalidInput(f"more than {self.max_files} files", hint="raise the limit with --max-files")

    def counted(self, parts: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the parts of a file. `InvalidInput` above the maximum number of bytes."""
        for part in parts:
            self.count_bytes(len(part))
            yield part

    def stop(self) -> None:
        """Let no more bytes through."""
        self.max_bytes = -1

    def count_bytes(self, size: int) -> None:
        """Count bytes. `InvalidInput` above the maximum."""
        self.bytes += size
        if self.bytes > self.max_bytes:
            self.reached = True
            raise InvalidInput(f"more than {self.max_bytes} bytes", hint="raise the limit with --max-size")


class LocalPlace:
    """The machine that jhub runs on."""

    def label(self, path: str) -> str:
        """Return a path as on the command line."""
        return path

    def name(self, path: str) -> str:
        """Return the last name in a path."""
        return os.path.basename(path.rstrip(os.sep + (os.altsep or "")))

    def join(self, path: str, names: tuple[str, ...]) -> str:
        """Return a path below a folder."""
        return str(Path(path, *map(checked_name, names)))

    def kind(self, path: str) -> str:
        """Return "file", "folder", or "" where nothing is."""
        with _named_errors(path):
            try:
                mode = os.stat(path).st_mode
            except (FileNotFoundError, NotADirectoryError):
                return ""
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise InvalidInput(f"{path} is not a regular file")
        return "folder" if stat.S_ISDIR(mode) else "file"

    def walk(self, path: str, names: tuple[str, ...] = ()) -> Iterator[Found]:
        """Yield the files in a folder and below. Hidden files, links and devices are left out, with a note."""
        with _named_errors(path), os.scandir(path) as entries:
            found = sorted(entries, key=lambda each: each.name)
        is_empty = True
        for entry in found:
            below = (*names, entry.name)
            is_folder = entry.is_dir(follow_symlinks=False)
            if entry.name.startswith("."):
                note(f"skipped {entry.path}: hidden")
                continue
            if not is_folder and not entry.is_file(follow_symlinks=False):
                note(f"skipped {entry.path}: not a regular file")
                continue
            is_empty = False
            if is_folder:
                yield from self.walk(entry.path, below)
            else:
                yield Found(entry.path, below, size=entry.stat(follow_symlinks=False).st_size)
        if is_empty:
            yield Found(path, names, is_folder=True)

    def parts(self, path: str) -> Iterator[bytes]:
        """Yield the content of a file."""
        with _named_errors(path), open(path, "rb") as file:
            while part := file.read(READ_BYTES):
                yield part

    def send(self, path: str, to: ServerPlace, to_path: str, limits: Limits, name: str, *, overwrite: bool) -> None:
        """Send a file to a server, without a copy on this machine."""
        with _named_errors(path), open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            limits.count_bytes(size)
            with CopyProgress(name, size) as progress:
                to.put(to_path, progress.watched(file), overwrite=overwrite)

    def make_folder(self, path: str, root: str) -> None:
        """Create a folder. No folder below `root` may be a link."""
        _check_links(Path(root), Path(path))
        with _named_errors(path):
            Path(path).mkdir(parents=True, exist_ok=True)

    def parent(self, path: str) -> str:
        """Return the folder that a path is in."""
        return os.path.dirname(path) or "."

    def members(self, path: str) -> Generator[Member]:
        """Yield everything in a folder, hidden files and links too; or one file."""
        if not os.path.exists(path):
            raise NotFound("not found", about=path, status=404)
        with _named_errors(path):
            yield from tree(path)

    def unpack(self, folder: str, members: Iterator[Member], *, overwrite: bool) -> int:
        """Write a tree into a folder, and return the number of files and links."""
        with _named_errors(folder):
            written = write(members, folder, overwrite)
        if written.conflicts:
            names = names_shown(written.conflicts)
            message = f"these exist, and are left as they are: {names}; the others are copied"
            raise Conflict(message, about=folder, hint="to replace files, pass --overwrite")
        return written.files

    def write(self, path: str, parts: Iterable[bytes], root: str, *, overwrite: bool) -> None:
        """Write a file as a whole or not at all. No folder below `root` may be a link."""
        target = Path(path)
        _check_links(Path(root), target.parent)
        check_is_file(path)
        with _named_errors(path):
            if os.path.lexists(target) and not overwrite:
                raise Conflict("the file exists", about=path, hint="to replace it, pass --overwrite or --update")
            target.parent.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".jhub-{secrets.token_hex(4)}.part")
            try:
                with open(draft, "xb") as file:
                    _write_behind(file, parts)
                _move(draft, target, overwrite=overwrite)
            finally:
                with suppress(FileNotFoundError):
                    draft.unlink()

    def digest(self, path: str) -> str:
        """Return the SHA-256 of a file; empty for a large one."""
        with _named_errors(path):
            if os.path.getsize(path) > MAX_COMPARED_BYTES:
                return ""
        digest = hashlib.sha256()
        for part in self.parts(path):
            digest.update(part)
        return digest.hexdigest()


class ServerPlace:
    """A user's server."""

    def __init__(self, server: SingleUser, name: str) -> None:
        self._files = server.files
        self._name = name
        self._first_file = Lock()
        self._used_folders: set[str] = set()

    def label(self, path: str) -> str:
        """Return a path as on the command line."""
        return f"{self._name}:{path}"

    def name(self, path: str) -> str:
        """Return the last name in a path."""
        return path.rpartition("/")[2]

    def join(self, path: str, names: tuple[str, ...]) -> str:
        """Return a path below a folder."""
        return "/".join((path.strip("/"), *names)).strip("/")

    def kind(self, path: str) -> str:
        """Return "file", "folder", or "" where nothing is."""
        if not path.strip("/"):
            return "folder"
        try:
            info = self._files.info(path)
        except NotFound:
            return ""
        return "folder" if info.is_directory else "file"

    def walk(self, path: str, names: tuple[str, ...] = ()) -> Iterator[Found]:
        """Yield the files in a folder and the folders in it, as far as the server shows them."""
        if len(names) > MAX_DEPTH:
            raise HubBroken(f"more than {MAX_DEPTH} folders are inside each other", about=self.label(path))
        entries = list(self._files.list(path))
        if not entries:
            yield Found(path, names, is_folder=True)
        for info in entries:
            inner = self.join(path, (info.name,))
            if info.is_directory:
                yield from self.walk(inner, (*names, info.name))
            else:
                yield Found(inner, (*names, info.name), size=info.size)

    def parts(self, path: str) -> Iterator[bytes]:
        """Yield the content of a file."""
        return iter(self._files.read(path))

    def write(self, path: str, parts: Iterable[bytes], root: str, *, overwrite: bool) -> None:
        """Write a file as a whole or not at all, and check the result."""
        with _named_errors(gettempdir()), TemporaryFile() as file:
            for part in parts:
                file.write(part)
            file.seek(0)
            self.put(path, file, overwrite=overwrite)

    def put(self, path: str, file: IO[bytes], *, overwrite: bool) -> None:
        """Write a file from a local one."""
        folder = self.parent(path)
        if folder not in self._used_folders:
            # Of files that are sent at a time, each would look for a missing folder and create it.
            with self._first_file:
                if folder not in self._used_folders:
                    try:
                        return self._put(path, file, overwrite=overwrite)
                    finally:
                        self._used_folders.add(folder)
        return self._put(path, file, overwrite=overwrite)

    def _put(self, path: str, file: IO[bytes], *, overwrite: bool) -> None:
        self._files.put(path, file, overwrite=overwrite, parents=True)

    def make_folder(self, path: str, root: str) -> None:
        """Create a folder."""
        self._files.make_folder(path, exist_ok=True)

    def parent(self, path: str) -> str:
        """Return the folder that a path is in."""
        return path.rpartition("/")[0]

    def members(self, path: str) -> Generator[Member]:
        """Yield everything in a folder, hidden files and links too; or one file."""
        with _named_errors(self.label(path)), closing(iter(self._files.pack(path))) as parts:
            yield from decode(parts)

    def unpack(self, folder: str, members: Iterator[Member], *, overwrite: bool) -> int:
        """Write a tree into a folder, and return the number of files and links."""
        with _named_errors(self.label(folder)):
            return self._files.unpack(folder, encode(members), overwrite=overwrite)

    def digest(self, path: str) -> str:
        """Return the SHA-256 of a file; empty for a large file and an old server."""
        info: FileInfo = self._files.info(path)
        if info.size is None or info.size > MAX_COMPARED_BYTES:
            return ""
        info = self._files.info(path, with_hash=True)
        return info.hash or "" if info.hash_algorithm == "sha256" else ""


def check_is_file(path: str) -> None:
    """Raise `Conflict` if something that is not a file is at a path of this machine, such as a folder or a device."""
    target = Path(path)
    with _named_errors(path):
        if target.is_dir() and not target.is_symlink():
            raise Conflict("a folder of this name exists", about=path)
        # The link /dev/stdout is not to be replaced, even if stdout is a file.
        is_special = target.is_symlink() and os.readlink(target).startswith("/proc/")
        if is_special or (target.exists() and not target.is_file() and not target.is_dir()):
            raise Conflict("it exists, and is not a regular file", about=path)


def checked_name(name: str) -> str:
    """Return a file's name from a server. `InvalidInput` for one that would leave the folder, or steer a terminal."""
    separators = {"/", "\\", os.sep}
    bad = name in ("", ".", "..") or any(c in separators or not c.isprintable() for c in name)
    if os.name == "nt":
        bad = bad or ":" in name or name.rstrip(". ") != name or name.partition(".")[0].upper() in RESERVED
    if bad:
        raise InvalidInput(f"the file name {name!r} is not safe on this machine", hint="rename the file in the server")
    return name


def _write_behind(file: IO[bytes], parts: Iterable[bytes]) -> None:
    """Write parts to a file, each while the next one arrives: a large file takes half the time."""
    parts = iter(parts)
    first = list(islice(parts, 2))
    if len(first) < 2:
        file.writelines(first)
        return
    with ThreadPoolExecutor(1, thread_name_prefix="jhub write") as pool:
        writing: Future[int] | None = None
        for part in chain(first, parts):
            if writing is not None:
                writing.result()
            writing = pool.submit(file.write, part)
        if writing is not None:
            writing.result()


def _move(draft: Path, target: Path, *, overwrite: bool) -> None:
    """Give a draft its real name, and the permissions of the file that it replaces."""
    if overwrite:
        if target.is_file() and not target.is_symlink():
            draft.chmod(stat.S_IMODE(target.stat().st_mode))
        os.replace(draft, target)
        return
    try:
        os.link(draft, target)  # fails if the file exists by now
    except OSError:
        if os.path.lexists(target):
            raise Conflict("the file exists", about=str(target)) from None
        os.replace(draft, target)  # file systems such as FAT have no links


@contextmanager
def _named_errors(path: str) -> Generator[None]:
    """Turn errors of the operating system, and of archives, into those of jhub, which name the file."""
    try:
        yield
    except ValueError as error:
        raise HubError(f"{path}: {error}") from None
    except OSError as error:
        raise HubError(f"{path}: {error.strerror or error}") from None


def _check_links(root: Path, folder: Path) -> None:
    """Raise `InvalidInput` if a folder below `root` is a link: a file would land outside."""
    while folder != root and root in folder.parents:
        if folder.is_symlink():
            raise InvalidInput(f"{folder} is a link", hint="copy into another folder")
        folder = folder.parent
