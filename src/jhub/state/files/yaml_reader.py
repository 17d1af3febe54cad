"""YAML of a state file as a tree with line numbers, in which plain scalars have JSON's types only.

A name such as `007123` or `no` stays text. The tree is built from PyYAML's events, not from its nodes, whose marks make
them ten times larger. Merge keys and aliases work, and aliases count as often as they are used.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import yaml

from jhub.profiles.problems import ProblemLog, UnreadableFile, truncate
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence, Value, yaml_errors

MAX_NODES = 2_000_000
"""Maximum number of values, counting those of an alias each time."""
MAX_DEPTH = 20
"""Maximum depth of nested values."""
MAX_NUMBER_CHARACTERS = 300
"""Maximum length of a number."""
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
"""Pattern of a number in JSON."""
WORDS: dict[str, Value] = {"true": True, "false": False, "null": None, "": None}
"""Values of plain scalars that are not numbers or text. An empty one is null."""
WORD_STARTS = frozenset("tfn")
NUMBER_STARTS = frozenset("-0123456789")
SURROGATE = re.compile("[\ud800-\udfff]")
FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Pattern of the characters that YAML does not allow outside of escapes."""

Parser: Any = getattr(yaml, "CSafeLoader", None)
"""The parser of libyaml; None if PyYAML was built without it."""


def parse_yaml(text: str, log: ProblemLog, *, pure: bool = False) -> Node:
    """Return the tree of a YAML text. A scalar's `source` is the text as it is written, without quotes.

    `pure` selects the parser that is written in Python, which has the same results.

    Raises
    ------
    UnreadableFile
        There is no tree.
    """
    if found := FORBIDDEN.search(text):
        raise UnreadableFile(
            text.count("\n", 0, found.start()) + 1, f"a character that is not allowed in YAML: {found[0]!r}"
        )
    with yaml_errors(text):
        return _TreeBuilder(yaml.SafeLoader(text) if pure or Parser is None else Parser(text), log).document()


def is_text(source: str) -> bool:
    """Return whether a plain scalar is text, and not a number, true, false or null as in JSON."""
    return source not in WORDS and not NUMBER.fullmatch(source)


def resolve(source: str) -> Value:
    """Return the value of a plain scalar: a number, true, false or null as in JSON, or else the text.

    Raises
    ------
    ValueError
        It is a number that is too large.
    """
    if not source or source[0] in WORD_STARTS:
        return WORDS.get(source, source)
    if source[0] not in NUMBER_STARTS or not (number := NUMBER.fullmatch(source)):
        return source
    if len(source) > MAX_NUMBER_CHARACTERS:
        raise ValueError(f"the number {truncate(source)} is too long: write it in quotes if it is text")
    if number[1] is None and number[2] is None:
        return int(source)
    value = float(source)
    if not math.isfinite(value):
        raise ValueError(f"the number {truncate(source)} is too large: write it in quotes if it is text")
    return value


@dataclass(slots=True)
class _Anchor:
    """A value that aliases repeat."""

    node: Node
    nodes: int
    height: int


class _TreeBuilder:
    """A builder of the tree from a parser's events."""

    def __init__(self, parser: Any, log: ProblemLog) -> None:
        self.next_event: Callable[[], Any] = parser.get_event
        self.log = log
        self.count = 0
        self.deepest = 0
        self.anchors: dict[str, _Anchor | None] = {}
        self.keys: dict[str, str] = {}

    def document(self) -> Node:
        """Return the tree of the only document."""
        self.next_event()  # the stream starts
        event = self.next_event()
        if type(event) is yaml.StreamEndEvent:
            return Scalar(1, None, "")
        root = self.node(self.next_event(), 0)
        self.next_event()  # the document ends
        event = self.next_event()
        if type(event) is not yaml.StreamEndEvent:
            raise UnreadableFile(_line(event), "a second document begins here: write one document in each file")
        return root

    def node(self, event: Any, depth: int) -> Node:
        line = _line(event)
        if type(event) is yaml.AliasEvent:
            return self.alias(str(event.anchor), line, depth)
        self.add(1, line)
        self.descend(depth, line)
        anchor: str | None = event.anchor
        before, deepest = self.count, self.deepest
        if anchor is not None:
            self.anchors[anchor] = None
            self.deepest = depth
        if event.tag is not None:
            self.log.error(line, f"the tag {truncate(event.tag)} is not allowed: write text in quotes instead")
        node: Node
        if type(event) is yaml.ScalarEvent:
            node = self.scalar(event, line)
        elif type(event) is yaml.SequenceStartEvent:
            node = Sequence(line, tuple(self.items(depth)))
        else:
            node = self.mapping(line, depth)
        if anchor is not None:
            self.anchors[anchor] = _Anchor(node, self.count - before + 1, self.deepest - depth)
            self.deepest = max(deepest, self.deepest)
        return node

    def add(self, nodes: int, line: int) -> None:
        self.count += nodes
        if self.count > MAX_NODES:
            raise UnreadableFile(
                line, f"the file is too large: more than {MAX_NODES} values, with those that aliases repeat"
            )

    def descend(self, depth: int, line: int) -> None:
        if depth > self.deepest:
            self.deepest = depth
        if depth > MAX_DEPTH:
            raise UnreadableFile(line, f"nested too deeply: more than {MAX_DEPTH} levels")

    def alias(self, name: str, line: int, depth: int) -> Node:
        if name not in self.anchors:
            raise UnreadableFile(line, f"the alias *{truncate(name)} has no anchor before it")
        anchor = self.anchors[name]
        if anchor is None:
            raise UnreadableFile(line, f"the alias *{truncate(name)} is inside of its own anchor")
        self.add(anchor.nodes, line)
        self.descend(depth + anchor.height, line)
        return anchor.node

    def items(self, depth: int) -> list[Node]:
        items: list[Node] = []
        while type(event := self.next_event()) is not yaml.SequenceEndEvent:
            items.append(self.node(event, depth + 1))
        return items

    def mapping(self, line: int, depth: int) -> Mapping:
        merged = Mapping(line, {}, {})
        own = Mapping(line, {}, {})
        while type(event := self.next_event()) is not yaml.MappingEndEvent:
            key_line = _line(event)
            is_merge = type(event) is yaml.ScalarEvent and event.value == "<<" and event.implicit[0]
            key = "<<" if is_merge else self.key(event, key_line, depth)
            value = self.node(self.next_event(), depth + 1)
            if is_merge:
                self.merge(merged, value, key_line)
            elif key is None:
                pass
            elif key in own.entries:
                self.log.error(key_line, f"duplicate key {truncate(key)}: first used in line {own.lines[key]}")
            else:
                own.entries[key] = value
                own.lines[key] = key_line
        if not merged.entries:
            return own
        return Mapping(line, merged.entries | own.entries, merged.lines | own.lines)

    def key(self, event: Any, line: int, depth: int) -> str | None:
        """Return a key, which is always text; None if it was reported."""
        node = self.node(event, depth + 1)
        if not isinstance(node, Scalar):
            self.log.error(line, f"a key must be text, not {node}")
            return None
        if node.value is None and not node.source:
            self.log.error(line, "a key is empty")
            return None
        return self.keys.setdefault(node.source, node.source)

    def merge(self, into: Mapping, source: Node, line: int) -> None:
        """Add the mappings that `<<` names. If several have the same key, the first one wins."""
        for mapping in source.items if isinstance(source, Sequence) else (source,):
            if not isinstance(mapping, Mapping):
                self.log.error(line, f"<< must be a mapping or a list of mappings, not {mapping}")
                continue
            for key, value in mapping.entries.items():
                if key not in into.entries:
                    into.entries[key] = value
                    into.lines[key] = mapping.lines[key]

    def scalar(self, event: Any, line: int) -> Scalar:
        source: str = event.value
        if not source.isascii() and SURROGATE.search(source):
            self.log.error(line, "lone surrogate: \\u escapes from d800 to dfff are not characters")
            return Scalar(line, "?", "?")
        if not event.implicit[0]:
            return Scalar(line, source, source)
        try:
            return Scalar(line, resolve(source), source)
        except ValueError as error:
            self.log.error(line, str(error))
            return Scalar(line, source, source)


def _line(event: Any) -> int:
    line: int = event.start_mark.line + 1
    return line
