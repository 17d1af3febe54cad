"""Typed access to the mappings of a state file. Problems are reported with their lines, and their values left out."""

from __future__ import annotations

import difflib
from typing import Any

from msgspec import Struct

from jhub.errors import InvalidInput
from jhub.object_path import segment
from jhub.profiles.problems import ProblemLog, quote
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence
from jhub.state.files.file_form import form_keys
from jhub.state.rosters.names import refused_by_default


class FormReader:
    """A reader of a mapping with the keys of a form, which messages call `label`."""

    def __init__(self, log: ProblemLog, node: Mapping, form: type[Struct], label: str) -> None:
        """Read from a node, and report problems and unknown keys to `log`."""
        self.log = log
        self.node = node
        self.label = label
        known = form_keys(form)
        for key in node.entries:
            if key not in known:
                self.error(key, f"unknown key {quote(key)}{_meant(key, known)}")

    def __contains__(self, key: str) -> bool:
        """Return whether the mapping has a key."""
        return key in self.node.entries

    def line(self, key: str) -> int:
        """Return the line of a key, or of the mapping if the key is missing."""
        return self.node.lines.get(key, self.node.line)

    def message(self, text: str) -> str:
        """Return a message about the mapping."""
        return f"{self.label}: {text}" if self.label else text

    def error(self, key: str, message: str) -> None:
        """Report an error in the value of a key."""
        self.log.error(self.line(key), self.message(message))

    def text(self, key: str) -> str | None:
        """Return a text as it is written, with or without quotes; None if the key is missing or the value reported."""
        node = self.node.entries.get(key)
        return None if node is None else self.text_of(node, f"`{key}`", self.line(key))

    def required_text(self, key: str) -> str | None:
        """Return a text, and report it if it is missing."""
        if key not in self:
            self.error(key, f"needs `{key}`")
        return self.text(key)

    def name(self, key: str, noun: str) -> str | None:
        """Return the name of an object on the hub, which is required."""
        text = self.required_text(key)
        return None if text is None or not self.check_name(text, noun, self.line(key)) else text

    def flag(self, key: str) -> bool | None:
        """Return a boolean; None if the key is missing or the value reported."""
        node = self.node.entries.get(key)
        if node is None or (isinstance(node, Scalar) and isinstance(node.value, bool)):
            return None if node is None else bool(node.value)
        hint = " without quotes" if isinstance(node, Scalar) and node.value in ("true", "false") else ""
        self.error(key, f"`{key}` must be true or false{hint}, not {node}")
        return None

    def items(self, key: str, what: str) -> tuple[Node, ...]:
        """Return the items of a list of `what`; none if the key is missing or the value reported."""
        node = self.node.entries.get(key)
        if node is None:
            return ()
        if isinstance(node, Sequence):
            return node.items
        self.error(key, f"`{key}` must be a list of {what} ([] for an empty list), not {node}")
        return ()

    def texts(self, key: str, what: str = "texts") -> tuple[str, ...] | None:
        """Return a list of texts; None if the key is missing."""
        if key not in self:
            return None
        texts = (self.text_of(item, f"an item of `{key}`", item.line) for item in self.items(key, what))
        return tuple(text for text in texts if text is not None)

    def names(self, key: str, noun: str) -> tuple[str, ...] | None:
        """Return a list of names, sorted and each once; None if the key is missing. Repeated ones get a warning."""
        if key not in self:
            return None
        lines: dict[str, tuple[str, int]] = {}
        for item in self.items(key, "names"):
            name = self.text_of(item, f"a name in `{key}`", item.line)
            if name is None or not self.check_name(name, noun, item.line):
                continue
            folded = name.lower() if noun == "user" else name
            if folded in lines:
                first = f"first named in line {lines[folded][1]}"
                self.log.warn(item.line, self.message(f"{noun} {name} is in `{key}` twice: {first}"))
            else:
                lines[folded] = name, item.line
        return tuple(sorted(name for name, _ in lines.values()))

    def mapping(self, key: str, form: type[Struct], label: str) -> FormReader | None:
        """Return a reader of the mapping at a key; None if the key is missing or the value reported."""
        node = self.node.entries.get(key)
        if node is None:
            return None
        if isinstance(node, Mapping):
            return FormReader(self.log, node, form, self.message(label) if self.label else label)
        self.error(key, f"`{key}` must be a mapping, not {node}")
        return None

    def text_mapping(self, key: str) -> dict[str, str]:
        """Return a mapping whose values are texts, empty if the key is missing."""
        node = self.node.entries.get(key)
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self.error(key, f"`{key}` must be a mapping, not {node}")
            return {}
        texts = {name: self.text_of(value, f"`{key}.{name}`", value.line) for name, value in node.entries.items()}
        return {name: text for name, text in texts.items() if text is not None}

    def free_mapping(self, key: str) -> dict[str, Any] | None:
        """Return a mapping of any JSON values; None if the key is missing or the value reported."""
        node = self.node.entries.get(key)
        if node is None:
            return None
        if not isinstance(node, Mapping):
            self.error(key, f"`{key}` must be a mapping ({{}} for an empty one), not {node}")
            return None
        return {name: self.free_value(value, f"`{key}.{name}`") for name, value in node.entries.items()}

    def free_value(self, node: Node, path: str) -> Any:
        """Return any JSON value. A value that is not written is reported."""
        match node:
            case Mapping():
                return {name: self.free_value(value, path) for name, value in node.entries.items()}
            case Sequence():
                return [self.free_value(item, path) for item in node.items]
            case Scalar(value=None, source=""):
                self.log.error(node.line, self.message(f'{path} has an empty value: write null, "" or {{}}'))
                return None
            case Scalar():
                return node.value

    def text_of(self, node: Node, what: str, line: int) -> str | None:
        """Return the text of a scalar as it is written; None if it was reported."""
        if isinstance(node, Scalar):
            if node.value is not None and node.source:
                return node.source
            if node.source:
                self.log.error(line, self.message(f'{what} is null: leave it out, or write "null" if it is text'))
            else:
                self.log.error(line, self.message(f"{what} is empty"))
            return None
        self.log.error(line, self.message(f"{what} must be text, not {node}"))
        return None

    def check_name(self, name: str, noun: str, line: int) -> bool:
        """Return whether a name can stand in a path of the REST API, and report it if not.

        A user name that most hubs refuse gets a warning: `Authenticator.validate_username` may be replaced.
        """
        try:
            segment(name, noun)
        except InvalidInput as error:
            self.log.error(line, self.message(str(error)))
            return False
        if noun == "user" and (reason := refused_by_default(name)):
            self.log.warn(line, self.message(f"user {quote(name)} {reason}"))
        return True


def _meant(key: str, known: tuple[str, ...]) -> str:
    """Return a suggestion for an unknown key, or the known keys."""
    similar = difflib.get_close_matches(key.lower().replace("_", "-"), known, 1)
    return f"; did you mean `{similar[0]}`?" if similar else f"; the keys are {', '.join(known)}"
