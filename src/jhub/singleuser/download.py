"""Reading a file of a server in parts, so that no file is in memory as a whole, here or there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from jhub.errors import BadRequest, HubBroken
from jhub.singleuser.access import ServerAccess
from jhub.singleuser.contents import conflict, label, read_info
from jhub.singleuser.paths import quoted
from jhub.steps import Answer, Emit, Flow

PART_BYTES = 8 * 2**20
"""Size of a part in bytes."""
CHANGED_HINT = "read it again when nothing writes to it"
"""Advice for a file that changed while it was read."""


class Part(NamedTuple):
    """A part of a file, and what the server says of the whole."""

    content: bytes
    size: int
    """The size of the whole file in bytes."""
    modified: str


@dataclass
class FileRead:
    """A file that is read from its beginning to its end."""

    access: ServerAccess
    path: str
    offset: int = 0
    size: int | None = None
    modified: str = ""

    def next_part(self) -> Flow[bytes]:
        """Return the next part; empty at the end of the file."""
        if self.offset == self.size:
            return b""
        part = yield from read_part(self.access, self.path, self.offset, PART_BYTES)
        if self.size is None:
            self.size, self.modified = part.size, part.modified
        if (part.size, part.modified) != (self.size, self.modified) or (not part.content and self.offset < part.size):
            raise HubBroken(
                "the file changed while it was read",
                about=f"{self.access.label}: {label(self.path)}",
                hint=CHANGED_HINT,
            )
        self.offset += len(part.content)
        return part.content


def read_part(access: ServerAccess, path: str, start: int, length: int) -> Flow[Part]:
    """Return a part of a file. Servers that cannot send parts send the whole file, up to the maximum of an answer."""
    headers = (("Range", f"bytes={start}-{start + length - 1}"), ("Accept-Encoding", "identity"))
    about = label(path)

    def decode(answer: Answer) -> Part:
        modified = answer.headers.get("last-modified", "")
        if answer.status == 206:
            found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", answer.headers.get("content-range", ""))
            if found and int(found[1]) == start and len(answer.content) <= length:
                return Part(answer.content, int(found[3]), modified)
            raise HubBroken("the server sent another part than requested", about=f"{access.label}: {about}")
        return Part(answer.content[start:], len(answer.content), modified)

    try:
        return (
            yield from access.request(
                "GET", f"files/{quoted(path)}", decode, about=about, headers=headers, accept="*/*"
            )
        )
    except BadRequest as error:
        if error.status == 416:  # an empty file has no parts
            return Part(b"", 0, "")
        raise


def read_all(access: ServerAccess, path: str) -> Flow[None]:
    """Emit the content of a file, part by part."""
    info = yield from read_info(access, path)
    if info.is_directory:
        raise conflict(access, path, "this is a folder", "list it to see its files")
    file = FileRead(access, path)
    while part := (yield from file.next_part()):
        yield Emit(part)
