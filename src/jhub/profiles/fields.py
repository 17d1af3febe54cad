"""Typed access to the keys of a mapping: values of another type are reported, and count as missing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from jhub.profiles.problems import ProblemLog, quote
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence, to_python


class MappingReader:
    """A reader of a mapping in the file, which messages call `label`."""

    def __init__(self, log: ProblemLog, node: Mapping, label: str) -> None:
        """Read from a node, and report problems to `log`."""
        self.log = log
        self.node = node
        self.label = label

    def __contains__(self, key: str) -> bool:
        """Return whether the mapping has a key."""
        return key in self.node.entries

    def line(self, key: str) -> int:
        """Return the line of a key, or of the mapping if the key is missing."""
        return self.node.lines.get(key, self.node.line)

    def error(self, key: str, message: str) -> None:
        """Report an error in the value of a key."""
        self.log.error(self.line(key), f"{self.label}: {message}")

    def check_keys(self, known: Collection[str]) -> None:
        """Report the keys that are not `known`."""
        for key in self.node.entries:
            if key not in known:
                self.error(key, f"unknown key {quote(key)} (known: {', '.join(sorted(known))})")

    def text(self, key: str) -> str:
        """Return a text, empty if the key is missing."""
        node = self.node.entries.get(key)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return ""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        self.error(key, f"`{key}` must be text, not {node}{_quoting_hint(node)}")
        return ""

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        node = self.node.entries.get(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.error(key, f"`{key}` must be true or false, not {node}")
        return default

    def names(self, key: str) -> tuple[str, ...] | None:
        """Return a list of names, which may be empty; None only if the key is missing."""
        node = self.node.entries.get(key)
        if node is None:
            return None
        if not isinstance(node, Sequence):
            self.error(key, f"`{key}` must be a list of names ([] for none), not {node}")
            return ()
        names: list[str] = []
        for item in node.items:
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value:
                names.append(item.value)
            else:
                self.log.error(
                    item.line, f"{self.label}: a name in `{key}` must be text, not {item}{_quoting_hint(item)}"
                )
        return tuple(names)

    def mapping(self, key: str) -> MappingReader | None:
        """Return a reader of the mapping at a key; None if the key is missing."""
        node = self.node.entries.get(key)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        if isinstance(node, Mapping):
            return MappingReader(self.log, node, f"{self.label}: `{key}`")
        self.error(key, f"`{key}` must be a mapping, not {node}")
        return None

    def mappings(self, label: str) -> list[tuple[str, MappingReader]]:
        """Return a reader for the mapping at each key, with that key; messages call each one `label` and the key."""
        readers: list[tuple[str, MappingReader]] = []
        for key, node in self.node.entries.items():
            if isinstance(node, Scalar) and node.value is None:
                node = Mapping(node.line, {}, {})
            if isinstance(node, Mapping):
                readers.append((key, MappingReader(self.log, node, f"{label} {key}")))
            else:
                self.log.error(self.line(key), f"{label} {key} must be a mapping, not {node}")
        return readers

    def overrides(self, key: str, *, removable: bool = False) -> dict[str, Any]:
        """Return the overrides at a key, with their `environment` checked as by `read_variables`."""
        override = self.mapping(key)
        if override is None:
            return {}
        environment = override.mapping("environment")
        if environment is not None:
            environment.read_variables(self.label, removable=removable)
        values: dict[str, Any] = to_python(override.node)
        return values

    def read_variables(self, label: str, *, removable: bool = False) -> dict[str, Any]:
        """Return environment variables. Their values must be text.

        `removable` ones, of KubeSpawner, may also be null, which removes the variable, or a mapping, which names the
        source of the value.
        """
        for name, value in self.node.entries.items():
            text = isinstance(value, Scalar) and isinstance(value.value, str)
            other = isinstance(value, Mapping) or (isinstance(value, Scalar) and value.value is None)
            if not is_variable_name(name):
                self.log.error(value.line, f"{label}: {quote(name)} cannot be the name of an environment variable")
            if not (text or (removable and other)):
                self.log.error(
                    value.line,
                    f"{label}: the environment variable {quote(name)} must be text: write it in quotes",
                )
        values: dict[str, Any] = to_python(self.node)
        return values


def is_variable_name(name: str) -> bool:
    """Return whether an environment variable can have this name."""
    return name != "" and not {"=", "\0"} & set(name)


def _quoting_hint(node: Node) -> str:
    """Return a hint for a message: how to make text of a value that YAML does not read as text."""
    return f': write "{node.source}"' if isinstance(node, Scalar) and node.source and node.value != "" else ""
