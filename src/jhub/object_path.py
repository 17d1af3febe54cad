r"""Names of users, groups and services in the paths of the REST API, also with slashes, backslashes and the like.

Hubs accept a group `/students` (as of Keycloak) and a user `CORP\ana` (as of Active Directory): in a path they stand
as `%2Fstudents` and `CORP%5Cana`. Some proxies decode these, and the path then names something else: the deletion of
the group `../users/ana` would delete a user. So names with a segment `.` or `..` are refused, and before a change to
an object with one of the characters in `UNSAFE` in its name, the object is read and its name compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import quote, unquote

from jhub.errors import HubError, InvalidInput

CONTROL_CATEGORIES = {"Cc", "Zl", "Zp"}
"""Unicode categories of characters that break lines or control terminals."""
COLLECTIONS = {
    "users": "users",
    "groups": "groups",
    "services": "services",
    "shares": "users",
    "shared": "users",
    "share-codes": "users",
}
"""For each path segment before a name, the collection that has the object."""
UNSAFE = re.compile("%(2F|5C|25|3F|23|3B)")
r"""Quoted characters that mean something else in a path once a proxy has decoded them: `/`, `\`, `%`, `?`, `#`, `;`."""
DECODING_PROXY = "a proxy in front of the hub decodes quoted characters, such as %2F, in paths"
CHECK_REASON = "a proxy could decode the path, and the change would reach another object"


def segment(value: str, noun: str) -> str:
    """Return a name as one quoted path segment. `noun` is the kind of object ("user"), for the error message.

    Raises
    ------
    InvalidInput
        The name is empty; it has a segment `.` or `..`, also after any number of decodings; it has a control character
        or a lone surrogate. The hub decides about all other names.
    TypeError
        The name is not a `str`.
    """
    if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # for callers without a type checker
        raise TypeError(f"a {noun} name is a str, not {type(value).__name__}")
    if not value:
        raise InvalidInput(f"a {noun} name is missing")
    if has_control_character(value):
        raise InvalidInput(f"invalid {noun} name {value!r}: it contains a control character")
    if has_dot_segment(value):
        raise InvalidInput(f"invalid {noun} name {value!r}: a proxy could resolve its part '.' or '..'")
    try:
        return quote(value, safe="@~")
    except UnicodeEncodeError:
        raise InvalidInput(f"invalid {noun} name {value!r}: it contains a lone surrogate") from None


def has_control_character(text: str) -> bool:
    """Return whether a character of the text breaks lines or controls terminals."""
    return any(unicodedata.category(c) in CONTROL_CATEGORIES for c in text)


def has_dot_segment(text: str) -> bool:
    """Return whether a part of the text between slashes or backslashes is `.` or `..`, decoded any number of times."""
    while True:
        if any(part in (".", "..") for part in re.split(r"[/\\]", text)):
            return True
        decoded = unquote(text, errors="replace")
        if decoded == text:
            return False
        text = decoded


def named_objects(path: str) -> Iterator[tuple[str, str]]:
    """Yield the path and the name of each object in a path whose name has one of the characters in `UNSAFE`."""
    for before, quoted in pairwise(path.split("/")):
        if before in COLLECTIONS and UNSAFE.search(quoted):
            yield f"/{COLLECTIONS[before]}/{quoted}", unquote(quoted)


def check_name(path: str, name: str | None) -> None:
    """Raise `HubError` if the hub answers a request for an object with another one: a proxy has changed the path."""
    for named, expected in named_objects(path):
        if named == path and name != expected:
            noun = path.split("/")[1].removesuffix("s")
            raise HubError(
                f"{noun} {expected}: the hub answered with {'something else' if name is None else repr(name)}",
                hint=f"{DECODING_PROXY}; let it pass paths unchanged",
            )
