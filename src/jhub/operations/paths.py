"""Paths that several nouns begin with, and what goes into bodies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from jhub.steps import segment


def user_path(name: str) -> str:
    """`/users/NAME`, quoted."""
    return f"/users/{segment(name, 'user')}"


def list_of(names: Iterable[str]) -> list[str]:
    """Return the names as a list. A single one is one: a str would be taken for its letters."""
    return [names] if isinstance(names, str) else list(names)


def body_of(**fields: object) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
