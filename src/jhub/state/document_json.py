"""JSON of a state file for a document."""

from __future__ import annotations

import json
from typing import Any

import yaml

from jhub.state.document import Document
from jhub.state.document_text import to_yaml

VALUES = frozenset({"version", "admin", "create-users", "properties", "options"})
"""Keys below which a text without quotes is a value of JSON, if it can be one. Everywhere else it is text."""


def to_json(document: Document) -> str:
    """Return a document as the JSON of a state file. `load` reads the same document from a file `NAME.json`.

    Raises
    ------
    InvalidInput
        As for `to_yaml`.
    """
    root = yaml.compose(to_yaml(document), Loader=yaml.BaseLoader)
    return json.dumps(_plain(root, is_value=False), indent=2, ensure_ascii=False) + "\n"


def _plain(node: yaml.Node | None, *, is_value: bool) -> Any:
    match node:
        case yaml.MappingNode():
            return {key.value: _plain(value, is_value=is_value or key.value in VALUES) for key, value in node.value}
        case yaml.SequenceNode():
            return [_plain(each, is_value=is_value) for each in node.value]
        case yaml.ScalarNode() if node.style is None and (is_value or node.value == "null"):
            try:
                return json.loads(node.value)
            except ValueError:
                return node.value
        case _:
            return node.value if isinstance(node, yaml.ScalarNode) else None
