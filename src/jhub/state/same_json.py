"""Equality of JSON values."""

from __future__ import annotations

import msgspec


def same_json(first: object, second: object) -> bool:
    """Return whether two values are the same JSON. In Python, 1, 1.0 and True are equal."""
    return msgspec.json.encode(first, order="sorted") == msgspec.json.encode(second, order="sorted")
