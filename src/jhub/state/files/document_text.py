"""Text of a state file for a document: sorted, with a name a line, and in quotes only what would be read otherwise."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

from jhub.errors import InvalidInput
from jhub.models import SECONDS_PER_UNIT
from jhub.state.document import Document, GroupEntry, LeaveLimit, MembersEntry, UserEntry, decimal_text
from jhub.state.files.file_form import VERSION
from jhub.state.files.yaml_reader import is_text

PLAIN = re.compile(r"[^\W_](?:[\w.@+/()~^$;=-]|[:'&*!%](?=\w)|(?<=\w)[#'*!]| (?=\w))*")
"""Pattern of texts that need no quotes, unless they are numbers or words of JSON."""
UNPRINTABLE = re.compile("[\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
"""Pattern of characters that are escaped in quotes, besides those that JSON escapes."""
MAX_KEY_CHARACTERS = 100
"""Maximum length of a key before a colon. YAML allows 1024."""


def to_yaml(document: Document) -> str:
    """Return a document as the text of a state file. `load` reads the same document from it.

    Raises
    ------
    InvalidInput
        A group has roster rows without a usable name: a state file cannot say that nobody leaves the group.
    """
    return "".join(f"{line}\n" for line in _document(document))


def _document(document: Document) -> Iterator[str]:
    yield f"version: {VERSION}"
    if document.owner is not None:
        yield f"owner: {_name(document.owner)}"
    if document.users:
        yield "users:"
        for user in sorted(document.users, key=lambda user: user.name):
            yield f"  - {_user(user)}"
    if document.groups:
        yield "groups:"
        for group in sorted(document.groups, key=lambda group: group.name):
            yield from _item(_group(group))
    if document.servers is not None:
        yield "servers:" if document.servers else "servers: []"
        for server in sorted(document.servers, key=lambda server: (server.user, server.name)):
            lines = [f"user: {_name(server.user)}", f"name: {_name(server.name)}"]
            if server.display_name is not None:
                lines.append(f"display-name: {_name(server.display_name)}")
            yield from _item([*lines, *_free("options", server.options)])
    if document.roles:
        yield "roles:"
        for role in sorted(document.roles, key=lambda role: role.name):
            lists = {"scopes": role.scopes, "users": role.users, "groups": role.groups}
            lines = [line for key, names in lists.items() if names is not None for line in _names(key, names)]
            yield from _item([f"name: {_name(role.name)}", *lines])
    if document.protected_users:
        yield "protect:"
        yield from _indented(_names("users", document.protected_users))
    if document.leave_limit != LeaveLimit():
        yield f"limits: {{leave: {document.leave_limit}}}"
    if document.grace_seconds:
        yield f"grace: {grace_text(document.grace_seconds)}"


def _user(user: UserEntry) -> str:
    if user.admin is None:
        return _name(user.name)
    return f"{{name: {_name(user.name)}, admin: {json.dumps(user.admin)}}}"


def _group(group: GroupEntry) -> Iterator[str]:
    yield f"name: {_name(group.name)}"
    if group.owner is not None:
        yield f"owner: {_name(group.owner) if group.owner else 'null'}"
    if group.members is not None:
        yield from _members(group.name, group.members)
    if group.create_users:
        yield "create-users: true"
    yield from _free("properties", group.properties)


def _members(group: str, members: MembersEntry) -> Iterator[str]:
    names = readable_names(group, members)
    if members.exact:
        yield from _names("members", names)
    else:
        yield "members:"
        yield from _indented(_names("at-least", names))


def readable_names(group: str, members: MembersEntry) -> tuple[str, ...]:
    """Return the names of members, which a file can have only if every row of the roster has a usable name.

    Raises
    ------
    InvalidInput
        A row has none.
    """
    if members.unreadable:
        raise InvalidInput(
            f"group {group}: {members.unreadable[0]}", hint="correct the roster: a list of names would be incomplete"
        )
    return members.names


def _names(key: str, names: Sequence[str]) -> Iterator[str]:
    """Yield a list of names with its key, a name a line."""
    yield f"{key}:" if names else f"{key}: []"
    for name in sorted(names):
        yield f"  - {_name(name)}"


def _free(key: str, values: Mapping[str, Any] | None) -> Iterator[str]:
    """Yield a mapping of JSON values with its key; nothing for None."""
    if values is not None:
        yield from _entry(f"{key}:", values)


def _entry(start: str, value: object) -> Iterator[str]:
    """Yield a value after the start of its line, such as a key with a colon."""
    match value:
        case dict() if value:
            yield start
            entries = cast("dict[str, object]", value)
            for key in sorted(entries):
                written = _scalar(key, is_key=True)
                if len(written) <= MAX_KEY_CHARACTERS:
                    yield from _indented(_entry(f"{written}:", entries[key]))
                else:
                    yield f"  ? {written}"
                    yield from _indented(_entry(":", entries[key]))
        case list() | tuple() if value:
            yield start
            for item in cast("list[object]", value):
                yield from _indented(_entry("-", item))
        case _:
            yield f"{start} {_scalar(value)}"


def _item(lines: Iterable[str]) -> Iterator[str]:
    """Yield the lines of a mapping as those of an item of a list."""
    for number, line in enumerate(lines):
        yield f"    {line}" if number else f"  - {line}"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _name(text: str) -> str:
    """Return a text of a place that takes text only: a number such as 007 is read as it is written."""
    return text if PLAIN.fullmatch(text) and text != "null" else _quoted(text)


def _scalar(value: object, *, is_key: bool = False) -> str:
    """Return a text, a number, true, false, null, or an empty list or mapping, of a place that takes any value."""
    if isinstance(value, str):
        is_plain = PLAIN.fullmatch(value) and (is_key or is_text(value))
        return value if is_plain else _quoted(value)
    return json.dumps(value)


def _quoted(text: str) -> str:
    """Return a text in quotes. The escapes of JSON are those of YAML, too."""
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(text, ensure_ascii=False))


def grace_text(seconds: float) -> str:
    """Return a duration as it is written in a state file, in the longest unit that fits."""
    for unit, size in reversed(SECONDS_PER_UNIT.items()):
        if seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{decimal_text(seconds)}s"
