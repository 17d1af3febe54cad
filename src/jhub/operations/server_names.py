"""Names of servers: their paths, and the rule of JupyterHub 6.0 for new ones."""

from __future__ import annotations

import re

from jhub.errors import (
    InvalidInput,
)
from jhub.models import target
from jhub.operations.requests import user_path
from jhub.steps import segment

NAME_PATTERN = re.compile(r"[a-z](-?[a-z0-9])*")
NAME_HINT = "1 to 30 lower-case letters, digits and single dashes, first a letter, last no dash"


def server_path(user: str, name: str) -> str:
    """`/users/USER/server` or `/users/USER/servers/NAME`, quoted."""
    owner = user_path(user)
    return f"{owner}/servers/{segment(name, 'server')}" if name else f"{owner}/server"


def is_valid_server_name(name: str) -> bool:
    """Whether a server's name keeps to the rule of JupyterHub 6.0. Older hubs took any; they will be upgraded one
    day.
    """
    return not name or (len(name) <= 30 and NAME_PATTERN.fullmatch(name) is not None)


def check_display_name_text(display_name: str | None) -> None:
    if display_name is not None and not display_name.strip():
        # The hub would keep the one there is, and say nothing.
        raise InvalidInput("a display name cannot be empty", hint="give the server's own name to be rid of another")


def server_label(user: str, name: str) -> str:
    return f"server {target(user, name)}"
