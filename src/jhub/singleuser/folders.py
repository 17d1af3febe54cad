"""Folders of a server: creating them with their parents, and deleting and copying what is in them."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from secrets import token_hex

from jhub.errors import BadRequest, HubBroken, HubError, NotFound
from jhub.interpreter import with_clean_up
from jhub.singleuser import contents
from jhub.singleuser.access import ServerAccess
from jhub.singleuser.contents import FileInfo, conflict, label
from jhub.singleuser.paths import parent_of, parts_of
from jhub.steps import Flow, Sleep

COARSE_SECONDS = 2.0
"""Coarsest unit of the times of files, in seconds."""
MAX_DEPTH = 64
"""Maximum depth of folders that are deleted: the answers are the server owner's, and may never end."""


def read_if_exists(access: ServerAccess, path: str) -> Flow[FileInfo | None]:
    """Return the metadata of a file or folder; None if it does not exist."""
    try:
        return (yield from contents.read_info(access, path))
    except NotFound:
        return None


def make_folders(access: ServerAccess, path: str, *, exist_ok: bool) -> Flow[None]:
    """Create a folder, with the folders that it is in."""
    names = parts_of(path)
    known = len(names)
    while known:
        existing = yield from read_if_exists(access, "/".join(names[:known]))
        if existing is not None:
            if not existing.is_directory:
                raise conflict(access, existing.path, "a file has the name of this folder")
            break
        known -= 1
    if known == len(names) and not exist_ok:
        raise conflict(access, path, "the folder exists")
    for count in range(known + 1, len(names) + 1):
        folder = "/".join(names[:count])
        try:
            yield from contents.make_folder(access, folder)
        except HubBroken:  # Jupyter Server 2.21 answers 500 if another request has just created it
            existing = yield from read_if_exists(access, folder)
            if existing is None or not existing.is_directory:
                raise


def copy_file(access: ServerAccess, path: str, new: str) -> Flow[FileInfo]:
    """Copy a file. The server chooses the name of the copy, so it is renamed."""
    if (yield from read_if_exists(access, new)) is not None:
        raise conflict(access, new, "the file exists")
    copy = yield from contents.copy_into(access, path, parent_of(new))
    rename = partial(contents.rename, access, copy.path, new)
    return (yield from with_clean_up(rename, partial(discard, access, copy.path)))


def discard(access: ServerAccess, path: str) -> Flow[None]:
    """Delete what a job has left unfinished, if the server lets it."""
    with suppress(HubError):
        yield from contents.delete(access, path)


def delete_tree(access: ServerAccess, path: str, recursive: bool, missing_ok: bool, depth: int = 0) -> Flow[None]:
    """Delete a file or a folder, with `recursive` also what is in it."""
    info = yield from read_if_exists(access, path)
    if info is None:
        if missing_ok:
            return
        raise NotFound("not found", about=f"{access.label}: {label(path)}", status=404)
    if info.is_directory:
        entries = yield from contents.read_folder(access, path)
        if entries and not recursive:
            raise conflict(access, path, "the folder is not empty", "to delete what is in it, pass recursive (-r)")
        if entries and depth == MAX_DEPTH:
            raise conflict(access, path, f"more than {MAX_DEPTH} folders are inside each other")
        if entries and (yield from _is_link(access, path)):
            hint = "it may be a link to a folder elsewhere: delete it in the server's own terminal"
            raise conflict(access, path, "the folder does not change when a file is written into it", hint)
        for entry in entries:
            yield from delete_tree(access, f"{path}/{entry.name}", True, True, depth + 1)
    try:
        yield from contents.delete(access, path)
    except BadRequest:
        if not info.is_directory:
            raise
        hint = "it may have hidden files: delete them in the server's own terminal"
        raise conflict(access, path, "the server does not delete the folder", hint) from None


def _is_link(access: ServerAccess, path: str) -> Flow[bool]:
    """Return whether a folder is a link, whose files are elsewhere and must not be deleted with it.

    Jupyter Server does not say so, but the time that it gives for a link is the link's own: it stays the same when a
    file is written into the folder. A second attempt is for file systems that store times in whole seconds.
    """
    before = (yield from contents.read_info(access, path)).last_modified
    for pause in (0.0, COARSE_SECONDS):
        yield Sleep(pause)
        probe = f"{path}/jhub-{token_hex(4)}"
        try:
            yield from contents.save(access, probe, b"")
        except BaseException as error:
            if not isinstance(error, GeneratorExit):
                with suppress(HubError):
                    yield from contents.delete(access, probe)
            raise
        yield from contents.delete(access, probe)
        if (yield from contents.read_info(access, path)).last_modified != before:
            return False
    return True
