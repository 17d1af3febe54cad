"""Telling functions of ours from JupyterHub's own, which they wrap."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

MARK = "__jhub__"


def marked(function: F) -> F:
    """The function, as one of ours."""
    # Itself, for functools.wraps copies the marks of what it wraps.
    setattr(function, MARK, function)
    return function


def is_marked(function: object) -> bool:
    """Whether it is one of ours."""
    return getattr(function, MARK, None) is function
