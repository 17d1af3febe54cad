"""The keys of a mapping, by the type that each must have. What is not so is reported, and read as missing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from jhub.profiles.problems import ProblemLog, quote
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence, to_python


class MappingReader:
    """A mapping of the file; `label` is what messages call it."""

    def __init__(self, log: ProblemLog, node: Mapping, label: str) -> None:
        self.log = log
        self.node = node
        self.label = label

    def __contains__(self, key: str) -> bool:
        return key in self.node.entries

    def line(self, key: str) -> int:
        """The line of a key, or of the mapping where it is missing."""
        return self.node.lines.get(key, self.node.line)

    def error(self, key: str, message: str) -> None:
        """Report a mistake in the value of a key."""
        self.log.error(self.line(key), f"{self.label}: {message}")

    def check_keys(self, known: Collection[str]) -> None:
        """Report the keys that are not `known`."""
        for key in self.node.entries:
            if key not in known:
                self.error(key, f"unknown key {quote(key)} (known: {', '.join(sorted(known))})")

    def text(self, key: str) -> str:
        """Empty if missing."""
        node = self.node.entries.get(key)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return ""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        self.error(key, f"`{key}` must be text, not {node}{_quoting_hint(node)}")
        return ""

    def flag(self, key: str, *, default: bool = False) -> bool:
        """True or false."""
        node = self.node.entries.get(key)
        if node is None:
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.error(key, f"`{key}` must be true or false, not {node}")
        return default

    def names(self, key: str) -> tuple[str, ...] | None:
        """A list of names, which may be empty; None only if the key is missing."""
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
        """A mapping below; None if missing."""
        node = self.node.entries.get(key)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        if isinstance(node, Mapping):
            return MappingReader(self.log, node, f"{self.label}: `{key}`")
        self.error(key, f"`{key}` must be a mapping, not {node}")
        return None

    def mappings(self, label: str) -> list[tuple[str, MappingReader]]:
        """The mappings that the keys of this one stand for; `label` and the key are what messages call each."""
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
        """Overrides. Their `environment` is checked as `read_variables` does."""
        override = self.mapping(key)
        if override is None:
            return {}
        environment = override.mapping("environment")
        if environment is not None:
            environment.read_variables(self.label, removable=removable)
        values: dict[str, Any] = to_python(override.node)
        return values

    def read_variables(self, label: str, *, removable: bool = False) -> dict[str, Any]:
        """Environment variables. Their values are text; `removable` ones, of KubeSpawner, may be null, which takes the
        variable away, or a mapping, which says where the value is to come from.
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
    """Return whether an environment can have a variable of this name."""
    return name != "" and not {"=", "\0"} & set(name)


def _quoting_hint(node: Node) -> str:
    """How to make text of what YAML takes for something else."""
    return f': write "{node.source}"' if isinstance(node, Scalar) and node.source and node.value != "" else ""
