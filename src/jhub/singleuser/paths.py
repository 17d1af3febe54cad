"""Paths of files in a server, below the folder that the server shows first."""

from __future__ import annotations

from urllib.parse import quote

from jhub.errors import InvalidInput
from jhub.object_path import has_control_character


def parts_of(path: str) -> list[str]:
    """Return the names in a path. A slash at its beginning or end, and repeated ones, do not count.

    Raises
    ------
    InvalidInput
        A name is `.` or `..`, or has a control character or a lone surrogate.
    """
    names = [name for name in path.split("/") if name]
    for name in names:
        if name in (".", ".."):
            raise InvalidInput(
                f"invalid path {path!r}: it contains {name!r}", hint="write the path from the top folder"
            )
        if has_control_character(name):
            raise InvalidInput(f"invalid path {path!r}: it contains a control character")
    return names


def normalized(path: str) -> str:
    """Return a path without slashes at its ends and without repeated ones. It is not checked."""
    return "/".join(name for name in path.split("/") if name)


def quoted(path: str) -> str:
    """Return a path quoted for a URL."""
    try:
        return "/".join(quote(name, safe="") for name in parts_of(path))
    except UnicodeEncodeError:
        raise InvalidInput(f"invalid path {path!r}: it contains a lone surrogate") from None


def parent_of(path: str) -> str:
    """Return the path of the folder that a path is in; empty for the top folder."""
    return "/".join(parts_of(path)[:-1])
