"""Writing a file of a server in parts, and checking that all of it arrived."""

from __future__ import annotations

import hashlib
import io
import secrets
from contextlib import suppress
from functools import partial
from typing import IO

from jhub.errors import APIError, HubBroken, HubError, InvalidInput, NotFound, Unavailable
from jhub.interpreter import with_clean_up
from jhub.singleuser import contents
from jhub.singleuser.access import ServerAccess
from jhub.singleuser.contents import FileInfo, conflict, label
from jhub.singleuser.download import read_part
from jhub.singleuser.folders import discard, make_folders, read_if_exists
from jhub.singleuser.paths import parent_of, parts_of
from jhub.steps import Flow, Sleep

PART_BYTES = 512 * 2**10
"""Size of a part in bytes. In JSON it is below 1 MB, the limit of an nginx that nobody has configured."""
MIN_PART_BYTES = 64 * 2**10
"""Size in bytes below which parts are not halved when a proxy refuses them as too large."""
MAX_HASHED_BYTES = 64 * 2**20
"""Size in bytes up to which the server's own hash is compared; for it, the server loads the file into memory."""
SAMPLE_BYTES = 64 * 2**10
"""Size in bytes of the samples that are compared of a larger file."""
HASH = "sha256"
"""The hash that Jupyter Server makes unless configured otherwise."""
TOO_LARGE = 413
"""Status of a proxy that refuses a large request."""
MISSING_FOLDER = (404, 500)
"""Statuses of a file whose folder does not exist."""
MAX_FAILURES = 3
"""Number of times that a part is sent again."""
MAX_NAME_BYTES = 230
"""Maximum length in bytes of the original name in the name of a temporary file."""


class LocalParts:
    """Local data that is sent, from the position at which its file stands."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._start = file.tell()
        self.size = file.seek(0, io.SEEK_END) - self._start

    def read(self, offset: int, length: int) -> bytes:
        """Return the data from an offset on. `InvalidInput` if the file has become shorter."""
        length = min(length, self.size - offset)
        self._file.seek(self._start + offset)
        data = self._file.read(length)
        if len(data) != length:
            raise InvalidInput("the local file became shorter while it was read", hint="send it again")
        return data

    def digest(self) -> str:
        """Return the hash of all data."""
        digest = hashlib.new(HASH)
        for offset in range(0, self.size, PART_BYTES):
            digest.update(self.read(offset, PART_BYTES))
        return digest.hexdigest()


def write_file(
    access: ServerAccess, path: str, data: bytes | IO[bytes], *, overwrite: bool, parents: bool
) -> Flow[FileInfo]:
    """Write a file as a whole, or not at all, and check the result."""
    if not parts_of(path):
        raise InvalidInput("the path names no file", hint="write the name of the file in the server")
    local = LocalParts(io.BytesIO(data) if isinstance(data, bytes) else data)
    existing = yield from read_if_exists(access, path)
    if existing is not None and (existing.is_directory or not overwrite):
        what = "a folder of this name exists" if existing.is_directory else "the file exists"
        hint = "choose another name" if existing.is_directory else "to replace it, pass overwrite (--overwrite)"
        raise conflict(access, path, what, hint)
    try:
        return (yield from _write(access, path, local, existing is not None))
    except HubError as error:
        # Most folders exist, so that it costs less to find out here that one does not.
        if existing is not None or not parents or getattr(error, "status", None) not in MISSING_FOLDER:
            raise (yield from _explained(access, path, error)) from None
    yield from make_folders(access, parent_of(path), exist_ok=True)
    return (yield from _write(access, path, local, replace=False))


def _write(access: ServerAccess, path: str, parts: LocalParts, replace: bool) -> Flow[FileInfo]:
    if parts.size <= PART_BYTES and (yield from _write_small(access, path, parts, replace)):
        return (yield from _check(access, path, parts))
    return (yield from _write_large(access, path, parts, replace))


def _write_small(access: ServerAccess, path: str, parts: LocalParts, replace: bool) -> Flow[bool]:
    """Write a file in one request. Return False if a proxy refuses it as too large."""
    try:
        yield from contents.save(access, path, parts.read(0, PART_BYTES))
    except APIError as error:
        if error.status == TOO_LARGE and parts.size > MIN_PART_BYTES:
            return False
        if isinstance(error, HubBroken) and not replace:  # Jupyter Server 2.21 leaves an empty file on a full disk
            yield from discard(access, path)
        raise
    return True


def _write_large(access: ServerAccess, path: str, parts: LocalParts, replace: bool) -> Flow[FileInfo]:
    """Write the parts to a file beside the real one, which takes its place once it is checked."""
    temporary = _temporary(path)

    def write() -> Flow[FileInfo]:
        yield from _write_parts(access, temporary, parts)
        yield from _check(access, temporary, parts)
        if replace:
            yield from _replace(access, path, temporary)
        else:
            yield from _move(access, temporary, path)
        return (yield from contents.read_info(access, path))

    return (yield from with_clean_up(write, partial(discard, access, temporary)))


def _temporary(path: str) -> str:
    """Return the path of a new file beside another one; file systems limit a name to 255 bytes."""
    *folder, name = parts_of(path)
    short = name.encode()[:MAX_NAME_BYTES].decode(errors="ignore")
    return "/".join((*folder, f"{short}.{secrets.token_hex(4)}.part"))


def _replace(access: ServerAccess, path: str, temporary: str) -> Flow[None]:
    old = f"{temporary}.old"
    try:
        yield from _move(access, path, old)
        yield from _move(access, temporary, path)
    except GeneratorExit:
        raise
    except BaseException as error:
        try:
            yield from _restore(access, path, old)
        except HubError:
            if isinstance(error, HubError):
                error.hint = f"the old file may be at {label(old)}; {error.hint}".rstrip("; ")
        raise
    with suppress(NotFound):
        yield from contents.delete(access, old)  # not emptied first: it may be a link to another file


def _restore(access: ServerAccess, path: str, old: str) -> Flow[None]:
    """Put the old file back, unless the new one is in its place."""
    if (yield from read_if_exists(access, old)) is None:
        return
    if (yield from read_if_exists(access, path)) is None:
        yield from _move(access, old, path)
    else:
        yield from contents.delete(access, old)


def _move(access: ServerAccess, path: str, new: str) -> Flow[None]:
    """Rename a file. Where the answer is lost, find out whether it was renamed."""
    failures = 0
    while True:
        try:
            yield from contents.rename(access, path, new)
        except (Unavailable, HubBroken, NotFound) as error:
            if (yield from read_if_exists(access, path)) is None and (yield from read_if_exists(access, new)):
                return
            failures += 1
            if failures > MAX_FAILURES or not isinstance(error, Unavailable):
                raise
            yield Sleep(2.0**failures)
        else:
            return


def _write_parts(access: ServerAccess, path: str, parts: LocalParts) -> Flow[None]:
    offset, length, number, failures = 0, PART_BYTES, 1, 0
    while offset < parts.size:
        data = parts.read(offset, length)
        end = offset + len(data)
        try:
            yield from contents.save(access, path, data, chunk=-1 if end == parts.size else number)
        except Unavailable as error:
            # The part may have arrived all the same: the size of the file shows it.
            arrived = yield from _arrived(access, path)
            if arrived == offset and failures < MAX_FAILURES:
                failures += 1
                yield Sleep(2.0**failures)
                continue
            if arrived != end:
                raise error from None
        except APIError as error:
            if error.status != TOO_LARGE or length <= MIN_PART_BYTES:
                raise
            length //= 2
            continue
        offset, number, failures = end, number + 1, 0


def _arrived(access: ServerAccess, path: str) -> Flow[int | None]:
    info = yield from read_if_exists(access, path)
    return 0 if info is None else info.size


def _explained(access: ServerAccess, path: str, error: HubError) -> Flow[HubError]:
    """Return a better error where the folder does not exist, for which Jupyter Server answers 404 or 500."""
    folder = parent_of(path)
    if not folder or getattr(error, "status", None) not in MISSING_FOLDER:
        return error
    try:
        if (yield from read_if_exists(access, folder)) is not None:
            return error
    except HubError:
        return error
    hint = "create the folder, or pass parents"
    return NotFound("the folder does not exist", about=f"{access.label}: {label(folder)}", status=404, hint=hint)


def _check(access: ServerAccess, path: str, parts: LocalParts) -> Flow[FileInfo]:
    """Compare the written file with the local one."""
    small = parts.size <= MAX_HASHED_BYTES
    info = yield from contents.read_info(access, path, with_hash=small)
    if info.hash and info.hash_algorithm == HASH:  # since Jupyter Server 2.11
        same = info.hash == parts.digest()
    else:
        # Not `info.size`: that of a link is its own.
        same = True
        for offset in {0, parts.size // 2, max(0, parts.size - SAMPLE_BYTES)}:
            part = yield from read_part(access, path, offset, SAMPLE_BYTES)
            sample = part.content[:SAMPLE_BYTES]
            same = same and part.size == parts.size and sample == parts.read(offset, SAMPLE_BYTES)
    if not same:
        raise HubBroken(
            "the file in the server differs from what was sent",
            about=f"{access.label}: {label(path)}",
            status=200,
            hint="something else may write to it, or the disk may be full; send it again",
        )
    return info
