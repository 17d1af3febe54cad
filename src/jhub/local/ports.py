"""Ports and base URLs on loopback."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from urllib.parse import quote, unquote

from jhub.errors import InvalidInput, LocalHubError

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Different ports that nobody listens on. Somebody else may take one before we do: then start again."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind((LOOPBACK, 0))
        return [listener.getsockname()[1] for listener in sockets]


def check_port(port: int) -> None:
    """Raise LocalHubError if `port` cannot be listened on."""
    if not 0 < port < 65536:
        raise InvalidInput(f"{port} is not a port: 1 to 65535 are")
    with socket.socket() as listener:
        # As servers do: a port whose last connections are still closing is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except PermissionError as error:
            raise LocalHubError(f"no permission to listen on port {port}", hint="choose one above 1023") from error
        except OSError as error:
            raise LocalHubError(
                f"port {port} is taken by another program", hint="choose another port, or none to have a free one found"
            ) from error


def escaped_base_url(base_url: str) -> str:
    """A path prefix as JupyterHub wants it: escaped, with a slash at both ends. Accepts it unescaped too."""
    parts = unquote(base_url).strip("/").split("/")
    # JupyterHub makes regular expressions of it, and Traefik's rules quote it with backticks: keep to what both take.
    if parts != [""] and not all(re.fullmatch(r"[\w@~ .-]+", part) and part.strip(".") for part in parts):
        raise InvalidInput(f"{base_url!r} is not a base URL: give a path such as /hub/ or /@/some%20word/")
    return quote("/".join(["", *filter(None, parts), ""]), safe="/@~")
