"""The keys of a mapping, by the type that each must have. What is not so is reported, and read as missing."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from jhub.profiles.problems import Report, shown
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence, plain


class Fields:
    """A mapping of the file; `where` is what messages call it."""

    def __init__(self, report: Report, node: Mapping, where: str) -> None:
        self.report = report
        self.node = node
        self.where = where

    def __contains__(self, key: str) -> bool:
        return key in self.node.entries

    def line(self, key: str) -> int:
        """The line of a key, or of the mapping where it is missing."""
        return self.node.lines.get(key, self.node.line)

    def error(self, key: str, message: str) -> None:
        """Report a mistake in the value of a key."""
        self.report.error(self.line(key), f"{self.where}: {message}")

    def only(self, known: Collection[str]) -> None:
        """Report the keys that are not `known`."""
        for key in self.node.entries:
            if key not in known:
                self.error(key, f"unknown key {shown(key)} (known: {', '.join(sorted(known))})")

    def text(self, key: str) -> str:
        """Empty if missing."""
        node = self.node.entries.get(key)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return ""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        self.error(key, f"`{key}` must be text, and this is {node}{_quoted(node)}")
        return ""

    def flag(self, key: str, *, missing: bool = False) -> bool:
        """True or false."""
        node = self.node.entries.get(key)
        if node is None:
            return missing
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        self.error(key, f"`{key}` must be true or false, and this is {node}")
        return missing

    def names(self, key: str) -> tuple[str, ...] | None:
        """A list of names, which may be empty; None only if the key is missing."""
        node = self.node.entries.get(key)
        if node is None:
            return None
        if not isinstance(node, Sequence):
            self.error(key, f"`{key}` must be a list of names ([] for none), and this is {node}")
            return ()
        found: list[str] = []
        for item in node.items:
            if isinstance(item, Scalar) and isinstance(item.value, str) and item.value:
                found.append(item.value)
            else:
                self.report.error(
                    item.line, f"{self.where}: a name in `{key}` must be text, and this is {item}{_quoted(item)}"
                )
        return tuple(found)

    def fields(self, key: str) -> Fields | None:
        """A mapping below; None if missing."""
        node = self.node.entries.get(key)
        if node is None or (isinstance(node, Scalar) and node.value is None):
            return None
        if isinstance(node, Mapping):
            return Fields(self.report, node, f"{self.where}: `{key}`")
        self.error(key, f"`{key}` must be a mapping, and this is {node}")
        return None

    def each(self, where: str) -> list[tuple[str, Fields]]:
        """The mappings that the keys of this one stand for; `where` and the key are what messages call each."""
        found: list[tuple[str, Fields]] = []
        for key, node in self.node.entries.items():
            if isinstance(node, Scalar) and node.value is None:
                node = Mapping(node.line, {}, {})
            if isinstance(node, Mapping):
                found.append((key, Fields(self.report, node, f"{where} {key}")))
            else:
                self.report.error(self.line(key), f"{where} {key} must be a mapping, and this is {node}")
        return found

    def settings(self, key: str, *, removable: bool = False) -> dict[str, Any]:
        """Overrides. Their `environment` is checked as `variables` does."""
        override = self.fields(key)
        if override is None:
            return {}
        environment = override.fields("environment")
        if environment is not None:
            environment.variables(self.where, removable=removable)
        values: dict[str, Any] = plain(override.node)
        return values

    def variables(self, where: str, *, removable: bool = False) -> dict[str, Any]:
        """Environment variables. Their values are text; `removable` ones, of KubeSpawner, may be null, which takes the
        variable away, or a mapping, which says where the value is to come from.
        """
        for name, value in self.node.entries.items():
            text = isinstance(value, Scalar) and isinstance(value.value, str)
            other = isinstance(value, Mapping) or (isinstance(value, Scalar) and value.value is None)
            if not is_variable(name):
                self.report.error(value.line, f"{where}: {shown(name)} cannot be the name of an environment variable")
            if not (text or (removable and other)):
                self.report.error(
                    value.line,
                    f"{where}: the environment variable {shown(name)} must be text: write it in quotes",
                )
        values: dict[str, Any] = plain(self.node)
        return values


def is_variable(name: str) -> bool:
    """Return whether an environment can have a variable of this name."""
    return name != "" and not {"=", "\0"} & set(name)


def _quoted(node: Node) -> str:
    """How to make text of what YAML takes for something else."""
    return f': write "{node.written}"' if isinstance(node, Scalar) and node.written and node.value != "" else ""
