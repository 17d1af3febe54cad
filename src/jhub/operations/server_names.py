"""Names of servers: their paths, and the rule of JupyterHub 6.0 for new names."""

from __future__ import annotations

import re

from jhub.errors import InvalidInput
from jhub.models import target
from jhub.operations.requests import user_path
from jhub.steps import segment

NAME_PATTERN = re.compile(r"[a-z](-?[a-z0-9])*")
"""Pattern of new server names in JupyterHub 6.0, apart from their length."""
NAME_HINT = "use 1 to 30 lower-case letters, digits and single dashes; start with a letter and do not end with a dash"
"""Hint of the error for an invalid server name."""


def server_path(user: str, name: str) -> str:
    """Return the path `/users/USER/server` or `/users/USER/servers/NAME`, quoted."""
    owner = user_path(user)
    return f"{owner}/servers/{segment(name, 'server')}" if name else f"{owner}/server"


def is_valid_server_name(name: str) -> bool:
    """Return whether a server's name follows the rule of JupyterHub 6.0.

    Older hubs accept any name, but a later upgrade would reject it.
    """
    return not name or (len(name) <= 30 and NAME_PATTERN.fullmatch(name) is not None)


def check_display_name_text(display_name: str | None) -> None:
    """Raise `InvalidInput` for an empty display name."""
    if display_name is not None and not display_name.strip():
        # The hub would silently keep the current display name.
        raise InvalidInput("the display name is empty", hint="to reset it, pass the server's own name")


def server_label(user: str, name: str) -> str:
    """Return the beginning of messages about a server."""
    return f"server {target(user, name)}"
