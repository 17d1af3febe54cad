"""JSON of a state file as a tree with line numbers, in which no duplicate key is lost."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from itertools import accumulate
from typing import NoReturn

from jhub.profiles.problems import ProblemLog, UnreadableFile, truncate
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence, Value
from jhub.state.files.yaml_reader import MAX_DEPTH, MAX_NODES, SURROGATE, is_text, resolve

TOKEN = re.compile(r"[ \t\n\r]*([\[\]{},:]|\"|[^ \t\n\r\[\]{},:\"]+|$)")
"""Pattern of the next token, or the beginning of a text."""


def parse_json(text: str, log: ProblemLog) -> Node:
    """Return the tree of a JSON text. The `source` of a number is the text as it is written.

    Raises
    ------
    UnreadableFile
        It is not JSON, or too large.
    """
    return _JSONReader(text, log).document()


class _JSONReader:
    """A reader of one value after the other."""

    def __init__(self, text: str, log: ProblemLog) -> None:
        self.text = text
        self.log = log
        self.line_ends = list(accumulate(len(line) + 1 for line in text.split("\n")))
        self.decode_text = json.JSONDecoder().raw_decode
        self.at = 0
        self.start = 0
        self.nodes_left = MAX_NODES
        self.keys: dict[str, str] = {}

    def document(self) -> Node:
        root = self.node(self.next_token(), 0)
        if self.next_token():
            self.refuse("the end of the file")
        return root

    def line(self) -> int:
        """Return the line of the last token."""
        return bisect_right(self.line_ends, self.start) + 1

    def refuse(self, expected: str) -> NoReturn:
        found = truncate(self.text[self.start : self.at]) or "the end of the file"
        raise UnreadableFile(self.line(), f"not JSON: expected {expected}, not {found}")

    def next_token(self) -> str:
        """Return the next token, only the quotation mark of a text, and empty at the end."""
        if (found := TOKEN.match(self.text, self.at)) is None:
            raise AssertionError("the pattern also matches the end")
        self.start, self.at = found.span(1)
        return found[1]

    def string(self) -> str:
        """Return the text whose quotation mark is the last token."""
        try:
            value: str
            value, self.at = self.decode_text(self.text, self.start)
        except json.JSONDecodeError as error:
            raise UnreadableFile(error.lineno, f"not JSON: {error.msg}") from None
        if not value.isascii() and SURROGATE.search(value):
            self.log.error(self.line(), "lone surrogate: \\u escapes from d800 to dfff are not characters")
            return "?"
        return value

    def node(self, token: str, depth: int) -> Node:
        line = self.line()
        self.nodes_left -= 1
        if self.nodes_left < 0:
            raise UnreadableFile(line, f"the file is too large: more than {MAX_NODES} values")
        if depth > MAX_DEPTH:
            raise UnreadableFile(line, f"nested too deeply: more than {MAX_DEPTH} levels")
        match token:
            case "{":
                return self.mapping(line, depth)
            case "[":
                return Sequence(line, tuple(self.items(depth)))
            case '"':
                text = self.string()
                return Scalar(line, text, text)
            case _:
                return Scalar(line, self.value(token, line), token)

    def value(self, token: str, line: int) -> Value:
        if not token or is_text(token):
            self.refuse("a value")
        try:
            return resolve(token)
        except ValueError as error:
            self.log.error(line, str(error))
            return token

    def items(self, depth: int) -> list[Node]:
        items: list[Node] = []
        token = self.next_token()
        if token == "]":
            return items
        while True:
            items.append(self.node(token, depth + 1))
            token = self.next_token()
            if token == "]":
                return items
            if token != ",":
                self.refuse("a comma or ]")
            token = self.next_token()

    def mapping(self, line: int, depth: int) -> Mapping:
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        token = self.next_token()
        if token == "}":
            return Mapping(line, entries, lines)
        while True:
            if token != '"':
                self.refuse("a key in quotes")
            key_line, key = self.line(), self.string()
            if self.next_token() != ":":
                self.refuse("a colon")
            value = self.node(self.next_token(), depth + 1)
            if key in entries:
                self.log.error(key_line, f"duplicate key {truncate(key)}: first used in line {lines[key]}")
            else:
                key = self.keys.setdefault(key, key)
                entries[key], lines[key] = value, key_line
            token = self.next_token()
            if token == "}":
                return Mapping(line, entries, lines)
            if token != ",":
                self.refuse("a comma or }")
            token = self.next_token()
