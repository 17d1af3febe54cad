"""Ports on loopback, and base URLs."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from urllib.parse import quote, unquote

from jhub.errors import InvalidInput, LocalHubError

LOOPBACK = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Return `count` different free ports. Another program may take one before you use it: try again then."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in sockets:
            listener.bind((LOOPBACK, 0))
        return [listener.getsockname()[1] for listener in sockets]


def check_port(port: int) -> None:
    """Raise `InvalidInput` for an invalid port, and `LocalHubError` for one that is not free or not permitted."""
    if not 0 < port < 65536:
        raise InvalidInput(f"invalid port {port}: use 1 to 65535")
    with socket.socket() as listener:
        # As servers set it: a port is free although its last connections are in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except PermissionError as error:
            raise LocalHubError(f"no permission to listen on port {port}", hint="choose a port above 1023") from error
        except OSError as error:
            raise LocalHubError(
                f"port {port} is in use by another program", hint="choose another port, or omit it to use a free one"
            ) from error


def is_free(port: int) -> bool:
    """Return whether a port can be listened on."""
    try:
        check_port(port)
    except (InvalidInput, LocalHubError):
        return False
    return True


def escaped_base_url(base_url: str) -> str:
    """Return a path prefix, escaped or not, in JupyterHub's form: escaped, with a slash at both ends."""
    parts = unquote(base_url).strip("/").split("/")
    # JupyterHub uses it in regular expressions, and Traefik's rules quote it in backticks: allow what is safe in both.
    if parts != [""] and not all(re.fullmatch(r"[\w@~ .-]+", part) and part.strip(".") for part in parts):
        raise InvalidInput(f"invalid base URL {base_url!r}: use a path such as /hub/ or /@/some%20word/")
    return quote("/".join(["", *filter(None, parts), ""]), safe="/@~")
