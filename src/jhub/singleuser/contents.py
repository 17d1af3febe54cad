"""Requests of the contents API of Jupyter Server: files and folders in a user's server."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeVar

import msgspec

from jhub.errors import Conflict, NotAHub
from jhub.models import Model
from jhub.singleuser.access import ServerAccess
from jhub.singleuser.paths import normalized, quoted
from jhub.singleuser.refusals import OTHER_HINT
from jhub.steps import Answer, Flow, decode_nothing

T = TypeVar("T")


class FileInfo(Model, frozen=True, kw_only=True):
    """A file or a folder in a server."""

    name: str
    path: str
    """The path from the server's top folder."""
    type: Literal["file", "directory", "notebook"] = "file"
    size: int | None = None
    """The size in bytes; None for a folder."""
    last_modified: datetime | None = None
    created: datetime | None = None
    writable: bool | None = None
    mimetype: str | None = None
    hash: str | None = None
    hash_algorithm: str | None = None

    @property
    def is_directory(self) -> bool:
        """True for a folder."""
        return self.type == "directory"


class _Listing(msgspec.Struct):
    """A folder with its content."""

    content: tuple[FileInfo, ...] | None = None


def read_info(access: ServerAccess, path: str, *, with_hash: bool = False) -> Flow[FileInfo]:
    """Return a file's or folder's metadata. The hash makes the server load the whole file."""
    query = (("content", "0"), ("hash", "1")) if with_hash else (("content", "0"),)
    return access.request("GET", _api(path), partial(decode, FileInfo), about=label(path), query=query)


def read_folder(access: ServerAccess, path: str) -> Flow[tuple[FileInfo, ...]]:
    """Return what is in a folder. Jupyter Server does not page it."""
    query = (("type", "directory"), ("content", "1"))
    listing = yield from access.request("GET", _api(path), partial(decode, _Listing), about=label(path), query=query)
    return listing.content or ()


def save(access: ServerAccess, path: str, data: bytes, *, chunk: int | None = None) -> Flow[FileInfo]:
    """Write a file, or with `chunk` a part of one: 1 begins it, others are appended, -1 is the last.

    A part is sent once: Jupyter Server appends it without a look at its number.
    """
    body: dict[str, Any] = {"type": "file", "format": "base64", "content": b64encode(data).decode()}
    if chunk is not None:
        body["chunk"] = chunk
    as_info = partial(decode, FileInfo)
    return access.request("PUT", _api(path), as_info, about=label(path), body=body, repeatable=chunk is None)


def make_folder(access: ServerAccess, path: str) -> Flow[FileInfo]:
    """Create a folder, unless it exists. Its parent must exist."""
    return access.request("PUT", _api(path), partial(decode, FileInfo), about=label(path), body={"type": "directory"})


def rename(access: ServerAccess, path: str, new: str) -> Flow[FileInfo]:
    """Rename a file or folder. `Conflict` if the new path exists."""
    body = {"path": normalized(new)}
    return access.request("PATCH", _api(path), partial(decode, FileInfo), about=label(path), body=body)


def copy_into(access: ServerAccess, path: str, folder: str) -> Flow[FileInfo]:
    """Copy a file into a folder, under a name that the server chooses."""
    body = {"copy_from": normalized(path)}
    return access.request("POST", _api(folder), partial(decode, FileInfo), about=label(path), body=body)


def delete(access: ServerAccess, path: str) -> Flow[None]:
    """Delete a file or an empty folder."""
    return access.request("DELETE", _api(path), decode_nothing, about=label(path), gone_is_done=True)


def label(path: str) -> str:
    """Return a path for messages."""
    return normalized(path) or "the top folder"


def conflict(access: ServerAccess, path: str, message: str, hint: str = "") -> Conflict:
    """Return the error for what is at a path, and should not be."""
    return Conflict(message, about=f"{access.label}: {label(path)}", status=409, hint=hint)


def _api(path: str) -> str:
    return f"api/contents/{quoted(path)}".rstrip("/")


def decode(kind: type[T], answer: Answer) -> T:
    """Return the JSON of an answer as a model; `NotAHub` for anything else."""
    try:
        try:
            return msgspec.json.decode(answer.content, type=kind)
        except msgspec.DecodeError:
            if b"\\ud" not in answer.content:
                raise
            # The name of a file need not be UTF-8. Jupyter Server sends such a byte as a lone surrogate.
            return msgspec.convert(json.loads(answer.content), type=kind)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NotAHub(f"the server's answer is not one of Jupyter Server: {error}", hint=OTHER_HINT) from error
