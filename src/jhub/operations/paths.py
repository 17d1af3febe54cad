"""Paths that several nouns begin with, and bodies."""

from __future__ import annotations

from typing import Any

from jhub.steps import segment


def user_path(name: str) -> str:
    """`/users/NAME`, quoted."""
    return f"/users/{segment(name, 'user')}"


def body_of(**fields: object) -> dict[str, Any]:
    """Return the fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}
