"""YAML as a tree of nodes with line numbers.

PyYAML's own loader drops line numbers, keeps the last of two equal keys, and expands aliases without a limit. Here
PyYAML only composes the text, and the tree is built from that with line numbers, unique keys and limits.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

import yaml
from yaml.constructor import SafeConstructor

from jhub.profiles.problems import ProblemLog, UnreadableFile, truncate

MAX_CHARACTERS = 500_000
"""Maximum size of a file. Composing that many takes seconds, and the profiles of a large hub have a tenth of it."""
MAX_NODES = 50_000
"""Maximum number of nodes, counting those of an alias each time. A profile has about twenty."""
MAX_DEPTH = 40
"""Maximum depth of nested nodes."""

TAG = "tag:yaml.org,2002:"
"""Prefix of YAML's standard tags."""
TEXTS = {f"{TAG}str", f"{TAG}value"}
"""Tags of nodes that are text."""
MERGE = f"{TAG}merge"
"""Tag of a merge key."""

Value: TypeAlias = "str | int | float | bool | None"
Node: TypeAlias = "Scalar | Sequence | Mapping"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value."""

    line: int
    value: Value
    source: str
    """The text in the file, without quotes."""

    def __str__(self) -> str:
        """Return a description of the node, for a message about what it should be."""
        match cast("object", self.value):  # lists in Python have more types
            case str():
                return "text"
            case None:
                return f"{self.source} (YAML for null)" if self.source else "an empty value"
            case bool():
                return f"{self.source} (YAML for {str(self.value).lower()})"
            case int() | float():
                return f"{truncate(self.source)} (a number)"
            case other:
                return f"an object of the type {type(other).__name__}"


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    items: tuple[Node, ...]

    def __str__(self) -> str:
        """Return a description of the node, for a message."""
        return "a list"


@dataclass(frozen=True, slots=True)
class Mapping:
    """A mapping; its keys are text."""

    line: int
    entries: dict[str, Node]
    lines: dict[str, int]
    """The line of each key."""

    def __str__(self) -> str:
        """Return a description of the node, for a message."""
        return "a mapping"


def parse_yaml(text: str, log: ProblemLog) -> Node:
    """Return the tree of a YAML text, without the values that were reported.

    Raises UnreadableFile if there is no tree.
    """
    if len(text) > MAX_CHARACTERS:
        raise UnreadableFile(1, f"the file is too large: more than {MAX_CHARACTERS} characters")
    with yaml_errors(text):
        root: yaml.Node | None = yaml.compose(text, Loader=yaml.SafeLoader)
    if root is None:
        return Scalar(1, None, "")
    return _TreeBuilder(log).node(root, 0)


@contextmanager
def yaml_errors(text: str) -> Generator[None]:
    """Raise the errors of PyYAML while it reads a text as UnreadableFile, with the line."""
    try:
        yield
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        message = " ".join(str(part) for part in (error.context, error.problem) if part)
        raise UnreadableFile(mark.line + 1 if mark else 1, f"not YAML: {' '.join(message.split())}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise UnreadableFile(line, f"not YAML: a character that is not allowed, {chr(error.character)!r}") from None
    except (
        yaml.YAMLError,
        ValueError,
        OverflowError,
    ) as error:  # the last two for numbers in escapes and directives
        raise UnreadableFile(1, f"not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UnreadableFile(1, "not YAML: nested too deeply") from None


def to_python(node: Node) -> Any:
    """Return the value of a tree, as lists, dictionaries and scalar values of Python."""
    match node:
        case Scalar():
            return node.value
        case Sequence():
            return [to_python(item) for item in node.items]
        case Mapping():
            return {key: to_python(value) for key, value in node.entries.items()}


def from_python(value: object, depth: int = 0) -> Node:
    """Return the tree of a value of Python, without lines. Raises UnreadableFile if it is nested too deeply."""
    if depth > MAX_DEPTH:
        raise UnreadableFile(0, f"nested too deeply: more than {MAX_DEPTH} levels")
    match value:
        case dict():
            items = cast("dict[object, object]", value).items()
            return Mapping(0, {str(key): from_python(item, depth + 1) for key, item in items}, {})
        case list() | tuple():
            entries = cast("list[object]", value)
            return Sequence(0, tuple(from_python(item, depth + 1) for item in entries))
        case _:
            source = str(value) if isinstance(value, str | int | float) else ""
            return Scalar(0, cast("Value", value), source)


def iter_lines(node: Node, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], int]]:
    """Yield the line of a node, and of each key and item below it, with the path that leads there."""
    yield path, node.line
    if isinstance(node, Mapping):
        for key, value in node.entries.items():
            for below, line in iter_lines(value, (*path, key)):
                yield below, node.lines.get(key, line) if len(below) == len(path) + 1 else line
    elif isinstance(node, Sequence):
        for index, item in enumerate(node.items):
            yield from iter_lines(item, (*path, str(index)))


def iter_texts(node: Node) -> Iterator[tuple[int, str]]:
    """Yield all texts of a tree, including keys, with their lines."""
    match node:
        case Scalar(value=str() as text):
            yield node.line, text
        case Scalar():
            pass
        case Sequence():
            for item in node.items:
                yield from iter_texts(item)
        case Mapping():
            for key, value in node.entries.items():
                yield node.lines[key], key
                yield from iter_texts(value)


class _TreeBuilder:
    """A builder of the tree from PyYAML's nodes."""

    def __init__(self, log: ProblemLog) -> None:
        self.log = log
        self.constructor = SafeConstructor()
        self.nodes_left = MAX_NODES

    def node(self, node: yaml.Node, depth: int) -> Node:
        line = node.start_mark.line + 1
        self.nodes_left -= 1
        if self.nodes_left < 0:
            raise UnreadableFile(
                line, f"the file is too large: more than {MAX_NODES} values, with those that aliases repeat"
            )
        if depth > MAX_DEPTH:
            # An anchor that contains itself ends here, too.
            raise UnreadableFile(line, f"nested too deeply: more than {MAX_DEPTH} levels")
        if isinstance(node, yaml.MappingNode):
            self.check_tag(node, "map")
            return self.mapping(node, depth)
        if isinstance(node, yaml.SequenceNode):
            self.check_tag(node, "seq")
            return Sequence(line, tuple(self.node(item, depth + 1) for item in node.value))
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        raise AssertionError("YAML has no other nodes")

    def check_tag(self, node: yaml.Node, expected: str) -> None:
        if node.tag != TAG + expected:
            self.refuse_tag(node)

    def refuse_tag(self, node: yaml.Node) -> None:
        tag = node.tag.replace(TAG, "!!")
        self.log.error(
            node.start_mark.line + 1,
            f"the tag {truncate(tag)} is not allowed: values are text, numbers, true, false, null, lists and mappings",
        )

    def mapping(self, node: yaml.MappingNode, depth: int) -> Mapping:
        merged = Mapping(node.start_mark.line + 1, {}, {})
        own = Mapping(merged.line, {}, {})
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if key_node.tag == MERGE:
                self.merge(merged, self.node(value_node, depth + 1))
                continue
            key = self.node(key_node, depth + 1)
            value = self.node(value_node, depth + 1)
            if not isinstance(key, Scalar):
                self.log.error(line, f"a key must be text, not {key}")
            elif not isinstance(key.value, str):
                self.log.error(line, f'a key must be text, not {key}: write "{truncate(key.source)}"')
            elif key.value in own.entries:
                self.log.error(line, f"duplicate key {truncate(key.value)}: first used in line {own.lines[key.value]}")
            else:
                own.entries[key.value] = value
                own.lines[key.value] = line
        return Mapping(own.line, merged.entries | own.entries, merged.lines | own.lines)

    def merge(self, into: Mapping, source: Node) -> None:
        """Add the mappings that `<<` names. If several have the same key, the first one wins."""
        for mapping in source.items if isinstance(source, Sequence) else (source,):
            if not isinstance(mapping, Mapping):
                self.log.error(source.line, f"<< must be a mapping or a list of mappings, not {mapping}")
                continue
            for key, value in mapping.entries.items():
                if key not in into.entries:
                    into.entries[key] = value
                    into.lines[key] = mapping.lines[key]

    def scalar(self, node: yaml.ScalarNode) -> Scalar:
        line = node.start_mark.line + 1
        source: str = node.value
        null = Scalar(line, None, source)
        kind = node.tag.removeprefix(TAG)
        if kind == "timestamp":
            self.log.error(line, f'{source} is a date in YAML: write "{source}" if it is text')
            return null
        if node.tag in TEXTS:
            if not source.isascii() and any("\ud800" <= character <= "\udfff" for character in source):
                self.log.error(line, "lone surrogate: \\u escapes from d800 to dfff are not characters")
                return null
            if "\0" in source:
                self.log.error(line, "NUL is not allowed: arguments and environment variables cannot contain it")
                return null
            return Scalar(line, source, source)
        value: Value = None
        try:
            if kind == "bool":
                value = self.constructor.construct_yaml_bool(node)
            elif kind == "int":
                value = self.constructor.construct_yaml_int(node)
            elif kind == "float":
                value = self.constructor.construct_yaml_float(node)
            elif kind != "null":
                self.refuse_tag(node)
        except (ValueError, LookupError, OverflowError):
            self.log.error(line, f"not a value of the tag !!{kind}: {truncate(source)}")
            return null
        if isinstance(value, int | float) and ":" in source:
            self.log.error(line, f'{source} is the number {value} in YAML, with base 60: write "{source}"')
            return null
        if isinstance(value, float) and not math.isfinite(value):
            self.log.error(line, f"{truncate(source)} is not a number that a setting can have")
            return null
        return Scalar(line, value, source)
