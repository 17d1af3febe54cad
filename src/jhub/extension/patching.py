"""Patches of JupyterHub: wrapped methods and added routes, each applied once for all hubs of the process."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from jupyterhub import apihandlers

F = TypeVar("F", bound=Callable[..., Any])

PATCH_ATTRIBUTE = "__jhub__"
"""Attribute that identifies a function as a patch of jhub."""


def wrap_once(cls: Any, name: str, wrapper: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Wrap a method of a class with `wrapper`, unless it is already wrapped."""
    original = getattr(cls, name)
    if not is_patch(original):
        setattr(cls, name, as_patch(functools.wraps(original)(wrapper(original))))


def as_patch(function: F) -> F:
    """Return the function, identified as a patch of jhub."""
    # The value is the function itself, because functools.wraps copies the attributes of the function that it wraps.
    setattr(function, PATCH_ATTRIBUTE, function)
    return function


def is_patch(function: object) -> bool:
    """Return whether a function is a patch of jhub, and not a function that wraps one."""
    return getattr(function, PATCH_ATTRIBUTE, None) is function


def add_routes(*routes: tuple[str, type]) -> None:
    """Add routes before all others of the REST API, once."""
    existing = apihandlers.default_handlers
    if routes[0][1] not in [handler for _, handler, *_ in existing]:
        existing[:0] = routes
