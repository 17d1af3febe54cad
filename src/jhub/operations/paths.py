"""Paths that several nouns begin with."""

from __future__ import annotations

from jhub.steps import segment


def user_path(name: str) -> str:
    """`/users/NAME`, quoted."""
    return f"/users/{segment(name, 'user')}"
