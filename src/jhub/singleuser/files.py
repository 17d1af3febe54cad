"""`server.files`: files and folders in a user's server."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import IO, cast

from jhub.binding import AsyncBound, Bound, operation, stream
from jhub.errors import InvalidInput
from jhub.interpreter import collect
from jhub.singleuser import archive, contents, folders, upload
from jhub.singleuser.access import Handle
from jhub.singleuser.contents import FileInfo, label
from jhub.singleuser.download import read_all
from jhub.singleuser.paths import parts_of
from jhub.steps import Emit, Flow

MAX_BYTES = 64 * 2**20
"""Maximum size of a file that `get` returns, in bytes."""


class FileOps:
    """Files and folders in a user's server.

    Paths begin at the server's top folder, have slashes, and never contain `..`. Each call makes a token for this
    server alone and revokes it, unless it is in a `with` block of the server. All need the scopes
    `access:servers!server=USER/NAME` (its owner has it), `tokens!user=ME` and `read:servers`, and JupyterHub 3.0. The
    access cannot be read-only: it also lets its holder run code as the server's owner.
    """

    @stream(FileInfo)
    def list(self: object, path: str = "") -> Flow[None]:
        """List the files and folders in a folder.

        Hidden ones are left out, unless the server's `ContentsManager.allow_hidden` is set.

        `GET api/contents/{path}` (all versions) of the server. `NotFound` if there is no such folder.
        """
        entries = yield from _at(self).run(lambda access: contents.read_folder(access, path))
        for entry in sorted(entries, key=lambda each: each.name):
            yield Emit(entry)

    @operation
    def info(self: object, path: str, *, with_hash: bool = False) -> Flow[FileInfo]:
        """Return the metadata of a file or folder.

        Parameters
        ----------
        with_hash
            Include the file's hash (Jupyter Server 2.11), for which the server loads the file into memory.

        `GET api/contents/{path}?content=0` (all versions) of the server. `NotFound` if it does not exist.
        """
        return _at(self).run(lambda access: contents.read_info(access, path, with_hash=with_hash))

    @operation
    def get(self: object, path: str) -> Flow[bytes]:
        """Return the content of a file of up to 64 MiB. For larger ones, iterate over `read`.

        `GET files/{path}` (all versions) of the server, in parts of 8 MiB. `NotFound` if it does not exist.
        """
        data = bytearray()

        def add(part: bytes) -> None:
            data.extend(part)
            if len(data) > MAX_BYTES:
                raise InvalidInput(
                    f"{label(path)} is larger than {MAX_BYTES >> 20} MiB", hint="use read instead of get"
                )

        yield from _at(self).run(lambda access: collect(read_all(access, path), add))
        return bytes(data)

    @stream(bytes)
    def read(self: object, path: str) -> Flow[None]:
        """Read a file of any size, in parts of up to 8 MiB.

            with open("results.zip", "wb") as file:
                for part in server.files.read("results.zip"):
                    file.write(part)

        `GET files/{path}` with `Range` (all versions) of the server. `NotFound` if it does not exist, `HubBroken` if it
        changes meanwhile.
        """
        return _at(self).run(lambda access: read_all(access, path))

    @operation
    def put(
        self: object, path: str, data: bytes | IO[bytes], *, overwrite: bool = False, parents: bool = False
    ) -> Flow[FileInfo]:
        """Write a file, and check that all of it arrived.

        A file of up to 512 KiB is sent in one request. A larger one is sent in parts to a file beside it, whose name
        ends with `.part`, and takes its place once it is checked; when it replaces another one, there is no file of
        this name for a moment. The check compares the server's hash for up to 64 MiB (Jupyter Server 2.11), and else
        the size and samples.

        Parameters
        ----------
        data
            The content; or a binary file open for reading that can seek, sent from its position to its end.
        overwrite
            Replace a file that exists.
        parents
            Create missing folders.

        `PUT api/contents/{path}` (all versions) of the server. `Conflict` if the file exists, unless `overwrite`, or a
        folder has this name; `NotFound` if its folder does not exist; `HubBroken` if the result differs.
        """
        _check_data(data)
        return _at(self).run(lambda access: upload.write_file(access, path, data, overwrite=overwrite, parents=parents))

    @operation
    def make_folder(self: object, path: str, *, exist_ok: bool = False) -> Flow[None]:
        """Create a folder, with the folders that it is in.

        `PUT api/contents/{path}` (all versions) of the server. `Conflict` if it exists, unless `exist_ok`, or if a file
        has this name.
        """
        return _at(self).run(lambda access: folders.make_folders(access, path, exist_ok=exist_ok))

    @operation
    def rename(self: object, path: str, new: str) -> Flow[FileInfo]:
        """Rename or move a file or folder inside the server.

        `PATCH api/contents/{path}` (all versions) of the server. `Conflict` if the new path exists.
        """
        _check_name(path)
        _check_name(new)
        return _at(self).run(lambda access: contents.rename(access, path, new))

    @operation
    def copy(self: object, path: str, new: str) -> Flow[FileInfo]:
        """Copy a file or folder inside the server.

        `POST api/contents/{folder}` and `PATCH` (all versions) of the server. `Conflict` if the new path exists.
        """
        _check_name(path)
        _check_name(new)
        return _at(self).run(lambda access: folders.copy_file(access, path, new))

    @operation
    def delete(self: object, path: str, *, recursive: bool = False, missing_ok: bool = False) -> Flow[None]:
        """Delete a file or folder.

        JupyterHub turns the trash of Jupyter Server off, so what is deleted is gone.

        Parameters
        ----------
        recursive
            Delete what is in a folder too. A folder that is a link is refused with `Conflict`: its files are elsewhere.

        `DELETE api/contents/{path}` (all versions) of the server. `NotFound` if it does not exist, unless `missing_ok`;
        `Conflict` if a folder is not empty, unless `recursive`.
        """
        _check_name(path)
        return _at(self).run(lambda access: folders.delete_tree(access, path, recursive, missing_ok))

    @stream(bytes)
    def pack(self: object, path: str = "", *, name: str = "") -> Flow[None]:
        """Read a folder with everything in it, or a file, as a tar archive that is not compressed.

            with open("course.tar", "wb") as file:
                for part in server.files.pack("course"):
                    file.write(part)

        Hidden files, modes, times and links are in it; the owner is not. A Python program in the server packs it, so
        the server must have a Python kernel. An archive from a server is its owner's: before you unpack it, check the
        names and links in it, as `jhub cp --archive` does.

        Parameters
        ----------
        name
            The name that a single file gets in the archive. The names in a folder begin below the folder.

        Kernels of the server (Jupyter Server 1.0). `NotFound` if the path does not exist, `InvalidInput` if the server
        has no Python kernel, `HubError` for a file that cannot be read.
        """
        return archive.pack(_at(self), path, name)

    @operation
    def unpack(self: object, path: str, parts: Iterable[bytes], *, overwrite: bool = False) -> Flow[int]:
        """Unpack a tar archive that is not compressed into a folder, which is created if it does not exist.

        Each file is written as a whole. Names and links that lead out of the folder are refused, nothing is written
        through a link, and devices are left out. A Python program in the server unpacks it, so the server must have a
        Python kernel. The result is the number of files and links that were written.

        Parameters
        ----------
        parts
            The archive: its parts, or a file that is open for reading.
        overwrite
            Replace files that exist.

        Kernels of the server (Jupyter Server 1.0). `Conflict` if files exist, unless `overwrite`: they are left as they
        are, and all others are written. `InvalidInput` if the server has no Python kernel, `HubError` if a file cannot
        be written.
        """
        return archive.unpack(_at(self), path, parts, overwrite)


class Files(FileOps, Bound):
    """The files of a server, on `Hub`."""


class AsyncFiles(FileOps, AsyncBound):
    """The files of a server, on `AsyncHub`."""


def _at(subject: object) -> Handle:
    """Return the server that a namespace belongs to."""
    return cast("Handle", subject)


def _check_name(path: str) -> None:
    if not parts_of(path):
        raise InvalidInput("the path is empty", hint="the top folder itself cannot be changed")


def _check_data(data: object) -> None:
    binary = isinstance(data, bytes) or (hasattr(data, "seek") and not isinstance(data, io.TextIOBase))
    if not binary:
        raise TypeError("data must be bytes or a binary file that can seek: encode text first")
