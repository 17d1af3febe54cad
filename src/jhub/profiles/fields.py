"""Typed access to the keys of a mapping: values of another type are reported, and count as missing."""

from __future__ import annotations

from typing import Any

from jhub.profiles.problems import ProblemLog, quote, truncate
from jhub.profiles.yaml_tree import Mapping, Node, Scalar, Sequence, to_python

FLAG_TEXTS = {"true": True, "false": False}
"""Texts that count as a boolean, in lower case."""


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

    def warn(self, key: str, message: str) -> None:
        """Report a problem in the value of a key that does not keep the file from being loaded."""
        self.log.warn(self.line(key), f"{self.label}: {message}")

    def is_null(self, key: str) -> bool:
        """Return whether a key has no value."""
        node = self.node.entries.get(key)
        return isinstance(node, Scalar) and node.value is None

    def is_function(self, key: str) -> bool:
        """Return whether the value of a key is a function, as a list in Python may have it."""
        node = self.node.entries.get(key)
        return isinstance(node, Scalar) and callable(node.value)

    def text(self, key: str) -> str:
        """Return a text, empty if the key is missing."""
        node = self.node.entries.get(key)
        if node is None or self.is_null(key):
            return ""
        if isinstance(node, Scalar) and isinstance(node.value, str):
            return node.value
        self.error(key, f"`{key}` must be text, not {node}{_quoting_hint(node)}")
        return ""

    def required_text(self, key: str) -> str:
        """Return a text, and report it if it is missing or empty."""
        node = self.node.entries.get(key)
        if node is None or self.is_null(key) or (isinstance(node, Scalar) and node.value == ""):
            self.error(key, f"needs `{key}`")
            return ""
        return self.text(key)

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean. Text such as "True" counts, with a warning: real lists have it, and templates write it."""
        node = self.node.entries.get(key)
        if node is None:
            return default
        if self.is_null(key):
            self.warn(key, f"`{key}` is empty, which counts as {str(default).lower()}")
            return default
        if isinstance(node, Scalar) and isinstance(node.value, bool):
            return node.value
        if isinstance(node, Scalar) and str(node.value).casefold() in FLAG_TEXTS:
            flag = FLAG_TEXTS[str(node.value).casefold()]
            self.warn(key, f"`{key}` is the text {quote(str(node.value))}, which counts as {str(flag).lower()}")
            return flag
        self.error(key, f"`{key}` must be true or false, not {node}")
        return default

    def names(self, key: str, *, may_be_empty: bool = False) -> tuple[str, ...] | None:
        """Return a list of names, which may be empty; None only if the key is missing.

        With `may_be_empty`, each name may be empty, too.
        """
        node = self.node.entries.get(key)
        if node is None:
            return None
        if not isinstance(node, Sequence):
            self.error(key, f"`{key}` must be a list of names ([] for none), not {node}")
            return ()
        names: list[str] = []
        for item in node.items:
            if isinstance(item, Scalar) and isinstance(item.value, str) and (item.value or may_be_empty):
                names.append(item.value)
            else:
                found = "an empty text" if isinstance(item, Scalar) and item.value == "" else str(item)
                self.log.error(
                    item.line, f"{self.label}: a name in `{key}` must be text, not {found}{_quoting_hint(item)}"
                )
        return tuple(names)

    def mapping(self, key: str) -> MappingReader | None:
        """Return a reader of the mapping at a key; None if the key is missing."""
        node = self.node.entries.get(key)
        if node is None or self.is_null(key):
            return None
        if isinstance(node, Mapping):
            return MappingReader(self.log, node, f"{self.label}: `{key}`")
        self.error(key, f"`{key}` must be a mapping, not {node}")
        return None

    def texts(self, key: str) -> dict[str, str]:
        """Return a mapping whose values are text, empty if the key is missing."""
        child = self.mapping(key)
        return {name: child.text(name) for name in child.node.entries} if child else {}

    def mapping_list(self, key: str) -> list[MappingReader]:
        """Return a reader of each mapping in a list; messages call it by its name, or by its number without one."""
        node = self.node.entries.get(key)
        if node is None or self.is_null(key):
            return []
        if not isinstance(node, Sequence):
            self.error(key, f"`{key}` must be a list, not {node}")
            return []
        readers: list[MappingReader] = []
        for number, item in enumerate(node.items, start=1):
            if isinstance(item, Mapping):
                name = getattr(item.entries.get("name"), "value", None) or number
                readers.append(MappingReader(self.log, item, f"{self.label}: `{key}` {truncate(str(name))}"))
            else:
                self.log.error(item.line, f"{self.label}: `{key}` {number} must be a mapping, not {item}")
        return readers

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
        environment = None if override.is_function("environment") else override.mapping("environment")
        if environment is not None:
            environment.read_variables(self.label, removable=removable)
        values: dict[str, Any] = to_python(override.node)
        return values

    def read_variables(self, label: str, *, removable: bool = False) -> dict[str, Any]:
        """Return environment variables. Their values must be text.

        `removable` ones, of KubeSpawner, may also be null, which removes the variable, or a mapping, which names the
        source of the value. In a list in Python, they may be functions of the spawner.
        """
        for name, value in self.node.entries.items():
            text = isinstance(value, Scalar) and isinstance(value.value, str)
            other = isinstance(value, Mapping) or (
                isinstance(value, Scalar) and (value.value is None or callable(value.value))
            )
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
    """Return a hint on how to quote a value that YAML does not read as text."""
    return f': write "{node.source}"' if isinstance(node, Scalar) and node.source and node.value != "" else ""
