"""Scopes of a token against the object of a request, as JupyterHub compares them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

Access: TypeAlias = Literal["granted", "filtered", "missing"]
"""The scope covers the object, or other objects only, or the token does not have it."""


def filters_of(scopes: Iterable[str], name: str) -> list[tuple[str, str]]:
    """Return the filters of a scope that a token has, such as `("user", "ana")`; `("", "")` stands for no filter."""
    filters: list[tuple[str, str]] = []
    for scope in scopes:
        base, _, limit = scope.partition("!")
        if base == name:
            kind, _, value = limit.partition("=")
            filters.append((kind, value))
    return filters


def access(
    scopes: Iterable[str],
    alternatives: Iterable[str],
    *,
    user: str | None = None,
    server: str | None = None,
    group: str | None = None,
    service: str | None = None,
    groups_of_user: Iterable[str] = (),
) -> Access:
    """Return whether one of the alternative scopes covers an object.

    Parameters
    ----------
    user, server, group, service
        The object. A server is `OWNER/NAME`, and its owner is the user. Without an object, only a scope without a
        filter covers the request.
    groups_of_user
        The groups of the user, for the scopes that are limited to a group.
    """
    held = [pair for name in alternatives for pair in filters_of(scopes, name)]
    objects = {("user", user), ("server", server), ("group", group), ("service", service)}
    if user is not None:
        objects |= {("group", name) for name in groups_of_user}
    if any(pair == ("", "") or (pair[1] and pair in objects) for pair in held):
        return "granted"
    # Without an object in the path, the hub does not look at filters, and answers 403.
    return "filtered" if held and any((user, server, group, service)) else "missing"
