"""Entries that are added to the text of a state file. All other lines stay as they are, with comments and quotes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import yaml
from msgspec.structs import replace

from jhub.errors import Conflict, InvalidInput
from jhub.state.document import Document
from jhub.state.files.document_text import to_yaml

NEW_FILE = "version: 1\n"
"""Text of a state file without objects."""
SECTIONS = ("users", "groups", "servers")
"""Keys of a state file that have a list of objects."""
INDENT = "  "
"""Indentation of a list in a section that is new."""

Root: TypeAlias = yaml.MappingNode
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""The loader of libyaml; the one in Python if PyYAML was built without it."""


class _Dumper(yaml.BaseDumper):
    """A dumper that indents lists below their keys."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def add_entries(text: str, additions: Document, protect: Sequence[str] = ()) -> str:
    """Return the text of a state file with the users, groups and servers of a document added, and users protected.

    Raises
    ------
    Conflict
        The file has one of the objects already.
    InvalidInput
        The text is not that of a state file, or it is written in a form that this function cannot edit.
    """
    if text.startswith("\ufeff"):  # libyaml does not count a byte order mark
        return "\ufeff" + add_entries(text[1:], additions, protect)
    if text.count("\r\n") == text.count("\n") > 0:
        return add_entries(text.replace("\r\n", "\n"), additions, protect).replace("\n", "\r\n")
    try:
        return _add_entries(text if text.strip() else NEW_FILE, additions, protect)
    except RecursionError:
        raise _not_editable("it is nested too deeply") from None


def _with_owners(additions: Document, owner: str | None) -> Document:
    """Return the additions with the owner of each group, if it is not that of the file."""
    groups = ((group, group.owner if group.owner is not None else additions.owner) for group in additions.groups)
    written = (replace(group, owner=None if found == owner else found or "") for group, found in groups)
    return replace(additions, owner=None, groups=tuple(written))


def _add_entries(text: str, additions: Document, protect: Sequence[str]) -> str:
    root = _root(text)
    owner = _find(root, "owner")
    source = _root(to_yaml(_with_owners(additions, str(owner.value) if owner is not None and owner.value else None)))
    expected = _plain(root)
    for section in SECTIONS:
        if entries := _items(_find(source, section)):
            _refuse_existing(root, section, entries)
            text = _append(text, (section,), entries)
            expected[section] = [*(expected.get(section) or ()), *map(_plain, entries)]
    protected = [str(each.value) for each in _items(_find(_find(root, "protect"), "users"))]
    present = {name.lower() for name in protected}
    if added := list({name.lower(): name for name in protect if name.lower() not in present}.values()):
        text = _append(text, ("protect", "users"), [yaml.ScalarNode("tag:yaml.org,2002:str", name) for name in added])
    if protect:
        expected["protect"] = {**(expected.get("protect") or {}), "users": [*protected, *added]}
    try:
        written = _plain(_root(text))
    except InvalidInput:
        written = {}
    if written != expected:
        raise _not_editable("its lists are written in a form that jhub cannot add to")
    return text


def _not_editable(reason: str) -> InvalidInput:
    return InvalidInput(f"cannot edit the file: {reason}", hint="add the text that jhub export prints by hand")


def _root(text: str) -> Root:
    try:
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        raise InvalidInput(f"invalid YAML: {' '.join(str(error).split())}") from None
    if not isinstance(node, yaml.MappingNode):
        raise InvalidInput("the file is not a mapping", hint="a state file begins with: version: 1")
    return node


def _find(mapping: yaml.Node | None, name: str) -> yaml.Node | None:
    """Return the value of a key; None if it is absent."""
    if not isinstance(mapping, yaml.MappingNode):
        return None
    return next((value for key, value in mapping.value if key.value == name), None)


def _items(node: yaml.Node | None) -> Sequence[yaml.Node]:
    return node.value if isinstance(node, yaml.SequenceNode) else ()


def _plain(node: yaml.Node) -> Any:
    """Return a node as plain values, in which every scalar is text; a value that is not written is None."""
    match node:
        case yaml.MappingNode():
            return {key.value: _plain(value) for key, value in node.value}
        case yaml.SequenceNode():
            return [_plain(value) for value in node.value]
        case yaml.ScalarNode():
            return None if node.value == "" and not node.style else node.value
        case _:
            raise TypeError(f"unknown node: {node!r}")


def _names(section: str, entry: yaml.Node) -> tuple[str, ...]:
    """Return what identifies an entry: the name, and the user of a server. Users are compared in lower case."""
    if not isinstance(entry, yaml.MappingNode):
        return (str(entry.value).lower(),)
    found = {key.value: str(value.value) for key, value in entry.value if isinstance(value, yaml.ScalarNode)}
    name = found.get("name", "")
    if section == "servers":
        return found.get("user", "").lower(), name
    return (name.lower() if section == "users" else name,)


def _refuse_existing(root: Root, section: str, entries: Sequence[yaml.Node]) -> None:
    present = {_names(section, each) for each in _items(_find(root, section))}
    for names in (_names(section, entry) for entry in entries):
        if names in present:
            raise Conflict(f"{section[:-1]} {'/'.join(names)} is in the file already")


def _append(text: str, path: Sequence[str], entries: Sequence[yaml.Node]) -> str:
    """Return the text with entries at the end of the list at a path. Missing keys are added."""
    parent: yaml.Node = _root(text)
    for depth, name in enumerate(path):
        value = _find(parent, name)
        if value is None or (isinstance(value, yaml.ScalarNode) and _plain(value) is None):
            return _add_key(text, parent, path[depth:], entries, value)
        if value.start_mark.index < parent.start_mark.index:
            raise _not_editable(f"{name} is an alias of another part")
        parent = value
    if not isinstance(parent, yaml.SequenceNode):
        raise _not_editable(f"{'.'.join(path)} is not a list")
    if parent.flow_style:
        return _insert_flow(text, parent, _flow(entries))
    column = parent.start_mark.column
    return _insert_lines(text, parent, _block(entries, " " * column))


def _add_key(
    text: str, parent: yaml.Node, path: Sequence[str], entries: Sequence[yaml.Node], empty: yaml.Node | None
) -> str:
    """Return the text with a key, or the value of one that has none, and the entries as the only ones in its list."""
    if not isinstance(parent, yaml.MappingNode):
        raise _not_editable("a key has a value of another type")
    if empty is not None:  # `users:` without a value: the list begins on the next line
        if parent.flow_style:
            raise _not_editable(f"{path[0]} has no value")
        column = parent.start_mark.column
        lines = _nested(path[1:], entries, " " * column + INDENT)
        return _insert_lines(text, empty, lines)
    if parent.flow_style:
        inner = f"[{_flow(entries)}]"
        for name in reversed(path[1:]):
            inner = f"{{{name}: {inner}}}"
        return _insert_flow(text, parent, f"{path[0]}: {inner}")
    lines = _nested(path, entries, " " * parent.start_mark.column)
    return _insert_lines(text, parent, lines)


def _nested(path: Sequence[str], entries: Sequence[yaml.Node], indent: str) -> str:
    text = ""
    for name in path:
        text += f"{indent}{name}:\n"
        indent += INDENT
    return text + _block(entries, indent)


def _insert_flow(text: str, collection: yaml.CollectionNode, entries: str) -> str:
    """Return the text with entries behind the last one in a collection in brackets."""
    children = _children(collection)
    if not children:
        at = collection.start_mark.index + 1
        return text[:at] + entries + text[at:]
    at = children[-1].end_mark.index
    return f"{text[:at]}, {entries}{text[at:]}"


def _insert_lines(text: str, node: yaml.Node, lines: str) -> str:
    """Return the text with lines behind the last line of a node."""
    end = max(_ends(node))
    newline = text.find("\n", end)
    if end and text[end - 1] == "\n":  # a block of text, which ends with its line
        newline = end - 1
    if newline < 0:
        return f"{text}\n{lines}"
    return text[: newline + 1] + lines + text[newline + 1 :]


def _children(collection: yaml.CollectionNode) -> list[yaml.Node]:
    """Return the items of a list, or the keys and values of a mapping."""
    if isinstance(collection, yaml.MappingNode):
        return [each for pair in collection.value for each in pair]
    return list(collection.value)


def _ends(node: yaml.Node) -> Iterator[int]:
    """Yield where the parts of a node end. The end of a block is where the next block begins."""
    children = _children(node) if isinstance(node, yaml.CollectionNode) and not node.flow_style else []
    if not children:
        yield node.end_mark.index
    for each in children:
        yield from _ends(each)


def _block(entries: Sequence[yaml.Node], indent: str) -> str:
    """Return entries of a list as lines."""
    items = (enumerate(_serialized(entry).splitlines()) for entry in entries)
    return "".join(f"{indent}{'  ' if number else '- '}{line}\n" for item in items for number, line in item)


def _flow(entries: Sequence[yaml.Node]) -> str:
    """Return entries of a list in brackets, on one line."""
    for entry in entries:
        if isinstance(entry, yaml.CollectionNode):
            entry.flow_style = True
    return ", ".join(" ".join(_serialized(entry).split("\n")).strip() for entry in entries)


def _serialized(entry: yaml.Node) -> str:
    """Return the text of a node. Quotes stay: whether a text is quoted decides its type."""
    # pyright cannot resolve a type in the signature of types-PyYAML 6.0.12.20261122 and later.
    text: str = yaml.serialize(  # pyright: ignore[reportUnknownMemberType]
        entry, Dumper=_Dumper, width=10**6, allow_unicode=True
    )
    return text.removesuffix("...\n")
